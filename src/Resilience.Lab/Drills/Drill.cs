using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Drills;

/// <summary>One fault on one slot, from its start to its undoing.</summary>
internal sealed class Drill : IAsyncDisposable
{
    private static readonly TimeSpan MaintainEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RestoreLimit = TimeSpan.FromSeconds(15);
    private readonly IDrillTarget _target;
    private readonly TimeProvider _time;
    private readonly FaultKind _fault;
    private readonly IReadOnlyDictionary<string, double> _parameters;
    private readonly TimeSpan _lasts;
    private readonly DrillRecord? _record;
    private readonly CancellationTokenSource _end = new();
    private readonly Dictionary<string, string> _hit = new(StringComparer.Ordinal);
    private readonly HashSet<string> _chosen = new(StringComparer.Ordinal);
    private Task _maintained = Task.CompletedTask;
    private bool _restored;

    private Drill(IDrillTarget target, TimeProvider time, FaultKind fault, string slot, IReadOnlyDictionary<string, double> parameters, TimeSpan lasts, DrillRecord? record)
    {
        (_target, _time, _fault, Slot, _parameters, _lasts, _record) = (target, time, fault, slot, parameters, lasts, record);
        StartedAt = time.GetUtcNow();
    }

    public string Slot { get; }

    public string Fault => _fault.Name;

    /// <summary>Just before the first thing was touched: client gaps are counted from here.</summary>
    public DateTimeOffset StartedAt { get; private set; }

