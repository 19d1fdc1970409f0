using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Resilience.Lab.Tests.EndToEnd;

[Trait("tier", "slow")]
public sealed class VariantsRunTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    /// <summary>Both clusters, the agent with its history, the day's course, both reports. Which one is better is the full run's business.</summary>
    [Fact(Explicit = true)]
    public async Task RunPredictiveVsReactive_Shortened_ComparesTwoRealRuns()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the embedded cluster needs 127.x addresses");
        using var folder = new TemporaryFolder();
        await using var lab = LabProcess.Start(folder.Path, "run", "predictive-vs-reactive", "--duration", "60s", "--json");
        var code = await lab.ExitAsync(Patience);

        Assert.True(code is 0 or 1, $"exit code {code}: {lab.Error}");
        using var json = JsonDocument.Parse(lab.Output);
        var report = json.RootElement;
        Assert.Equal(2, report.GetProperty("comparisons").GetArrayLength());
        var variants = report.GetProperty("variants").EnumerateArray().ToArray();
        Assert.Equal(["reactive", "predictive"], variants.Select(run => run.GetProperty("variant").GetString()));
        Assert.All(variants, run => Assert.True(run.GetProperty("timeScale").GetDouble() == 120 && run.GetProperty("load").GetProperty("requests").GetInt64() > 2_000));
        Assert.All(variants, run => Assert.True(run.GetProperty("scaling").GetProperty("replicaHours").GetDouble() > 0));
        Assert.Equal([60, 85], variants.Select(MeasuredShare));
        Assert.Empty(variants[0].GetProperty("decisions").EnumerateArray());
        var decisions = variants[1].GetProperty("decisions").EnumerateArray().ToArray();
        Assert.True(decisions.Length >= 10, $"60 s are 24 intervals of the agent; it decided {decisions.Length} times: {lab.Error}");
        Assert.Contains(decisions, decision => decision.GetProperty("stage").GetString() == "Full" && decision.GetProperty("p50").GetDouble() > 0);
        var files = Directory.GetDirectories(Path.Combine(folder.Path, "lab-reports")).SelectMany(Directory.GetFiles).Select(Path.GetFileName).Order();
        Assert.Equal(["report.html", "report.json", "report.md"], files);
    }

    /// <summary>The share of the capacity that the timeline says was measured, once and before the load's first second.</summary>
    private static int MeasuredShare(JsonElement run)
    {
        var note = Assert.Single(run.GetProperty("timeline").EnumerateArray(), entry => entry.GetProperty("text").GetString()!.StartsWith("HPA web-blue:", StringComparison.Ordinal));
        Assert.Equal(0, note.GetProperty("atSeconds").GetDouble());
        var words = Regex.Match(note.GetProperty("text").GetString()!, @"^HPA web-blue: (\d+)% of a pod's capacity, .* ([\d.]+) ms a request: the target is (\d+)% of the requested 100m$");
        Assert.True(words.Success, note.GetProperty("text").GetString());
        Assert.InRange(double.Parse(words.Groups[2].Value, CultureInfo.InvariantCulture), 2, 20);   // 2 ms are burned on purpose
        return int.Parse(words.Groups[1].Value, CultureInfo.InvariantCulture);
    }
}
