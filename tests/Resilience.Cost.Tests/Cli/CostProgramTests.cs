using System.Text.Json;
using Resilience.Cost.Cli;
using Resilience.Cost.Model;

namespace Resilience.Cost.Tests.Cli;

public sealed class CostProgramTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("resilience-cost-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("report.csv", "--csv")]
    [InlineData("report.json", "--json")]
    public void Run_OnTheReplay_PrintsTheGoldenReport(string golden, string format)
    {
        var (code, output, error) = Run("--replay", Examples.Golden("decisions.csv"), format);

        Assert.Equal((0, ""), (code, error));
        AssertGolden(golden, output);
    }

    [Fact]
    public void Run_WithFocus_WritesTheGoldenExport()
    {
        var export = Path.Combine(_folder.FullName, "focus.csv");

        Assert.Equal(0, Run("--replay", Examples.Golden("decisions.csv"), "--price-set", "opencost", "--focus", export).Code);

        AssertGolden("focus.csv", File.ReadAllText(export));
        Assert.Single(_folder.GetFiles());   // no temporary file is left
    }

    /// <summary>The worked example in the documentation is what the command prints.</summary>
    [Fact]
    public void Run_WithExplain_PrintsTheWorkedExampleOfTheAssumptions()
    {
        var document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "cost_assumptions.md"));

        var (code, output, _) = Run("--explain");

        Assert.Equal(0, code);
        Assert.Contains($"```text\n{string.Join('\n', output.TrimEnd().Split('\n').Select(line => line.TrimEnd()))}\n```", document, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_WithJsonAndExplain_KeepsStdoutJson()
    {
        var (code, output, error) = Run("--json", "--explain", "--strategy", "peak-scaling", "--baseline", "always-on-one");

        Assert.Equal(0, code);
        Assert.StartsWith("How the figures come about", error, StringComparison.Ordinal);
        var strategies = JsonDocument.Parse(output).RootElement.GetProperty("strategies").EnumerateArray().ToArray();
        Assert.Equal(["always-on-one", "peak-scaling"], strategies.Select(strategy => strategy.GetProperty("name").GetString()));
        Assert.Equal(35.04m, strategies[1].GetProperty("savingsUsd").GetDecimal());   // 87.60 - 52.56
        Assert.Equal(40m, strategies[1].GetProperty("savingsPercent").GetDecimal());
    }

    [Fact]
    public void Run_Measure_PricesARunOfTheLab()
    {
        var (code, output, _) = Run("measure", "--replica-seconds", "240", "--good-requests", "12000", "--json");

        Assert.Equal(0, code);
        var cost = JsonDocument.Parse(output).RootElement.GetProperty("cost");
        Assert.Equal(0.0008m, cost.GetProperty("usd").GetDecimal());
        Assert.Equal(0.0666666667m, cost.GetProperty("usdPerMillionGoodRequests").GetDecimal(), 9);
    }

    [Fact]
    public void Run_Help_NamesEveryStrategyAndGivesExamples()
    {
        var (code, output, _) = Run("--help");

        Assert.Equal(0, code);
        Assert.All(StrategyNames.All, name => Assert.Contains(name, output, StringComparison.Ordinal));
        Assert.Contains("dotnet run --project cost/Resilience.Cost", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no strategy \"peek-scaling\"; did you mean \"peak-scaling\"?", "--strategy", "peek-scaling")]
    [InlineData("there is no strategy \"always-on-bth\"; did you mean \"always-on-both\"?", "--baseline", "always-on-bth")]
    [InlineData("predictive-floor needs --replay", "--strategy", "predictive-floor")]
    [InlineData("--replicas must be a whole number from 1 to 100000, not \"0\"", "--replicas", "0")]
    [InlineData("--off-peak-replicas 4 is more than the 3 replicas of the peak", "--replicas", "3", "--off-peak-replicas", "4")]
    [InlineData("--cpu must be a CPU quantity above 0", "--cpu", "0m")]
    [InlineData("--memory must be a memory quantity above 0", "--memory", "128Qi")]
    [InlineData("--standby-percent must be a percentage from 0 to 100, not \"101%\"", "--standby-percent", "101%")]
    [InlineData("--overlap must be a duration such as 90s, 5m or 1h, not \"soon\"", "--overlap", "soon")]
    [InlineData("--peak-hours must be a number of hours from 0 to 24, not \"25\"", "--peak-hours", "25")]
    [InlineData("--json and --csv exclude each other", "--json", "--csv")]
    [InlineData("\"--replcas\" is not an option or command here; did you mean --replicas?", "--replcas", "3")]
    [InlineData("there is no file no.json", "--prices", "no.json")]
    [InlineData("there is no file no.csv", "--replay", "no.csv")]
    [InlineData("--capacity-per-pod goes with --replay", "--capacity-per-pod")]
    public void Run_OfABadLine_SaysSoInOneLineAndWritesNothing(string message, params string[] args)
    {
        var export = Path.Combine(_folder.FullName, "focus.csv");

        var (code, output, error) = Run([.. args, "--focus", export]);

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"cost: {message}", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(letter => letter == '\n'));
        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public void Run_WithABadReplay_LeavesAnEarlierExportAlone()
    {
        var (replay, export) = (Path.Combine(_folder.FullName, "replay.csv"), Path.Combine(_folder.FullName, "focus.csv"));
        File.WriteAllText(replay, "t_utc,replicas\n2026-11-02T00:00:00Z,2\n2026-11-02T00:01:00Z,x\n");
        File.WriteAllText(export, "earlier");

        var (code, _, error) = Run("--replay", replay, "--focus", export);

        Assert.Equal(2, code);
        Assert.Equal($"cost: {replay}:3: replicas must be a number from 0 up, not \"x\"", error.TrimEnd());
        Assert.Equal("earlier", File.ReadAllText(export));
    }

    [Fact]
    public void Run_WithFiguresTooLarge_SaysSo()
    {
        var replay = Path.Combine(_folder.FullName, "replay.csv");
        File.WriteAllText(replay, "t_utc,demand,requested,ready,capacity\n2026-11-02T00:00:00Z,1e15,1,1,1e-28\n2026-11-02T00:01:00Z,1,1,1,1\n");

        Assert.Equal((2, "", "cost: these inputs give figures of more than 28 digits; check prices, pods and requests\n"), Run("--replay", replay));
    }

    [Fact]
    public void Run_WithFewerReplicasThanTheReplayNeeded_DoubtsTheFixedStrategies()
    {
        var (code, _, error) = Run("--replay", Examples.Golden("decisions.csv"), "--replicas", "2", "--json");

        Assert.Equal(0, code);
        Assert.StartsWith("cost: note: the replay needed 3 pods at once", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_WithFocusOntoAnInput_Refuses()
    {
        var replay = Path.Combine(_folder.FullName, "replay.csv");
        File.Copy(Examples.Golden("decisions.csv"), replay);

        Assert.Equal(2, Run("--replay", replay, "--focus", replay).Code);
        Assert.Equal(File.ReadAllText(Examples.Golden("decisions.csv")), File.ReadAllText(replay));
    }

    [Theory]
    [InlineData("250m", "1Gi", "opencost", 0.01213975)]   // 0.25 x 0.031611 + 1 x 0.004237
    [InlineData("2", "512M", "opencost", 0.06524235)]     // 512e6 bytes = 0.476837158 GiB
    [InlineData("0.5", "64Mi", "teaching", 0.06)]
    public void Run_WithAPodShape_PricesItsRequests(string cpu, string memory, string set, double usdPerPodHour)
    {
        var output = Run("--cpu", cpu, "--memory", memory, "--price-set", set, "--json").Output;

        Assert.Equal(usdPerPodHour, JsonDocument.Parse(output).RootElement.GetProperty("pod").GetProperty("usdPerPodHour").GetDouble(), 1e-8);
    }

    private static void AssertGolden(string file, string actual) => Assert.Equal(File.ReadAllText(Examples.Golden(file)), actual);

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        return (CostProgram.Run(args, output, error), output.ToString(), error.ToString());
    }
}
