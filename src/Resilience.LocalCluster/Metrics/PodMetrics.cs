using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Metrics;

/// <summary>
/// Samples processor time and memory of every pod each resolution period and keeps the newest two samples, as metrics-server
/// does: a pod has metrics once it has been seen twice.
/// </summary>
internal sealed class PodMetrics(ObjectStore store, TimeProvider clock, NodeAgent node, TimeSpan resolution) : IController, IPodMetricsSource
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Sample> _last = new(StringComparer.Ordinal);
    private Dictionary<(string Namespace, string Name), PodUsage> _pods = [];
    private NodeUsage? _node;

    public string Name => "metrics";

    public PodUsage? GetPod(string ns, string name)
    {
        lock (_gate)
        {
            return _pods.GetValueOrDefault((ns, name));
        }
    }

    public NodeUsage? GetNode(string name)
    {
        lock (_gate)
        {
            return name == NodeOptions.NodeName ? _node : null;
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(resolution, clock);
        do
        {
            Collect();
        }
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    private void Collect()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var pods = new Dictionary<(string, string), PodUsage>();
        var now = clock.GetUtcNow();
        long cpu = 0, memory = 0;
        foreach (var pod in store.List(ResourceTypes.Pods))
        {
            if (Measure(pod, seen, now) is { } usage)
            {
                pods[(pod.Namespace!, pod.Name)] = usage;
                cpu += usage.Containers.Sum(c => c.CpuNanocores);
                memory += usage.Containers.Sum(c => c.MemoryBytes);
            }
        }

        lock (_gate)
        {
            _pods = pods;
            _node = new(now, resolution, cpu, memory);
        }

        foreach (var ended in _last.Keys.Where(id => !seen.Contains(id)).ToList())
        {
            _ = _last.Remove(ended);
        }
    }

    /// <summary>Null until every container of the pod has been seen twice.</summary>
    private PodUsage? Measure(StoredObject pod, HashSet<string> seen, DateTimeOffset now)
    {
        var containers = new List<ContainerUsage>();
        var window = resolution;
        var complete = true;
        foreach (var (name, run) in node.Runs(pod))
        {
            if (run.ReadUsage() is not { } usage)
            {
                complete = false;
                continue;
            }

            var sample = new Sample(clock.GetTimestamp(), usage.CpuTime);
            if (_last.TryGetValue(run.Id, out var before))
            {
                window = clock.GetElapsedTime(before.Timestamp, sample.Timestamp);
                var busy = usage.CpuTime - before.CpuTime;
                var rate = window > TimeSpan.Zero && busy > TimeSpan.Zero ? busy / window : 0;
                containers.Add(new(name, (long)(rate * 1e9), usage.WorkingSetBytes));
            }
            else
            {
                complete = false;
            }

            _last[run.Id] = sample;
            _ = seen.Add(run.Id);
        }

        return complete && containers.Count > 0 ? new(now, window, containers) : null;
    }

    private readonly record struct Sample(long Timestamp, TimeSpan CpuTime);
}
