using System.Globalization;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Informers;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Running;

/// <summary>Pods of one slot at one moment.</summary>
/// <param name="Pods">On a node, from the moment they were put there until they are gone: what is paid for.</param>
internal readonly record struct SlotCount(int Pods, int Ready)
{
    /// <summary>Pods that the Deployment is asked for.</summary>
    public int Wanted { get; init; }

    /// <summary>Pods that no node has room for.</summary>
    public int Unschedulable { get; init; }
}

/// <summary>Follows the cluster during a run: what the watcher says, what autoscalers ask for, which pods are there.</summary>
internal sealed class ClusterWatch : IAsyncDisposable
{
    private readonly RunJournal _journal;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _since;
    private readonly Informer<BlueGreen> _blueGreens;
    private readonly Informer<Corev1Event> _events;
    private readonly Informer<V1Deployment> _deployments;
    private readonly Informer<V1Pod> _pods;
    private readonly Informer<PredictiveAutoscaler>? _scalers;
    private readonly CancellationTokenSource _end = new();
    private readonly Dictionary<string, DateTimeOffset> _moves = new(StringComparer.Ordinal);
    private readonly List<ObservedMove> _history = [];
    private readonly List<ObservedScaling> _scalings = [];
    private readonly Dictionary<string, (int Desired, int Ready)> _last = new(StringComparer.Ordinal);
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private PredictiveAutoscalerStatus? _agentSaid;
    private Task _running = Task.CompletedTask;

    private ClusterWatch(LabCluster cluster, RunJournal journal, bool agent)
    {
        (_journal, _time) = (journal, cluster.Time);
        _since = _time.GetUtcNow();
        var options = new InformerOptions();
        var scope = new ResourceScope(Names.Namespace);
        _blueGreens = new(cluster.Api, ResourceTypes.BlueGreens, scope, options, _time, NullLogger<Informer<BlueGreen>>.Instance);
        _events = new(cluster.Api, ResourceTypes.Events, scope, options, _time, NullLogger<Informer<Corev1Event>>.Instance);
        _deployments = new(cluster.Api, ResourceTypes.Deployments, scope, options, _time, NullLogger<Informer<V1Deployment>>.Instance);
        _pods = new(cluster.Api, ResourceTypes.Pods, scope with { LabelSelector = "app=web" }, options, _time, NullLogger<Informer<V1Pod>>.Instance);
        _blueGreens.Changed += change => OnBlueGreen(change.Item);
        _events.Changed += change => OnEvent(change.Item);
        _deployments.Changed += change => OnDeployment(change.Item);
        if (agent)
        {
            _scalers = new(cluster.Api, ResourceTypes.PredictiveAutoscalers, scope, options, _time, NullLogger<Informer<PredictiveAutoscaler>>.Instance);
            _scalers.Changed += change => OnScaler(change.Item);
        }
    }

    /// <summary>Moves since the watch began, oldest first.</summary>
    public IReadOnlyList<ObservedMove> Moves
    {
        get
        {
            lock (_gate)
            {
                return [.. _history.OrderBy(move => move.PatchedAt)];
            }
        }
    }

    /// <summary>Changes of wanted pods since the watch began, oldest first. To zero and back is a slot being taken away, not scaling.</summary>
    public IReadOnlyList<ObservedScaling> Scalings
    {
        get
        {
            lock (_gate)
            {
                return [.. _scalings];
            }
        }
    }

    /// <param name="agent">The scaling agent is there, and with it its resources.</param>
    public static async Task<ClusterWatch> StartAsync(LabCluster cluster, RunJournal journal, bool agent, CancellationToken stop)
    {
        var watch = new ClusterWatch(cluster, journal, agent);
        IInformer[] informers = [watch._blueGreens, watch._events, watch._deployments, watch._pods, .. watch._scalers is { } scalers ? [scalers] : Array.Empty<IInformer>()];
        watch._running = Task.WhenAll(informers.Select(informer => informer.RunAsync(watch._end.Token)));
        await Task.WhenAll(informers.Select(informer => informer.WaitForSyncAsync(stop))).ConfigureAwait(false);
        return watch;
    }

    public SlotCount Count(string slot)
    {
        var pods = _pods.List().Where(pod => pod.Metadata.Labels?.TryGetValue("version", out var version) == true && version == slot && pod.Status?.Phase is "Running" or "Pending").ToArray();
        var placed = pods.Where(pod => !string.IsNullOrEmpty(pod.Spec?.NodeName)).ToArray();
        return new SlotCount(placed.Length, placed.Count(IsReady)) { Wanted = Desired(slot), Unschedulable = pods.Length - placed.Length };
    }

