using System.Text.Json;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>The whole way on a cluster that is not the lab's own: a second embedded one, reached by its kubeconfig only.</summary>
[Trait("tier", "slow")]
public sealed class DeployRunTests : IAsyncLifetime
{
    /// <summary>Installing, running, and taking everything out again.</summary>
    private static readonly TimeSpan WholeRun = TimeSpan.FromMinutes(5);

    private readonly TemporaryFolder _ours = new();
    private BareCluster? _theirs;

    private string Kubeconfig => _theirs!.Kubeconfig;

    public async ValueTask InitializeAsync() => _theirs = await BareCluster.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await (_theirs?.DisposeAsync() ?? ValueTask.CompletedTask);
        _ours.Dispose();
    }

    [Fact(Explicit = true)]
    public async Task Deploy_Run_Cleanup()
    {
        using var deployed = JsonDocument.Parse(await PassAsync("deploy", "--mode", "Observe", "--json"));
        var url = new Uri(deployed.RootElement.GetProperty("url").GetString()!);
        using var http = new HttpClient();
        Assert.Contains("<html", await http.GetStringAsync(url, TestContext.Current.CancellationToken), StringComparison.OrdinalIgnoreCase);
        Assert.Equal("Observe", deployed.RootElement.GetProperty("mode").GetString());

        using var report = JsonDocument.Parse(await PassAsync("run", "outage", "--duration", "12s", "--rps", "50", "--json"));
        var move = Assert.Single(report.RootElement.GetProperty("failovers").EnumerateArray());
        Assert.Equal(("rescue", "blue", "green"), (move.GetProperty("kind").GetString(), move.GetProperty("from").GetString(), move.GetProperty("to").GetString()));

        // Everything the run changed is as before: the mode, the autoscalers' limits, the slot that has the traffic.
        using var status = JsonDocument.Parse(await PassAsync("status", "--json"));
        Assert.Equal("blue", status.RootElement.GetProperty("active").GetString());
        Assert.Contains("2..5", status.RootElement.GetProperty("slots")[0].GetProperty("autoscaler").GetString(), StringComparison.Ordinal);
        using var again = JsonDocument.Parse(await PassAsync("deploy", "--json"));
        Assert.Equal("Observe", again.RootElement.GetProperty("mode").GetString());

        Assert.Contains("removed", await PassAsync("cleanup"), StringComparison.Ordinal);
        Assert.Contains("nothing to clean", await PassAsync("cleanup"), StringComparison.Ordinal);
    }

    /// <summary>The same drill, measured from a pod: the gap is there, every request is accounted for, and no Job stays.</summary>
    [Fact(Explicit = true)]
    public async Task Run_LoadFromAJob_HasTheSameReport()
    {
        _ = await PassAsync("deploy", "--mode", "Observe", "--json");
        using var report = JsonDocument.Parse(await PassAsync("run", "outage", "--load-from", "job", "--duration", "12s", "--rps", "50", "--json"));
        Assert.Equal("job", report.RootElement.GetProperty("loadFrom").GetString());
        Assert.Contains("load generator in a pod", report.RootElement.GetProperty("environment").GetProperty("note").GetString(), StringComparison.Ordinal);
        var load = report.RootElement.GetProperty("load");
        Assert.Equal(600, load.GetProperty("requests").GetInt64());
        Assert.Equal(600, load.GetProperty("failed").GetInt64() + load.GetProperty("perSlot").EnumerateObject().Sum(slot => slot.Value.GetInt64()));
        Assert.All(["blue", "green"], slot => Assert.True(load.GetProperty("perSlot").GetProperty(slot).GetInt64() > 50));
        var move = Assert.Single(report.RootElement.GetProperty("failovers").EnumerateArray());
        Assert.Equal(("rescue", "blue", "green"), (move.GetProperty("kind").GetString(), move.GetProperty("from").GetString(), move.GetProperty("to").GetString()));
        // The drill and the moment at which the users saw it are on one clock: the gap begins no earlier than the fault, and not seconds after it.
        var fault = report.RootElement.GetProperty("faults")[0].GetProperty("atSeconds").GetDouble();
        Assert.InRange(move.GetProperty("firstGoodAtSeconds").GetDouble(), fault - 0.1, fault + 5);
        using var cluster = await LabCluster.ConnectAsync(Kubeconfig, null, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Empty((await cluster.Api.ListAsync(ResourceTypes.Jobs, new ResourceScope(Names.Namespace), TestContext.Current.CancellationToken)).Items);
        _ = await PassAsync("cleanup");
    }

    [Fact(Explicit = true)]
    public async Task Run_OnAClusterWithoutTheSystem_InstallsAndRemovesIt_EvenWhenInterrupted()
    {
        await using var run = LabProcess.Start(_ours.Path, "run", "hang", "--kubeconfig", Kubeconfig, "--duration", "20s", "--rps", "50");
        await run.WaitForAsync("fault: hang");
        await run.SignalAsync("TERM");

        Assert.Equal(130, await run.ExitAsync(WholeRun));
        Assert.Contains("nothing to clean", await PassAsync("cleanup"), StringComparison.Ordinal);
    }

    [Theory(Explicit = true)]
    [InlineData("crash")]
    [InlineData("controller-loss")]
    [InlineData("slow")]
    public async Task Run_EveryMeansOfHurting_WorksThroughTheStandardApi(string experiment)
    {
        await using var run = LabProcess.Start(_ours.Path, "run", experiment, "--kubeconfig", Kubeconfig, "--duration", "18s", "--rps", "50", "--json");
        var code = await run.ExitAsync(WholeRun);

        Assert.True(code is 0 or 1, run.Error);
        using var report = JsonDocument.Parse(run.Output);
        Assert.NotEmpty(report.RootElement.GetProperty("faults").EnumerateArray());
        Assert.True(report.RootElement.GetProperty("load").GetProperty("perSlot").GetProperty("blue").GetInt64() > 0, run.Error);
    }

    private Task<string> PassAsync(params string[] arguments) => LabProcess.PassAsync(_ours.Path, WholeRun, [.. arguments, "--kubeconfig", Kubeconfig]);
}
