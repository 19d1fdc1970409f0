using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Cluster;

/// <summary>A move of traffic that was asked of the watcher.</summary>
internal sealed class SwitchoverRequest
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private readonly LabCluster _cluster;

    private SwitchoverRequest(LabCluster cluster, string name) => (_cluster, Name) = (cluster, name);

    public string Name { get; }

    /// <param name="active">The move is made only while this slot is the active one.</param>
    public static async Task<SwitchoverRequest> CreateAsync(LabCluster cluster, string active, string to, string reason, string requestedBy, CancellationToken stop)
    {
        var now = cluster.Time.GetUtcNow();
        var request = new Switchover
        {
            Metadata = new V1ObjectMeta { Name = $"lab-{to}-{now.ToUnixTimeMilliseconds()}", NamespaceProperty = Names.Namespace },
            Spec = new SwitchoverSpec
            {
                BlueGreen = Names.BlueGreen,
                To = to,
                Reason = reason,
                RequestedBy = requestedBy,
                ExpiresAt = now + Limit,
                Precondition = new SwitchoverPrecondition { Active = active },
            },
        };
        _ = await cluster.Api.CreateAsync(ResourceTypes.Switchovers, Names.Namespace, request, stop, FieldManagers.Lab).ConfigureAwait(false);
        return new SwitchoverRequest(cluster, request.Metadata.Name);
    }

    /// <summary>Tells each phase, until the last.</summary>
    /// <returns>The last phase, such as Switched.</returns>
    public async Task<string> FollowAsync(Action<string> say, CancellationToken stop)
    {
        var time = _cluster.Time;
        var started = time.GetTimestamp();
        string? last = null;
        while (time.GetElapsedTime(started) < Limit)
        {
            var seen = await _cluster.Api.GetAsync(ResourceTypes.Switchovers, Names.Namespace, Name, stop).ConfigureAwait(false);
            if (seen.Status?.Phase is { } phase && phase != last)
            {
                say($"{time.GetElapsedTime(started).TotalSeconds:0.0}s {phase}{(seen.Status.Message is { Length: > 0 } message ? $": {message}" : string.Empty)}");
                last = phase;
            }

            if (last is not null && SwitchoverStatus.FinalPhases.Contains(last))
            {
                return last;
            }

            await Task.Delay(Look, time, stop).ConfigureAwait(false);
        }

        throw new LabException($"the Switchover {Name} did not finish within {Limit.TotalSeconds:0} s", "Is the failover watcher running? See \"./lab status\".");
    }

    public Task<bool> DeleteAsync(CancellationToken stop) => _cluster.Api.DeleteAsync(ResourceTypes.Switchovers, Names.Namespace, Name, stop);
}