    /// <summary>Hurts the slot. When this throws, what it had touched is already undone.</summary>
    /// <param name="lasts">How long the caller means to hold it; zero: once, with nothing to undo later unless the fault stays.</param>
    public static async Task<Drill> StartAsync(
        IDrillTarget target, TimeProvider time, FaultKind fault, string slot, IReadOnlyDictionary<string, double> parameters, TimeSpan lasts, CancellationToken stop)
    {
        if (fault.Means == FaultMeans.Network && !target.HasDrillApi)
        {
            throw new LabException($"the fault \"{fault.Name}\" needs the embedded cluster: no standard API disturbs a network", "On a real cluster use k8s/chaos.");
        }

        if (fault.OnLeader)
        {
            return await KillLeaderAsync(target, time, fault, stop).ConfigureAwait(false);
        }

        if (fault.Means == FaultMeans.Rollout)
        {
            var rollout = new Drill(target, time, fault, slot, parameters, TimeSpan.Zero, null);
            await target.RestartAsync(slot, stop).ConfigureAwait(false);
            return rollout;
        }

        var (replicas, existing) = await target.ReadAsync(slot, stop).ConfigureAwait(false);
        if (existing is not null)
        {
            throw new LabException($"the drill \"{existing.Kind}\" still holds {slot}", "Undo it with \"./lab chaos heal\".");
        }

        var now = time.GetUtcNow();
        var record = new DrillRecord($"{fault.Name}-{now.ToUnixTimeMilliseconds()}", fault.Name, replicas, lasts > TimeSpan.Zero ? now + lasts : null);
        var drill = new Drill(target, time, fault, slot, parameters, lasts, record);
        try
        {
            await drill.HurtAsync(stop).ConfigureAwait(false);
            return drill;
        }
        catch
        {
            await drill.RestoreAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Undoes the drill. Safe to call again, and not stopped by whatever stopped the run.</summary>
    public async Task RestoreAsync()
    {
        if (_restored)
        {
            return;
        }

        _restored = true;
        await _end.CancelAsync().ConfigureAwait(false);
        await _maintained.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_record is not null)
        {
            using var limit = new CancellationTokenSource(RestoreLimit, _time);
            await UndoAsync(_target, _fault, Slot, _record, limit.Token).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await RestoreAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    /// <summary>Undoes what a record speaks of, whoever started it.</summary>
    public static async Task UndoAsync(IDrillTarget target, FaultKind fault, string slot, DrillRecord record, CancellationToken stop)
    {
        switch (fault.Means)
        {
            case FaultMeans.Stop when target.HasDrillApi:
                await EachPodAsync(target, slot, pod => target.SignalAsync(pod.Name, "CONT", stop), stop).ConfigureAwait(false);
                break;
            case FaultMeans.Stop or FaultMeans.WebFault:
                await EachPodAsync(target, slot, pod => target.SetFaultsAsync(pod.Name, null, stop), stop).ConfigureAwait(false);
                break;
            case FaultMeans.Network:
                await target.SetNetworkAsync(null, stop).ConfigureAwait(false);
                break;
            default:
                break;
        }

        int? replicas = fault.Means == FaultMeans.Scale ? record.Before : null;
        await target.WriteAsync(slot, replicas, null, stop).ConfigureAwait(false);
    }

    private static async Task<Drill> KillLeaderAsync(IDrillTarget target, TimeProvider time, FaultKind fault, CancellationToken stop)
    {
        var leader = await target.LeaderAsync(stop).ConfigureAwait(false)
            ?? throw new LabException("no watcher leads, so there is none to kill", "Is the failover watcher running? See \"./lab status\".");
        var drill = new Drill(target, time, fault, leader, new Dictionary<string, double>(), TimeSpan.Zero, null);
        await (target.HasDrillApi ? target.SignalAsync(leader, "KILL", stop) : target.DeleteAsync(leader, stop)).ConfigureAwait(false);
        return drill;
    }

    private async Task HurtAsync(CancellationToken stop)
    {
        if (_fault.Means == FaultMeans.Scale)
        {
            StartedAt = _time.GetUtcNow();
            await _target.WriteAsync(Slot, 0, _record, stop).ConfigureAwait(false);
            _maintained = _fault.Toggles ? ToggleAsync(_end.Token) : Task.CompletedTask;
            return;
        }

        await _target.WriteAsync(Slot, null, _record, stop).ConfigureAwait(false);
        var pods = await _target.PodsAsync(Slot, stop).ConfigureAwait(false);
        StartedAt = _time.GetUtcNow();
        if (_fault.Means == FaultMeans.Network)
        {
            var fault = Body(_parameters);
            if (_fault.Name == "partition")
            {
                fault["partition"] = true;
            }

            fault["pods"] = new JsonArray([.. pods.Select(pod => (JsonNode)pod.Name)]);
            await _target.SetNetworkAsync(fault, stop).ConfigureAwait(false);
            return;
        }

        await HitAsync(pods, stop).ConfigureAwait(false);
        if (_lasts > TimeSpan.Zero)
        {
            _maintained = MaintainAsync(_end.Token);
        }
    }

    /// <summary>Hits chosen pods that have not been hit in their present incarnation.</summary>
    private async Task HitAsync(IReadOnlyList<DrillPod> pods, CancellationToken stop)
    {
        Choose(pods);
        var due = pods.Where(pod => pod.Running && _chosen.Contains(pod.Name) && _hit.GetValueOrDefault(pod.Name) != pod.Incarnation).ToArray();
        await Task.WhenAll(due.Select(pod => HitAsync(pod, stop))).ConfigureAwait(false);
        foreach (var pod in due)
        {
            _hit[pod.Name] = pod.Incarnation;
        }
    }

    /// <summary>A share of the slot stays the same pods, as long as they exist.</summary>
    private void Choose(IReadOnlyList<DrillPod> pods)
    {
        _ = _chosen.RemoveWhere(name => pods.All(pod => pod.Name != name));
        var wanted = (int)Math.Ceiling(pods.Count * _fault.Share);
        foreach (var pod in pods.Where(pod => !_chosen.Contains(pod.Name)).Take(Math.Max(0, wanted - _chosen.Count)).ToArray())
        {
            _ = _chosen.Add(pod.Name);
        }
    }

    private Task HitAsync(DrillPod pod, CancellationToken stop) => (_fault.Means, _target.HasDrillApi) switch
    {
        (FaultMeans.Kill, true) => _target.SignalAsync(pod.Name, "KILL", stop),
        (FaultMeans.Kill, false) => _target.SetFaultsAsync(pod.Name, new JsonObject { ["crash"] = true }, stop),
        (FaultMeans.Stop, true) => _target.SignalAsync(pod.Name, "STOP", stop),
        (FaultMeans.Stop, false) => _target.SetFaultsAsync(pod.Name, WithEnd(new JsonObject { ["hang"] = true }), stop),
        _ => _target.SetFaultsAsync(pod.Name, WithEnd(WebFault()), stop),
    };

    private JsonObject WebFault()
    {
        if (_fault.Name == "not-ready")
        {
            return new JsonObject { ["notReady"] = true };
        }

        var values = _fault.Parameters.ToDictionary(parameter => parameter.Name, parameter => _parameters.GetValueOrDefault(parameter.Name, parameter.Default));
        return Body(values);
    }

    /// <summary>The pod heals itself when the lab cannot come back to do it.</summary>
    private JsonObject WithEnd(JsonObject fault)
    {
        var left = _record?.Until is { } until ? (until - _time.GetUtcNow()).TotalSeconds : 0;
        if (left > 0)
        {
            fault["forSeconds"] = Math.Ceiling(left);
        }

        return fault;
    }

    private async Task MaintainAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(MaintainEvery, _time, stop).ConfigureAwait(false);
            try
            {
                await HitAsync(await _target.PodsAsync(Slot, stop).ConfigureAwait(false), stop).ConfigureAwait(false);
            }
            catch (ClusterException)
            {
                // A pod that is just starting or just ending cannot be hit; the next round finds it.
            }
        }
    }

    private async Task ToggleAsync(CancellationToken stop)
    {
        var period = TimeSpan.FromSeconds(_parameters.GetValueOrDefault("periodSeconds", _fault.Parameters[0].Default));
        for (var hurt = false; !stop.IsCancellationRequested; hurt = !hurt)
        {
            await Task.Delay(period, _time, stop).ConfigureAwait(false);
            try
            {
                await _target.WriteAsync(Slot, hurt ? 0 : _record!.Before, _record, stop).ConfigureAwait(false);
            }
            catch (ClusterException)
            {
                // One change missed; the next one is written.
            }
        }
    }

    private static async Task EachPodAsync(IDrillTarget target, string slot, Func<DrillPod, Task> act, CancellationToken stop)
    {
        var pods = await target.PodsAsync(slot, stop).ConfigureAwait(false);
        await Task.WhenAll(pods.Select(async pod =>
        {
            try
            {
                await act(pod).ConfigureAwait(false);
            }
            catch (ClusterException)
            {
                // A pod that is gone, or whose process ended, has nothing to undo.
            }
        })).ConfigureAwait(false);
    }

    private static JsonObject Body(IReadOnlyDictionary<string, double> values) =>
        new(values.Select(value => KeyValuePair.Create(value.Key, (JsonNode?)JsonValue.Create(value.Value))));
}
