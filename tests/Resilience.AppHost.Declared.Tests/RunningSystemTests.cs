extern alias apphost;

using System.Text.Json.Nodes;
using apphost::Resilience.AppHost.EmbeddedCluster;
using apphost::Resilience.AppHost.Slots;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;
using Resilience.Lab.Drills;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>What the dashboard shows of real pods and does to them; what it leaves behind, the lab must be able to undo, and the other way round.</summary>
public sealed class RunningSystemTests(SystemFixture system) : IClassFixture<SystemFixture>, IAsyncLifetime
{
    private const string Whole = "2 of 2 Ready";
    private LabCluster? _lab;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Dashboard Dashboard => system.Dashboard;

    private LabCluster Lab => _lab!;

    private ClusterDrillTarget Target => new(Lab);

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pods as processes need Linux (sessions, 127.x addresses)");
        await Dashboard.ShowsAsync("web-blue", "Pods", Whole);
        await Dashboard.ShowsAsync("web-green", "Pods", Whole);
        _lab = await LabCluster.ConnectAsync(system.Cluster.KubeconfigPath, null, TimeProvider.System, Token);
    }

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Slots_ShowWhereTheTrafficGoes()
    {
        await Dashboard.ShowsAsync("web-blue", "Traffic", "active");
        Assert.Equal("standby", Dashboard.Property("web-green", "Traffic"));
        var page = Assert.Single(Dashboard.Shown("web-blue")!.Urls);
        Assert.Equal($"http://{system.Cluster.NodeAddress}:{ClusterTopology.NodePort}/", page.Url);
        Assert.Empty(Dashboard.Shown("web-green")!.Urls);
        Assert.Equal(KnownResourceStates.Running, Dashboard.Shown("web-blue")!.State!.Text);
        Assert.Equal(new SlotState(2, 2, IsActive: true), Dashboard.Blue.State);
        Assert.Equal(page.Url, (await system.Known.Page).ToString());
    }

    [Fact]
    public async Task Pods_AreShownBelowTheirSlot_WithAddressHealthAndLog()
    {
        foreach (var slot in Names.Slots)
        {
            foreach (var pod in await PodsAsync(slot))
            {
                await Dashboard.UntilAsync(() => Dashboard.Shown(pod)?.HealthReports is [{ Status: HealthStatus.Healthy }], $"{pod} is shown healthy");
                var shown = Dashboard.Shown(pod)!;
                Assert.Equal("Pod", shown.ResourceType);
                Assert.Equal(Names.Deployment(slot), Dashboard.Property(pod, "resource.parentName"));
                Assert.Equal(KnownResourceStates.Running, shown.State!.Text);
                Assert.Equal($"http://{Dashboard.Property(pod, "Address")}:8080/", Assert.Single(shown.Urls).Url);
                Assert.NotNull(shown.StartTimeStamp);
            }
        }

        var listening = (await PodsAsync("green"))[0];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        await foreach (var lines in Dashboard.Logs.WatchAsync(listening).WithCancellation(limit.Token))
        {
            if (lines.Any(line => line.Content.Contains("Now listening on", StringComparison.Ordinal)))
            {
                return;
            }
        }

        Assert.Fail($"the log of {listening} ended without a line about listening");
    }

    [Fact]
    public async Task Pod_ThatIsGone_IsHidden_AndTheSlotBecomesWholeAgain()
    {
        var gone = (await PodsAsync("green"))[0];

        await Lab.Api.DeleteAsync(ResourceTypes.Pods, Names.Namespace, gone, Token, grace: TimeSpan.Zero);

        await Dashboard.UntilAsync(() => Dashboard.Shown(gone)!.IsHidden, $"{gone} is hidden");
        await Dashboard.ShowsAsync("web-green", "Pods", Whole);
        Assert.DoesNotContain(gone, await PodsAsync("green"));
    }

    [Theory]
    [InlineData("slow")]
    [InlineData("errors")]
    public async Task Fault_IsTheLabs_AndTheLabCanUndoIt(string kind)
    {
        var drills = Drills(Dashboard.Green);
        var strength = Assert.Single(FaultCatalog.Find(kind).Parameters, parameter => parameter.Name is "latencyMs" or "errorRatio");

        var said = await (kind == "slow" ? drills.SlowAsync(Token) : drills.FailAsync(Token));

        Assert.StartsWith("web-green (2 pods) answers", said, StringComparison.Ordinal);
        Assert.All(await FaultsAsync("green"), faults => Assert.Equal(strength.Default, (double)faults[strength.Name]!));
        var (_, record) = await Target.ReadAsync("green", Token);
        Assert.Equal((kind, 2, null), (record!.Kind, record.Before, record.Until));
        var refused = await Assert.ThrowsAsync<DrillException>(() => drills.HangAsync(Token));
        Assert.Equal($"The drill \"{kind}\" still holds web-green; heal it first.", refused.Message);

        Assert.Equal([$"{kind} on green"], await DrillCrew.HealAsync(Target, Token));
        Assert.All(await FaultsAsync("green"), faults => Assert.Equal(0, (double?)faults[strength.Name] ?? 0));
        Assert.Equal("web-green was well.", await drills.HealAsync(Token));
    }

    [Fact]
    public async Task Hang_StopsTheProcesses_UntilHealed()
    {
        var drills = Drills(Dashboard.Green);
        var pods = await PodsAsync("green");

        Assert.Equal("2 processes of web-green are stopped, until healed.", await drills.HangAsync(Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AskAsync(pods[0], TimeSpan.FromSeconds(1)));

        Assert.Equal("\"hang\" on web-green is undone.", await drills.HealAsync(Token));
        await AskAsync(pods[0], TimeSpan.FromSeconds(10));
        await Dashboard.ShowsAsync("web-green", "Pods", Whole);
    }

    [Fact]
    public async Task Crash_RestartsEveryPod_AndHoldsNothing()
    {
        var pods = await PodsAsync("green");
        var before = pods.ToDictionary(pod => pod, pod => (int)Dashboard.Property(pod, "Restarts")!);

        Assert.Equal("2 processes of web-green were killed.", await Drills(Dashboard.Green).CrashAsync(Token));

        Assert.Null((await Target.ReadAsync("green", Token)).Record);
        foreach (var pod in pods)
        {
            await Dashboard.ShowsAsync(pod, "Restarts", before[pod] + 1);
        }

        await Dashboard.ShowsAsync("web-green", "Pods", Whole);
    }

    [Fact]
    public async Task Outage_TakesThePodsAway_AndEndsByItself()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var began = clock.GetUtcNow();

        Assert.Equal("web-green is scaled away for 20 s.", await new SlotDrills(system.Known.Api, Dashboard.Green, clock).OutageAsync(Token));

        await Dashboard.ShowsAsync("web-green", "Pods", "0 of 0 Ready");
        var (replicas, record) = await Target.ReadAsync("green", Token);
        Assert.Equal((0, "outage", 2, began.AddSeconds(20)), (replicas, record!.Kind, record.Before, record.Until));
        clock.Advance(TimeSpan.FromSeconds(20));
        await Dashboard.ShowsAsync("web-green", "Pods", Whole);
        Assert.Null((await Target.ReadAsync("green", Token)).Record);
    }

    [Fact]
    public async Task Heal_GivesBackThePods_ThatTheLabScaledAway()
    {
        await Target.WriteAsync("green", 0, new DrillRecord("left-behind", "flap", 2, null), Token);
        await Dashboard.ShowsAsync("web-green", "Pods", "0 of 0 Ready");

        Assert.Equal("\"flap\" on web-green is undone.", await Drills(Dashboard.Green).HealAsync(Token));

        await Dashboard.ShowsAsync("web-green", "Pods", Whole);
        Assert.Null((await Target.ReadAsync("green", Token)).Record);
    }

    [Fact]
    public async Task Heal_ReconnectsTheSlot_ThatTheLabCutOff()
    {
        var page = await system.Known.Page;
        await Target.WriteAsync("blue", null, new DrillRecord("left-behind", "partition", 2, null), Token);
        await Target.SetNetworkAsync(new JsonObject { ["partition"] = true }, Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AskAsync(page, TimeSpan.FromSeconds(1)));

        Assert.Equal("\"partition\" on web-blue is undone.", await Drills(Dashboard.Blue).HealAsync(Token));

        await AskAsync(page, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Words_AreTheLabsAndTheWatchers()
    {
        var scaled = FaultCatalog.All.Where(fault => fault.Means == FaultMeans.Scale).Select(fault => fault.Name);
        var network = FaultCatalog.All.Where(fault => fault.Means == FaultMeans.Network).Select(fault => fault.Name);

        Assert.Equal(scaled, SlotDrills.ScaledAway);
        Assert.Equal(network, SlotDrills.InTheNetwork);
        Assert.Equal(SwitchoverStatus.FinalPhases.Order(), SlotDrills.FinalPhases.Order());
    }

    [Theory]
    [InlineData("Switched", null)]
    [InlineData("Rejected", "Rejected: as told")]
    public async Task FailOver_AsksForASwitchover_AndTellsHowItEnded(string phase, string? refusal)
    {
        Assert.Equal("web-blue has the traffic already.", await Drills(Dashboard.Blue).FailOverAsync(Token));

        var asking = Drills(Dashboard.Green).FailOverAsync(Token);
        var asked = await AskedAsync();
        Assert.Equal(("web", "green", "blue"), (asked.Spec.BlueGreen, asked.Spec.To, asked.Spec.Precondition?.Active));
        var status = new JsonObject { ["status"] = new JsonObject { ["phase"] = phase, ["message"] = "as told" } };
        await Lab.Api.PatchAsync(ResourceTypes.Switchovers, Names.Namespace, asked.Metadata.Name, ResourcePatch.Merge(status), Token, subresource: "status");

        if (refusal is null)
        {
            Assert.Matches(@"^Switched in \d+\.\d s\. as told$", await asking);
        }
        else
        {
            Assert.Equal(refusal, (await Assert.ThrowsAsync<DrillException>(() => asking)).Message);
        }

        await Lab.Api.DeleteAsync(ResourceTypes.Switchovers, Names.Namespace, asked.Metadata.Name, Token);
    }

    private SlotDrills Drills(SlotResource slot) => new(system.Known.Api, slot, TimeProvider.System);

    private async Task<List<string>> PodsAsync(string slot)
    {
        var pods = await Lab.PodsAsync(LabCluster.SlotSelector(slot), Token);
        List<string> names = [.. pods.Where(pod => pod.Metadata.DeletionTimestamp is null).Select(pod => pod.Metadata.Name)];
        await Dashboard.UntilAsync(() => names.All(name => Dashboard.Shown(name) is not null), $"the dashboard shows {string.Join(", ", names)}");
        return names;
    }

    private async Task<IReadOnlyList<JsonNode>> FaultsAsync(string slot)
    {
        var headers = new Dictionary<string, string> { ["X-Fault-Token"] = "teaching-token-change-me" };
        var faults = new List<JsonNode>();
        foreach (var pod in await PodsAsync(slot))
        {
            faults.Add(JsonNode.Parse(await Lab.Api.SendRawAsync(HttpMethod.Get, ApiPath.Faults(pod), null, Token, headers))!);
        }

        return faults;
    }

    private async Task<Switchover> AskedAsync()
    {
        Switchover? asked = null;
        while (asked is null)
        {
            var all = await Lab.Api.ListAsync(ResourceTypes.Switchovers, new ResourceScope(Names.Namespace, null), Token);
            asked = all.Items.SingleOrDefault();
        }

        return asked;
    }

    private Task AskAsync(string pod, TimeSpan limit) => AskAsync(new Uri($"http://{Dashboard.Property(pod, "Address")}:8080/readyz"), limit);

    private static async Task AskAsync(Uri address, TimeSpan limit)
    {
        using var http = new HttpClient { Timeout = limit };
        using var answer = await http.GetAsync(address, Token);
        Assert.True(answer.IsSuccessStatusCode, $"{address}: {answer.StatusCode}");
    }
}
