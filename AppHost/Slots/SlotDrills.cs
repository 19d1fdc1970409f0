using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.AppHost.EmbeddedCluster;

namespace Resilience.AppHost.Slots;

/// <summary>A drill that cannot be done now; one sentence.</summary>
internal sealed class DrillException(string message) : Exception(message);

/// <summary>
/// Drills on one slot, all through the cluster's API, with the record on the Deployment by which <c>lab chaos heal</c> can undo them too.
/// Each answers with a sentence about what it has done.
/// </summary>
internal sealed class SlotDrills(KubernetesApi api, SlotResource slot, TimeProvider clock)
{
    private const string RecordAnnotation = "resilience.dev/drill";
    private static readonly TimeSpan OutageLength = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan MoveLimit = TimeSpan.FromSeconds(60);

    // The lab's words, because drills that only the lab starts are undone here too.
    internal static readonly string[] ScaledAway = ["outage", "flap"];
    internal static readonly string[] InTheNetwork = ["network-delay", "network-reset", "partition"];
    internal static readonly string[] FinalPhases = ["Switched", "RolledBack", "Rejected", "Expired", "Failed"];

    private string Deployment => $"{ClusterTopology.Apps}/deployments/{slot.Name}";

    public Task<string> SlowAsync(CancellationToken stop) => FaultAsync("slow", new JsonObject { ["latencyMs"] = 400 }, "answers 400 ms later", stop);

    public Task<string> FailAsync(CancellationToken stop) => FaultAsync("errors", new JsonObject { ["errorRatio"] = 0.2 }, "answers one in five requests with an error", stop);

    public async Task<string> HangAsync(CancellationToken stop)
    {
        var pods = await HoldAsync("hang", () => SignalAsync("STOP", stop), stop).ConfigureAwait(false);
        return $"{pods} processes of {slot.Name} are stopped, until healed.";
    }

    /// <remarks>Happens once and leaves nothing to undo, so it leaves no record.</remarks>
    public async Task<string> CrashAsync(CancellationToken stop)
    {
        var pods = await SignalAsync("KILL", stop).ConfigureAwait(false);
        return pods > 0 ? $"{pods} processes of {slot.Name} were killed." : throw new DrillException($"{slot.Name} has no process to kill.");
    }

    public async Task<string> OutageAsync(CancellationToken stop)
    {
        var record = await BeginAsync("outage", 0, OutageLength, stop).ConfigureAwait(false);
        _ = RestoreLaterAsync((string)record["id"]!);
        return $"{slot.Name} is scaled away for {OutageLength.TotalSeconds:0} s.";
    }

    public async Task<string> HealAsync(CancellationToken stop)
    {
        var (_, record) = await ReadAsync(stop).ConfigureAwait(false);
        _ = await SignalAsync("CONT", stop).ConfigureAwait(false);
        var token = await FaultTokenAsync(stop).ConfigureAwait(false);
        _ = await EachPodAsync(pod => api.DeleteAsync(Faults(pod), stop, ("X-Fault-Token", token)), stop).ConfigureAwait(false);
        if (InTheNetwork.Contains((string?)record?["kind"]))
        {
            _ = await api.DeleteAsync($"{ClusterTopology.Drills}/services/{ClusterTopology.Service}/network", stop).ConfigureAwait(false);
        }

        await EndAsync(record, stop).ConfigureAwait(false);
        return record is null ? $"{slot.Name} was well." : $"\"{(string?)record["kind"]}\" on {slot.Name} is undone.";
    }

