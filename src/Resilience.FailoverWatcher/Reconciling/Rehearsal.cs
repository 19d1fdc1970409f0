using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;

namespace Resilience.FailoverWatcher.Reconciling;

/// <summary>
/// Plays one failover in memory, so that the code of the first real one is compiled by then: on a busy machine the
/// compiler alone would keep users waiting for a tenth of a second or more.
/// </summary>
internal static class Rehearsal
{
    /// <summary>Outside <c>Resilience.*</c>, so that nobody collects what was only played.</summary>
    private const string Telemetry = "Rehearsal";

    public static async Task PlayAsync(IMeterFactory meters, TimeProvider clock, CancellationToken cancellationToken)
    {
        var stage = new Stage(clock);
        using var metrics = new FailoverMetrics(meters, Telemetry);
        var reconciler = new FailoverReconciler(stage, stage, metrics, clock, NullLogger<FailoverReconciler>.Instance);
        for (var act = 0; act < 3; act++)
        {
            _ = await reconciler.ReconcileAsync(new("rehearsal", "rehearsal"), cancellationToken).ConfigureAwait(false);
            stage.IsBlueLost = true;
        }
    }

    private sealed class Stage(TimeProvider clock) : IFailoverCluster, IProber
    {
        private string? _annotation;
        private Slot _active = Slot.Blue;

        public bool IsBlueLost { get; set; }

        public ValueTask<FailoverSnapshot?> ReadAsync(BlueGreenKey key, ReadFrom from, CancellationToken cancellationToken)
        {
            var now = clock.GetUtcNow();
            return new(new FailoverSnapshot(key, "1", FailoverStateJson.Read(_annotation), new())
            {
                ObservedAt = now, Active = _active, Blue = Cast("blue", now, IsBlueLost), Green = Cast("green", now, isLost: false),
            });
        }

        public Task CommitAsync(BlueGreenKey key, string resourceVersion, FailoverState state, Slot? routeTo, CancellationToken cancellationToken)
        {
            _annotation = FailoverStateJson.Write(state);
            _active = routeTo ?? _active;
            return Task.CompletedTask;
        }

        public Task BorrowFloorAsync(BlueGreenKey key, FloorRequest request, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task ReturnFloorAsync(BlueGreenKey key, Slot slot, CancellationToken cancellationToken) => Task.CompletedTask;

        public void Publish(BlueGreenKey key, FailoverStatus status, IReadOnlyList<FailoverDecision> decisions)
        {
        }

        public void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets)
        {
        }

        public ProbeFacts? Look(BlueGreenKey key, string uid) => null;

        private static SlotSnapshot Cast(string name, DateTimeOffset now, bool isLost)
        {
            var pod = new PodFacts(name, !isLost, now.AddMinutes(-1)) { LostReadiness = isLost };
            return new(new(2, [pod, pod]) { Floor = 2, MaxReplicas = 2 }, [new(pod, name, null), new(pod, name + "'", null)]);
        }
    }
}
