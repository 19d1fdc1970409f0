using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Tests;

/// <summary>One Service, one BlueGreen, with versions and a cache that may lag behind. The state goes through its JSON, as on a real Service.</summary>
internal sealed class FakeCluster(TimeProvider clock) : IFailoverCluster
{
    private string? _annotation;
    private int _version = 1;
    private (int Version, string? Annotation, Slot? Active)? _stale;

    public FailoverLimits Limits { get; set; } = new();

    public Slot? Active { get; set; } = Slot.Blue;

    public Dictionary<Slot, List<PodFacts>> Pods { get; } = new() { [Slot.Blue] = [], [Slot.Green] = [] };

    public Dictionary<Slot, int> Desired { get; } = new() { [Slot.Blue] = 2, [Slot.Green] = 2 };

    public bool Exists { get; set; } = true;

    public string? InvalidSpec { get; set; }

    public DateTimeOffset? ChangedAt { get; set; }

    /// <summary>What goes wrong with the next commits, in order: null goes well; the callback runs before the write.</summary>
    public Queue<Func<CommitFault>> Faults { get; } = new();

    public List<(Slot? RouteTo, FailoverState State)> Commits { get; } = [];

    public List<ReadFrom> Reads { get; } = [];

    public List<FloorRequest> Borrowed { get; } = [];

    public List<(FailoverStatus Status, IReadOnlyList<FailoverDecision> Decisions)> Published { get; } = [];

    public FailoverState? State => FailoverStateJson.Read(_annotation);

    public void Fill(Slot slot, int count) => Pods[slot] = [.. Enumerable.Range(0, count).Select(i => new PodFacts($"{slot.Name()}-{i}", true, clock.GetUtcNow().AddHours(-1)))];

    public void ScaleAway(Slot slot)
    {
        Desired[slot] = 0;
        Pods[slot] = [.. Pods[slot].Select(pod => pod with { Terminating = true })];
    }

    /// <summary>From now on the cache shows the present, whatever happens, until a read from the server.</summary>
    public void FreezeCache() => _stale = (_version, _annotation, Active);

    /// <summary>Somebody else writes the Service.</summary>
    public void WriteByOther(Slot? active = null)
    {
        Active = active ?? Active;
        _version++;
    }

    public void Spoil(string annotation) => _annotation = annotation;

    public ValueTask<FailoverSnapshot?> ReadAsync(BlueGreenKey key, ReadFrom from, CancellationToken cancellationToken)
    {
        Reads.Add(from);
        if (!Exists)
        {
            return new((FailoverSnapshot?)null);
        }
        if (from == ReadFrom.Server)
        {
            _stale = null;
        }
        var (version, annotation, active) = _stale ?? (_version, _annotation, Active);
        return new(new FailoverSnapshot(key, $"{version}", FailoverStateJson.Read(annotation), Limits)
        {
            ObservedAt = clock.GetUtcNow(), ChangedAt = ChangedAt, Active = active, Blue = Slotted(Slot.Blue), Green = Slotted(Slot.Green), InvalidSpec = InvalidSpec,
            Probe = new("/healthz", 8080, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(250), 3),
        });
    }

    public Task CommitAsync(BlueGreenKey key, string resourceVersion, FailoverState state, Slot? routeTo, CancellationToken cancellationToken)
    {
        var fault = Faults.TryDequeue(out var next) ? next() : CommitFault.None;
        if (fault == CommitFault.LoseRequest)
        {
            throw new IOException("the request was lost");
        }
        if (resourceVersion != $"{_version}")
        {
            throw new StaleSnapshotException($"version {resourceVersion} is not {_version}");
        }
        _annotation = FailoverStateJson.Write(state);
        Active = routeTo ?? Active;
        _version++;
        Commits.Add((routeTo, state));
        return fault == CommitFault.LoseResponse ? throw new IOException("the response was lost") : Task.CompletedTask;
    }

    public Task BorrowFloorAsync(BlueGreenKey key, FloorRequest request, CancellationToken cancellationToken)
    {
        Borrowed.Add(request);
        return Task.CompletedTask;
    }

    public Task ReturnFloorAsync(BlueGreenKey key, Slot slot, CancellationToken cancellationToken) => Task.CompletedTask;

    public void Publish(BlueGreenKey key, FailoverStatus status, IReadOnlyList<FailoverDecision> decisions) => Published.Add((status, decisions));

    private SlotSnapshot Slotted(Slot slot)
    {
        var pods = Pods[slot].ToArray();
        return new(new(Desired[slot], pods) { Floor = Math.Max(1, Desired[slot]), MaxReplicas = 5 }, [.. pods.Select(pod => new PodSnapshot(pod, "uid-" + pod.Name, "127.0.0.1"))]);
    }
}

internal enum CommitFault
{
    None,
    LoseRequest,
    LoseResponse,
}

/// <summary>Probe results as the test sets them.</summary>
internal sealed class FakeProber : IProber
{
    public Dictionary<string, ProbeFacts> Facts { get; } = [];

    public List<string> Watched { get; private set; } = [];

    public void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets) => Watched = [.. targets.Select(target => target.Name)];

    public ProbeFacts? Look(BlueGreenKey key, string uid) => Facts.GetValueOrDefault(uid);
}
