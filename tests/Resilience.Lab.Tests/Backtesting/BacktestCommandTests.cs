using System.Globalization;
using Resilience.Lab.Tests.EndToEnd;

namespace Resilience.Lab.Tests.Backtesting;

/// <summary><c>lab backtest</c> and <c>lab replay</c> as people start them: bad input is one line, exit 2, and leaves nothing behind.</summary>
public sealed class BacktestCommandTests
{
    private const int Minutes = 6 * 1_440;

    [Theory]
    [InlineData("min replicas 5 exceeds max replicas 2", "replay", "--min", "5", "--max", "2")]
    [InlineData("quantile must be between 0.5 and 0.9999, is 1", "replay", "--quantile", "1")]
    [InlineData("price per replica-hour must be positive, is 0", "replay", "--price", "0")]
    [InlineData("monthly budget 1 is below", "replay", "--min", "2", "--budget", "1")]
    [InlineData("--lead must be 1 to 288 intervals, is 0", "replay", "--lead", "0")]
    [InlineData("--capacity must be positive, is -1", "replay", "--capacity", "-1")]
    [InlineData("must be ascending steps between 1 and 288", "backtest", "--horizons", "5,3")]
    [InlineData("must be ascending steps between 1 and 288", "backtest", "--horizons", "5,400")]
    [InlineData("spans 6 d, less than --train, --warm-up and --eval together", "backtest", "--eval", "30d")]
    [InlineData("is not a time; write it like", "backtest", "--end", "soon")]
    [InlineData("0 points are too few", "backtest", "--end", "1990-01-01T00:00:00Z")]
    [InlineData("is not a time; write it like", "replay", "--hold", "long")]
    public async Task ImpossibleOptions_AreOneLine_AndNothingIsWritten(string expected, string command, params string[] options)
    {
        using var folder = new TemporaryFolder();
        await WriteAsync(folder, "trace.csv", i => "100");
        await AssertRefusedAsync(folder, expected, [command, "--trace", "trace.csv", "--out", "results", .. options]);
    }

    [Theory]
    [InlineData("trace.csv:4002: -3 is negative", "-3")]
    [InlineData("trace.csv:4002: \"many\" is not a number", "many")]
    [InlineData("trace.csv:4002: has 3 columns, the first line has 2", "1,2")]
    [InlineData("trace.csv:4002: \"Infinity\" is not a number", "Infinity")]
    public async Task ABadRow_IsNamed_EvenInTheLastOfSeveralFiles(string expected, string cell)
    {
        using var folder = new TemporaryFolder();
        await WriteAsync(folder, "a.csv", i => "100");
        await WriteAsync(folder, "trace.csv", i => i == 4_000 ? cell : "100");
        await AssertRefusedAsync(folder, expected, ["replay", "--trace", ".", "--out", "results"]);
    }

    [Theory]
    [InlineData("trace.csv: no such file", "backtest", "--trace", "trace.csv")]
    [InlineData("nothing: holds no .csv file", "replay", "--trace", "nothing")]
    public async Task AMissingTrace_IsOneLine(string expected, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "nothing"));
        await AssertRefusedAsync(folder, expected, arguments);
    }

    [Fact]
    public async Task OutThatIsAFile_IsOneLine()
    {
        using var folder = new TemporaryFolder();
        await WriteAsync(folder, "trace.csv", i => "100");
        await AssertRefusedAsync(folder, "--out: trace.csv is a file", ["replay", "--trace", "trace.csv", "--out", "trace.csv"]);
    }

    [Fact]
    public async Task AConstantTrace_NeverViolates_AndCompareWritesEveryPolicy()
    {
        using var folder = new TemporaryFolder();
        await WriteAsync(folder, "trace.csv", i => "100");
        var (code, output, error) = await LabProcess.RunAsync(folder.Path, "replay", "--trace", "trace.csv", "--compare", "--out", "results");

        Assert.True(code == 0, error);
        var rows = output.Split('\n').Where(line => line.StartsWith("| trace |", StringComparison.Ordinal) && !line.Contains("policy", StringComparison.Ordinal)).ToArray();
        Assert.Equal(6, rows.Length);
        Assert.All(rows, row => Assert.Contains("| 0.00% |", row, StringComparison.Ordinal));
        var files = Directory.GetFiles(Path.Combine(folder.Path, "results")).Select(Path.GetFileName).ToArray();
        Assert.Contains("compare.html", files);
        Assert.Equal(6, files.Count(name => name!.EndsWith("-decisions.csv", StringComparison.Ordinal)));
        Assert.Contains("<svg", await File.ReadAllTextAsync(Path.Combine(folder.Path, "results", "compare.html"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static async Task AssertRefusedAsync(TemporaryFolder folder, string expected, string[] arguments)
    {
        var (code, output, error) = await LabProcess.RunAsync(folder.Path, arguments);
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", error.TrimEnd(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "results")));
    }

    private static Task WriteAsync(TemporaryFolder folder, string name, Func<int, string> value)
    {
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var rows = Enumerable.Range(0, Minutes).Select(i => string.Create(CultureInfo.InvariantCulture, $"{start.AddMinutes(i):yyyy-MM-ddTHH:mm:ssZ},{value(i)}"));
        return File.WriteAllLinesAsync(Path.Combine(folder.Path, name), rows.Prepend("timestamp_utc,value"), TestContext.Current.CancellationToken);
    }
}
