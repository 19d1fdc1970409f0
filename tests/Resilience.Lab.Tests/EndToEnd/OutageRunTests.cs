using System.Text.Json;

namespace Resilience.Lab.Tests.EndToEnd;

public sealed class OutageRunTests
{
    /// <summary>The whole path: cluster, manifests, load, drill, watcher, report. Bounds are wide: the figures are the benchmark's business.</summary>
    [Fact]
    public async Task RunOutage_Shortened_MovesTrafficOnceAndReportsIt()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the embedded cluster needs 127.x addresses");
        using var folder = new TemporaryFolder();
        await using var lab = LabProcess.Start(folder.Path, "run", "outage", "--duration", "6s", "--rps", "100", "--json");
        var code = await lab.ExitAsync();

        Assert.True(code is 0 or 1, $"exit code {code}: {lab.Error}");
        using var json = JsonDocument.Parse(lab.Output);
        var report = json.RootElement;
        Assert.Equal((1, "outage", "embedded"), (report.GetProperty("schemaVersion").GetInt32(), report.GetProperty("experiment").GetString(), report.GetProperty("cluster").GetString()));
        var move = Assert.Single(report.GetProperty("failovers").EnumerateArray());
        Assert.Equal(("rescue", "blue", "green"), (move.GetProperty("kind").GetString(), move.GetProperty("from").GetString(), move.GetProperty("to").GetString()));
        Assert.InRange(move.GetProperty("clientGapMs").GetDouble(), 0, 5_000);
        Assert.True(report.GetProperty("load").GetProperty("perSlot").GetProperty("green").GetInt64() > 0);
        var files = Directory.GetDirectories(Path.Combine(folder.Path, "lab-reports")).SelectMany(Directory.GetFiles).Select(Path.GetFileName).Order();
        Assert.Equal(["report.html", "report.json", "report.md"], files);
    }
}
