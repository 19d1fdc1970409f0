using Resilience.Lab.Cli;
using Resilience.Lab.Commands;

namespace Resilience.Lab.Tests.Backtesting;

public sealed class BacktestTraceTests
{
    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("a,b\n1,2", ":1: has no column named")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2", "found 2")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,-2\n2026-01-01T00:02:00Z,3", ":3: -2 is negative")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:00Z,2\n2026-01-01T00:02:00Z,3", ":3: 2026-01-01T00:00:00Z appears twice")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:01:00Z,1\n2026-01-01T00:00:00Z,2\n2026-01-01T00:02:00Z,3", ":3: 2026-01-01T00:00:00Z is earlier")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\nyesterday,2\n2026-01-01T00:02:00Z,3", ":3: \"yesterday\" is not a time")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,many\n2026-01-01T00:02:00Z,3", ":3: \"many\" is not a number")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,1,1\n2026-01-01T00:02:00Z,3", ":3: has 3 columns")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:02:00Z,1\n2026-01-01T00:05:00Z,3", ":4: 2026-01-01 00:05:00Z is not on the grid")]
    public async Task Read_OfABadFile_NamesFileAndRow(string text, string expected)
    {
        var file = await WriteAsync(text);
        var problem = await Assert.ThrowsAsync<LabException>(() => BacktestTrace.ReadAsync(file, TestContext.Current.CancellationToken));
        Assert.StartsWith(file, problem.Message, StringComparison.Ordinal);
        Assert.Contains(expected, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
    }

    [Fact]
    public async Task Read_WithGapsAndNaN_LeavesThemMissing()
    {
        var file = await WriteAsync("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,NaN\n2026-01-01T00:04:00Z,5\n");
        var (trace, missing) = await BacktestTrace.ReadAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(3, missing);
        Assert.Equal([1, double.NaN, double.NaN, double.NaN, 5], trace.Values);
        Assert.Equal(TimeSpan.FromMinutes(1), trace.Interval);
    }

    [Fact]
    public void Output_ThatIsNotCommitted_LeavesNothingBehind()
    {
        var directory = Directory.CreateTempSubdirectory("backtest").FullName;
        using (var output = new BacktestOutput(directory))
        {
            output.Write("half.csv", "half");
        }

        Assert.Empty(Directory.GetFiles(directory));
        Directory.Delete(directory, recursive: true);
    }

    private static async Task<string> WriteAsync(string text)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("trace").FullName, "trace.csv");
        await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
        return file;
    }
}
