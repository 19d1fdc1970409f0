using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;

namespace Resilience.Lab.Adopting;

/// <summary>One thing the watcher decided while it was looked at.</summary>
internal sealed record ObservedDecision(DateTimeOffset At, string Reason, string Message);

/// <summary>What <c>adopt</c> found; also its JSON.</summary>
/// <param name="WouldMove">How often traffic would have moved.</param>
internal sealed record AdoptionReport(
    int SchemaVersion, string? Context, string Namespace, string BlueGreen, string Service, string Mode, string? Active, string? Phase, string? Message,
    string? Blue, string? Green, double WatchedSeconds, int WouldMove, IReadOnlyList<ObservedDecision> Decisions, string TurnOn, string Undo);

/// <summary>Reads what the watcher says about one BlueGreen for a while.</summary>
internal sealed class Observation(LabCluster cluster, string ns, string name)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FirstWordLimit = TimeSpan.FromSeconds(30);
    private readonly TimeProvider _time = cluster.Time;

    public async Task<AdoptionReport> WatchAsync(TimeSpan length, Action<string> say, CancellationToken stop)
    {
        if (!await IsWatchedAsync(stop).ConfigureAwait(false))
        {
            throw new LabException(
                $"no failover watcher is Ready, so nobody watches BlueGreen {ns}/{name}, and what its status says is old",
                $"\"kubectl{cluster.Selection} get deployments -A --field-selector metadata.name={Names.Watcher}\" shows whether it is scaled to 0 or in trouble; where there is none, \"./lab cleanup{cluster.Selection}\", then adopt again.");
        }

        var since = _time.GetUtcNow();
        var started = _time.GetTimestamp();
        var decisions = new Dictionary<string, ObservedDecision>(StringComparer.Ordinal);
        BlueGreen seen;
        do
        {
            seen = await cluster.Api.GetAsync(ResourceTypes.BlueGreens, ns, name, stop).ConfigureAwait(false);
            if (seen.Status?.Phase is null && _time.GetElapsedTime(started) > FirstWordLimit)
            {
                throw new LabException(
                    $"no watcher has said a word about BlueGreen {ns}/{name} within {FirstWordLimit.TotalSeconds:0} s",
                    $"Is one running, and may it read namespace {ns}? \"kubectl -n {Names.Namespace} logs deployment/{Names.Watcher}\" tells.");
            }

            foreach (var decision in await DecisionsAsync(since, stop).ConfigureAwait(false))
            {
                if (decisions.TryAdd(decision.Key, decision.Value))
                {
                    say($"{decision.Value.At.ToLocalTime():HH:mm:ss} {decision.Value.Reason}: {decision.Value.Message}");
                }
            }

            await Task.Delay(Look, _time, stop).ConfigureAwait(false);
        }
        while (_time.GetElapsedTime(started) < length);

        if (!await IsWatchedAsync(stop).ConfigureAwait(false))
        {
            say("no failover watcher is Ready any more: what happened since it went is not in this report");
        }

        return Report(seen, _time.GetElapsedTime(started), [.. decisions.Values.OrderBy(decision => decision.At)]);
    }

    /// <summary>A BlueGreen's status outlives whoever wrote it: without a watcher "nothing would have moved" would be a lie.</summary>
    private async Task<bool> IsWatchedAsync(CancellationToken stop)
    {
        IReadOnlyList<V1Deployment> deployments;
        try
        {
            deployments = (await cluster.Api.ListAsync(ResourceTypes.Deployments, new ResourceScope(), stop).ConfigureAwait(false)).Items;
        }
        catch (ClusterException refused) when (refused.IsForbidden)
        {
            return true;   // Who may not look for it everywhere has to believe the status.
        }

        return deployments.Any(item => item.Metadata.Name == Names.Watcher && item.Status?.ReadyReplicas > 0);
    }

    /// <summary>The watcher's Events about this BlueGreen; one that is repeated counts anew each time.</summary>
    private async Task<IReadOnlyList<KeyValuePair<string, ObservedDecision>>> DecisionsAsync(DateTimeOffset since, CancellationToken stop)
    {
        var events = await cluster.Api.ListAsync(ResourceTypes.Events, new ResourceScope(ns), stop).ConfigureAwait(false);
        var found = new List<KeyValuePair<string, ObservedDecision>>();
        foreach (var item in events.Items.Where(item => item.InvolvedObject?.Kind == BlueGreen.KubeKind && item.InvolvedObject.Name == name))
        {
            if ((item.LastTimestamp ?? item.EventTime ?? item.FirstTimestamp) is { } at && new DateTimeOffset(at.ToUniversalTime()) is var instant && instant >= since.AddSeconds(-1))
            {
                found.Add(KeyValuePair.Create($"{item.Metadata.Uid}/{item.Count}", new ObservedDecision(instant, item.Reason ?? string.Empty, item.Message ?? string.Empty)));
            }
        }

        return found;
    }

    private AdoptionReport Report(BlueGreen seen, TimeSpan watched, IReadOnlyList<ObservedDecision> decisions) => new(
        1, cluster.Context, ns, name, seen.Spec.Service, seen.Spec.Mode ?? "Auto", seen.Status?.Active, seen.Status?.Phase, seen.Status?.Message,
        seen.Status?.Slots?.Blue.Summary, seen.Status?.Slots?.Green.Summary, Math.Round(watched.TotalSeconds, 1),
        decisions.Count(decision => decision.Reason == "WouldMove"), decisions,
        SystemMode.PatchCommand(cluster.Selection, ns, name, "Auto"),
        $"./lab cleanup{cluster.Selection}");
}