    /// <summary>Requests per second that one pod of the demo application can do, by its own setting; null when none is set.</summary>
    public double? CapacityRps(string slot) => CapacityRps(_deployments.Get(Names.Namespace, Names.Deployment(slot)));

    /// <inheritdoc cref="CapacityRps(string)"/>
    public static double? CapacityRps(V1Deployment? deployment)
    {
        var containers = deployment?.Spec.Template.Spec.Containers ?? [];
        var setting = containers.SelectMany(container => container.Env ?? []).FirstOrDefault(variable => variable.Name == "CAPACITY_RPS");
        return double.TryParse(setting?.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var capacity) ? capacity : null;
    }

    public int Desired(string slot) => _deployments.Get(Names.Namespace, Names.Deployment(slot))?.Spec.Replicas ?? 0;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private static bool IsReady(V1Pod pod) =>
        pod.Metadata.DeletionTimestamp is null && pod.Status?.Conditions?.Any(condition => condition is { Type: "Ready", Status: "True" }) == true;

    private void OnBlueGreen(BlueGreen? seen)
    {
        if (seen?.Metadata.Name != Names.BlueGreen)
        {
            return;
        }

        foreach (var move in (seen.Status?.History ?? []).Reverse())
        {
            if ((move.PatchedAt ?? move.Time) is { } at)
            {
                Note(new ObservedMove(move.Kind ?? "external", move.From ?? "?", move.To ?? "?", move.Reason ?? string.Empty, move.DetectedAt, move.DecidedAt, at));
            }
        }
    }

    private void Note(ObservedMove move)
    {
        lock (_gate)
        {
            if (move.PatchedAt < _since || !_moves.TryAdd($"{move.PatchedAt:O}{move.To}", move.PatchedAt))
            {
                return;
            }

            _history.Add(move);
        }

        _journal.Add(move.PatchedAt, "move", $"traffic moved {move.From} → {move.To}: {move.Reason}");
    }

    /// <summary>What the watcher explains, apart from moves: those are told with their exact time from the status.</summary>
    private void OnEvent(Corev1Event? seen)
    {
        if (seen?.InvolvedObject?.Kind is not (BlueGreen.KubeKind or PredictiveAutoscaler.KubeKind) || seen.Reason is null or "TrafficMoved")
        {
            return;
        }

        var at = seen.LastTimestamp ?? seen.EventTime ?? seen.FirstTimestamp;
        if (at is null || new DateTimeOffset(at.Value.ToUniversalTime()) < _since.AddSeconds(-1))
        {
            return;
        }

        lock (_gate)
        {
            if (!_told.Add($"{seen.Metadata.Uid}/{seen.Count}"))
            {
                return;
            }
        }

        _journal.Add("event", $"{seen.Reason}: {seen.Message}");
    }

    private void OnScaler(PredictiveAutoscaler? seen)
    {
        if (seen?.Metadata.Name != Names.PredictiveAutoscaler || seen.Status is not { DecidedAt: not null } status)
        {
            return;
        }

        PredictiveAutoscalerStatus? last;
        lock (_gate)
        {
            (last, _agentSaid) = (_agentSaid, status);
        }

        if (last is null || last.Floor != status.Floor)
        {
            _journal.Add("floor", $"floor {Floor(last?.Floor)} → {Floor(status.Floor)}: {status.Reason}");
        }
    }

    private static string Floor(int? floor) => floor?.ToString(CultureInfo.InvariantCulture) ?? "none";

    private void OnDeployment(V1Deployment? seen)
    {
        if (seen is null || !seen.Metadata.Name.StartsWith("web-", StringComparison.Ordinal))
        {
            return;
        }

        var now = (Desired: seen.Spec.Replicas ?? 1, Ready: seen.Status?.ReadyReplicas ?? 0);
        bool known;
        (int Desired, int Ready) before;
        lock (_gate)
        {
            known = _last.TryGetValue(seen.Metadata.Name, out before);
            _last[seen.Metadata.Name] = now;
            if (known && before.Desired != now.Desired && before.Desired > 0 && now.Desired > 0)
            {
                _scalings.Add(new ObservedScaling(_time.GetUtcNow(), seen.Metadata.Name["web-".Length..], before.Desired, now.Desired));
            }
        }

        if (known && before != now)
        {
            var asked = before.Desired == now.Desired ? string.Empty : $", asked for {now.Desired}";
            _journal.Add("pods", $"{seen.Metadata.Name["web-".Length..]}: {now.Ready} of {now.Desired} pods Ready{asked}");
        }
    }
}