    /// <summary>Asks by a Switchover, which the failover watcher alone carries out, and waits for its answer.</summary>
    public async Task<string> FailOverAsync(CancellationToken stop)
    {
        var service = await api.GetAsync($"{ClusterTopology.Core}/services/{ClusterTopology.Service}", stop).ConfigureAwait(false);
        var active = (string?)service["spec"]?["selector"]?["version"];
        if (active == slot.Slot)
        {
            return $"{slot.Name} has the traffic already.";
        }

        var now = clock.GetUtcNow();
        var name = string.Create(CultureInfo.InvariantCulture, $"dashboard-{slot.Slot}-{now.ToUnixTimeMilliseconds()}");
        _ = await api.CreateAsync($"{ClusterTopology.Resilience}/switchovers", new JsonObject
        {
            ["apiVersion"] = "resilience.dev/v1alpha1",
            ["kind"] = "Switchover",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ClusterTopology.Namespace },
            ["spec"] = new JsonObject
            {
                ["blueGreen"] = ClusterTopology.BlueGreen,
                ["to"] = slot.Slot,
                ["reason"] = "asked for in the Aspire dashboard",
                ["requestedBy"] = Environment.UserName,
                ["expiresAt"] = (now + MoveLimit).ToString("O", CultureInfo.InvariantCulture),
                ["precondition"] = new JsonObject { ["active"] = active },
            },
        }, stop).ConfigureAwait(false);
        return await FollowAsync(name, stop).ConfigureAwait(false);
    }

    private async Task<string> FollowAsync(string switchover, CancellationToken stop)
    {
        var started = clock.GetTimestamp();
        while (clock.GetElapsedTime(started) < MoveLimit)
        {
            var seen = await api.GetAsync($"{ClusterTopology.Resilience}/switchovers/{switchover}", stop).ConfigureAwait(false);
            var phase = (string?)seen["status"]?["phase"];
            var message = (string?)seen["status"]?["message"];
            if (FinalPhases.Contains(phase))
            {
                return phase == "Switched" ? $"Switched in {clock.GetElapsedTime(started).TotalSeconds:0.0} s. {message}" : throw new DrillException($"{phase}: {message}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, stop).ConfigureAwait(false);
        }

        throw new DrillException($"The Switchover {switchover} did not finish within {MoveLimit.TotalSeconds:0} s; is failover-watcher running?");
    }

    private async Task<string> FaultAsync(string kind, JsonObject fault, string effect, CancellationToken stop)
    {
        var token = await FaultTokenAsync(stop).ConfigureAwait(false);
        var pods = await HoldAsync(
            kind, () => EachPodAsync(pod => api.PutAsync(Faults(pod), (JsonObject)fault.DeepClone(), stop, ("X-Fault-Token", token)), stop), stop).ConfigureAwait(false);
        return $"{slot.Name} ({pods} pods) {effect}, until healed.";
    }

    /// <summary>Holds the slot for a drill that lasts until healed; lets it go again when no pod took the drill.</summary>
    /// <returns>How many pods took it.</returns>
    private async Task<int> HoldAsync(string kind, Func<Task<int>> act, CancellationToken stop)
    {
        var record = await BeginAsync(kind, null, null, stop).ConfigureAwait(false);
        var pods = await act().ConfigureAwait(false);
        if (pods > 0)
        {
            return pods;
        }

        await EndAsync(record, stop).ConfigureAwait(false);
        throw new DrillException($"No pod of {slot.Name} took the drill; is one running, and are faults enabled (Secret {ClusterTopology.FaultSecret})?");
    }

    /// <summary>Writes the record, and the replicas with it, in one patch; refuses while another drill holds the slot.</summary>
    private async Task<JsonObject> BeginAsync(string kind, int? replicas, TimeSpan? lasts, CancellationToken stop)
    {
        var (before, existing) = await ReadAsync(stop).ConfigureAwait(false);
        if (existing is not null)
        {
            throw new DrillException($"The drill \"{(string?)existing["kind"]}\" still holds {slot.Name}; heal it first.");
        }

        var now = clock.GetUtcNow();
        var record = new JsonObject { ["id"] = string.Create(CultureInfo.InvariantCulture, $"{kind}-{now.ToUnixTimeMilliseconds()}"), ["kind"] = kind, ["before"] = before, ["until"] = now + lasts };
        await WriteAsync(replicas, record, stop).ConfigureAwait(false);
        return record;
    }

    private async Task RestoreLaterAsync(string id)
    {
        await Task.Delay(OutageLength, clock).ConfigureAwait(false);
        try
        {
            var (_, record) = await ReadAsync(CancellationToken.None).ConfigureAwait(false);
            if ((string?)record?["id"] == id)
            {
                await EndAsync(record, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is KubernetesApiException or HttpRequestException or TaskCanceledException or ObjectDisposedException)
        {
            // The cluster ended first, and the drill with it; otherwise the record stays for "Heal".
        }
    }

    private Task<JsonObject> EndAsync(JsonObject? record, CancellationToken stop) =>
        WriteAsync(ScaledAway.Contains((string?)record?["kind"]) ? (int?)record!["before"] : null, null, stop);

    private Task<JsonObject> WriteAsync(int? replicas, JsonObject? record, CancellationToken stop)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [RecordAnnotation] = record?.ToJsonString() } },
        };
        if (replicas is not null)
        {
            patch["spec"] = new JsonObject { ["replicas"] = replicas };
        }

        return api.PatchAsync(Deployment, patch, stop);
    }

    private async Task<(int Replicas, JsonObject? Record)> ReadAsync(CancellationToken stop)
    {
        var deployment = await api.GetAsync(Deployment, stop).ConfigureAwait(false);
        var text = (string?)deployment["metadata"]?["annotations"]?[RecordAnnotation];
        return ((int?)deployment["spec"]?["replicas"] ?? 1, text is null ? null : JsonNode.Parse(text) as JsonObject);
    }

    private Task<int> SignalAsync(string signal, CancellationToken stop) =>
        EachPodAsync(pod => api.PutAsync($"{ClusterTopology.Drills}/pods/{pod}/signal", new JsonObject { ["signal"] = signal }, stop), stop);

    /// <returns>How many pods were reached; one that is just starting is not, and one that is leaving is not asked: it may still answer for seconds.</returns>
    private async Task<int> EachPodAsync(Func<string, Task> act, CancellationToken stop)
    {
        var pods = await api.GetAsync($"{ClusterTopology.Core}/pods?labelSelector=app%3Dweb,version%3D{slot.Slot}", stop).ConfigureAwait(false);
        var names = ((JsonArray)pods["items"]!).Where(pod => pod!["metadata"]!["deletionTimestamp"] is null).Select(pod => (string)pod!["metadata"]!["name"]!);
        var reached = await Task.WhenAll(names.Select(async name =>
        {
            try
            {
                await act(name).ConfigureAwait(false);
                return 1;
            }
            catch (KubernetesApiException)
            {
                return 0;
            }
        })).ConfigureAwait(false);
        return reached.Sum();
    }

    private async Task<string> FaultTokenAsync(CancellationToken stop)
    {
        var secret = await api.GetAsync($"{ClusterTopology.Core}/secrets/{ClusterTopology.FaultSecret}", stop).ConfigureAwait(false);
        return Encoding.UTF8.GetString(Convert.FromBase64String((string)secret["data"]!["token"]!)).Trim();
    }

    private static string Faults(string pod) => $"{ClusterTopology.Core}/pods/{pod}:9090/proxy/faults";
}
