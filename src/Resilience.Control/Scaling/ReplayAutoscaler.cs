using System.Globalization;

namespace Resilience.Control.Scaling;

/// <summary>
/// The shipped autoscaler algorithm in a replay, at its default rates and windows, synchronised every 15 s. It sees the demand
/// itself per replica, at once and without an upper limit: flattering, since a real one sees CPU, late, and never above full.
/// </summary>
internal sealed class ReplayAutoscaler
{
    private const double MilliPerCapacity = 1e6;
    private static readonly TimeSpan Sync = TimeSpan.FromSeconds(15);
    private readonly HorizontalPodAutoscalerSpec _spec;
    private readonly TimeSpan _interval;
    private HorizontalPodAutoscalerMemory _memory = HorizontalPodAutoscalerMemory.Empty;
    private int _replicas;

    public ReplayAutoscaler(double target, int minReplicas, int maxReplicas, TimeSpan interval)
    {
        _spec = new HorizontalPodAutoscalerSpec(minReplicas, maxReplicas, [new("cpu", null, null, (long)(target * MilliPerCapacity))]);
        _interval = interval;
    }

    /// <summary>Replicas asked for at the end of the interval that starts at <paramref name="at"/>.</summary>
    /// <param name="at">Start of the interval.</param>
    /// <param name="load">Demand in units of one replica's capacity; NaN keeps what there is.</param>
    public int Decide(DateTimeOffset at, double load)
    {
        if (double.IsNaN(load))
        {
            return _replicas;
        }

        if (_replicas == 0)
        {
            return _replicas = Math.Clamp((int)Math.Ceiling(load * MilliPerCapacity / _spec.Metrics[0].AverageMilli!.Value), Math.Max(1, _spec.MinReplicas), _spec.MaxReplicas);
        }

        // All syncs of an interval see the same demand: once one changes nothing, the next ones change nothing either.
        for (var left = _interval < TimeSpan.FromMinutes(6) ? _interval : TimeSpan.FromMinutes(6); left > TimeSpan.Zero; left -= Sync)
        {
            var now = at + _interval - left;
            var view = new HorizontalPodAutoscalerView(now, _replicas, _spec, Pods(now, load / _replicas), HorizontalPodAutoscalerLimits.Default);
            var decision = HorizontalPodAutoscalerAlgorithm.Decide(view, _memory);
            _memory = decision.Memory;
            if (decision.Desired == _replicas)
            {
                break;
            }

            _memory = _memory.AfterRescale(now, _replicas, decision.Desired);
            _replicas = decision.Desired;
        }

        return _replicas;
    }

    private HorizontalPodAutoscalerPod[] Pods(DateTimeOffset now, double loadPerPod)
    {
        var usage = new Dictionary<(string, string), long> { [("web", "cpu")] = (long)(loadPerPod * MilliPerCapacity) };
        var requests = new Dictionary<(string, string), long> { [("web", "cpu")] = (long)MilliPerCapacity };
        var sample = new PodResourceSample(now, Sync, usage);
        var started = now - TimeSpan.FromDays(1);
        var pod = new HorizontalPodAutoscalerPod("web", "Running", false, started, true, started, requests, sample) { Containers = ["web"] };
        var pods = new HorizontalPodAutoscalerPod[_replicas];
        for (var i = 0; i < pods.Length; i++)
        {
            pods[i] = pod with { Name = i.ToString(CultureInfo.InvariantCulture) };
        }

        return pods;
    }
}
