using System.Text.Json.Nodes;
using Resilience.Lab.Drills;

namespace Resilience.Lab.Tests.Drills;

/// <summary>Two slots with pods that can be hurt; holds the state of the world so that tests ask for it, not for calls.</summary>
internal sealed class FakeDrillTarget : IDrillTarget
{
    private readonly Dictionary<string, (int Replicas, DrillRecord? Record)> _slots = new()
    {
        ["blue"] = (2, null),
        ["green"] = (2, null),
    };

    public bool HasDrillApi { get; init; } = true;

    public string Active { get; set; } = "blue";

    public Dictionary<string, DrillPod> Pods { get; } = new()
    {
        ["blue-1"] = new("blue-1", "a/0", true),
        ["blue-2"] = new("blue-2", "b/0", true),
        ["green-1"] = new("green-1", "c/0", true),
        ["green-2"] = new("green-2", "d/0", true),
    };

    /// <summary>Processes that are stopped.</summary>
    public HashSet<string> Stopped { get; } = [];

    /// <summary>How often each pod was killed.</summary>
    public Dictionary<string, int> Kills { get; } = [];

    /// <summary>Slots whose pods are being replaced.</summary>
    public List<string> Restarted { get; } = [];

    public Dictionary<string, JsonObject> Faults { get; } = [];

    public JsonObject? Network { get; private set; }

    /// <summary>Fails the next signal, as a pod that just ended would.</summary>
    public bool SignalFails { get; set; }

    public (int Replicas, DrillRecord? Record) Slot(string slot) => _slots[slot];

    public Task<string> ActiveSlotAsync(CancellationToken stop) => Task.FromResult(Active);

    public Task<IReadOnlyList<DrillPod>> PodsAsync(string slot, CancellationToken stop) =>
        Task.FromResult<IReadOnlyList<DrillPod>>([.. Pods.Values.Where(pod => pod.Name.StartsWith(slot, StringComparison.Ordinal))]);

    public Task<string?> LeaderAsync(CancellationToken stop) => Task.FromResult<string?>("watcher-1");

    public Task<(int Replicas, DrillRecord? Record)> ReadAsync(string slot, CancellationToken stop) => Task.FromResult(_slots[slot]);

    public Task WriteAsync(string slot, int? replicas, DrillRecord? record, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        _slots[slot] = (replicas ?? _slots[slot].Replicas, record);
        return Task.CompletedTask;
    }

    public Task RestartAsync(string slot, CancellationToken stop)
    {
        Restarted.Add(slot);
        return Task.CompletedTask;
    }

    public Task DeleteAsync(string pod, CancellationToken stop)
    {
        Kills[pod] = Kills.GetValueOrDefault(pod) + 1;
        return Task.CompletedTask;
    }

    public Task SignalAsync(string pod, string signal, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (SignalFails)
        {
            throw new ClusterAccess.Api.ClusterException("the pod has no running process");
        }

        _ = signal switch
        {
            "STOP" => Stopped.Add(pod),
            "CONT" => Stopped.Remove(pod),
            _ => (Kills[pod] = Kills.GetValueOrDefault(pod) + 1) > 0,
        };
        return Task.CompletedTask;
    }

    public Task SetFaultsAsync(string pod, JsonObject? faults, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (faults is null)
        {
            _ = Faults.Remove(pod);
        }
        else
        {
            Faults[pod] = faults;
        }

        return Task.CompletedTask;
    }

    public Task SetNetworkAsync(JsonObject? fault, CancellationToken stop)
    {
        Network = fault;
        return Task.CompletedTask;
    }
}
