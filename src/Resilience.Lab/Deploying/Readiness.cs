using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>What has to be true before an installation counts as ready.</summary>
/// <param name="Deployments">Null: every Deployment of the namespace.</param>
/// <param name="Watcher">The watcher must have spoken about the BlueGreen.</param>
internal sealed record ReadinessGoal(TimeSpan Limit, IReadOnlyCollection<string>? Deployments, bool Watcher)
{
    /// <summary>Asked last, once the pods are Ready: what is still missing, or null.</summary>
    public Func<CancellationToken, Task<string?>>? Also { get; init; }

    /// <summary>Asked each time; throws when waiting has become pointless.</summary>
    public Action? Check { get; init; }

    /// <summary>Where to look when it took too long.</summary>
    public required string Next { get; init; }
}

/// <summary>Waits until the system is ready, tells what it waits for, and ends early when waiting cannot help.</summary>
internal sealed class Readiness(ClusterApi api, TimeProvider time, Action<string> say)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LookAtPods = TimeSpan.FromSeconds(1);

    /// <summary>A missing image or setting does not mend itself; scheduling and crashes get more time: a rollout may free room, a dependency may come.</summary>
    private static readonly TimeSpan ImagePatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan OtherPatience = TimeSpan.FromSeconds(30);

    /// <summary>What was missing may have been applied a moment ago; a refusal that stays is told of soon.</summary>
    private static readonly TimeSpan RefusalPatience = TimeSpan.FromSeconds(5);

    private const string RetryAnnotation = "resilience.dev/tried-again";

    private readonly Dictionary<string, long> _troubledSince = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _refusedSince = new(StringComparer.Ordinal);
    private readonly HashSet<string> _pullsTold = new(StringComparer.Ordinal);

    public async Task WaitAsync(ReadinessGoal goal, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var lookedAtPods = started;
        var told = string.Empty;
        await TryImagesAgainAsync(goal, stop).ConfigureAwait(false);
        await TryRefusedAgainAsync(goal, stop).ConfigureAwait(false);
        while (true)
        {
            goal.Check?.Invoke();
            if (await MissingAsync(goal, stop).ConfigureAwait(false) is not { } missing)
            {
                return;
            }

            if (missing != told)
            {
                say($"waiting for {missing}");
                told = missing;
            }

            if (time.GetElapsedTime(lookedAtPods) >= LookAtPods)
            {
                lookedAtPods = time.GetTimestamp();
                await LookForTroubleAsync(goal, stop).ConfigureAwait(false);
            }

            if (time.GetElapsedTime(started) > goal.Limit)
            {
                throw new LabException($"after {goal.Limit.TotalSeconds:0} s still waiting for {missing}", goal.Next);
            }

            await Task.Delay(Look, time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// A kubelet that could not get an image waits up to five minutes before it looks again. Whoever has loaded the image since should not:
    /// such pods, which never ran, are deleted, and their ReplicaSets make new ones at once.
    /// </summary>
    private async Task TryImagesAgainAsync(ReadinessGoal goal, CancellationToken stop)
    {
        foreach (var pod in (await WantedPodsAsync(goal, stop).ConfigureAwait(false)).Where(pod => PodTrouble.Of(pod)?.Kind == "image" && Rollout.ControllerOf(pod.Metadata)?.Kind == "ReplicaSet"))
        {
            try
            {
                await api.DeleteAsync(ResourceTypes.Pods, Names.Namespace, pod.Metadata.Name, stop, grace: TimeSpan.Zero).ConfigureAwait(false);
                say($"pod {pod.Metadata.Name} was waiting to look for its image again; a new one looks at once");
            }
            catch (ClusterException refused) when (refused.IsForbidden || refused.IsNotFound)
            {
                // Then it looks when its kubelet lets it, or has gone by itself.
            }
        }
    }

    /// <summary>
    /// A controller whose pods were refused, for want of a ServiceAccount perhaps, waits longer after each try, up to a quarter of an hour. It looks
    /// again at once when its ReplicaSet changes, as it does with an annotation of its Deployment.
    /// </summary>
    private async Task TryRefusedAgainAsync(ReadinessGoal goal, CancellationToken stop)
    {
        var deployments = await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        foreach (var name in deployments.Items.Where(item => goal.Deployments?.Contains(item.Metadata.Name) != false && Refusal(item) is not null).Select(item => item.Metadata.Name))
        {
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [RetryAnnotation] = $"{time.GetUtcNow():O}" } } };
            try
            {
                _ = await api.PatchAsync(ResourceTypes.Deployments, Names.Namespace, name, ResourcePatch.Merge(patch), stop, FieldManagers.Lab).ConfigureAwait(false);
                say($"pods of {name} were refused; its controller tries again now");
            }
            catch (ClusterException refused) when (refused.IsForbidden || refused.IsNotFound)
            {
                // Then it tries when its time has come.
            }
        }
    }

    private async Task<string?> MissingAsync(ReadinessGoal goal, CancellationToken stop)
    {
        var deployments = await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        if (goal.Deployments?.FirstOrDefault(name => deployments.Items.All(item => item.Metadata.Name != name)) is { } absent)
        {
            return $"Deployment {absent}";
        }

        if (deployments.Items.FirstOrDefault(item => goal.Deployments?.Contains(item.Metadata.Name) != false && Unfinished(item) is not null) is { } waiting)
        {
            return $"{waiting.Metadata.Name} ({Unfinished(waiting)})";
        }

        if (goal.Watcher)
        {
            var blueGreen = await api.FindAsync(ResourceTypes.BlueGreens, Names.Namespace, Names.BlueGreen, stop).ConfigureAwait(false);
            if (blueGreen?.Status?.Active is null)
            {
                return $"the failover watcher's first word on BlueGreen {Names.BlueGreen}";
            }
        }

        return goal.Also is null ? null : await goal.Also(stop).ConfigureAwait(false);
    }

    private async Task LookForTroubleAsync(ReadinessGoal goal, CancellationToken stop)
    {
        var pods = await WantedPodsAsync(goal, stop).ConfigureAwait(false);
        var troubles = pods.Select(PodTrouble.Of).OfType<PodTrouble>().ToArray();
        foreach (var healed in _troubledSince.Keys.Where(pod => troubles.All(trouble => trouble.Pod != pod)).ToArray())
        {
            _ = _troubledSince.Remove(healed);
        }

        foreach (var trouble in troubles)
        {
            if (_troubledSince.TryAdd(trouble.Pod, time.GetTimestamp()))
            {
                say(trouble.Text);
            }
            else if (time.GetElapsedTime(_troubledSince[trouble.Pod]) > (trouble.Kind is "image" or "configuration" ? ImagePatience : OtherPatience))
            {
                throw trouble.ToError();
            }
        }

        await LookForSlowPullsAsync(pods, stop).ConfigureAwait(false);
        await LookForRefusalsAsync(goal, stop).ConfigureAwait(false);
    }

    /// <summary>An unreachable registry takes the kubelet many seconds to notice; until then only its Events say what a pod waits for.</summary>
    private async Task LookForSlowPullsAsync(V1Pod[] pods, CancellationToken stop)
    {
        var now = time.GetUtcNow();
        foreach (var pod in pods.Where(pod => ImagePull.MayBeSlow(pod, now) && !_pullsTold.Contains(pod.Metadata.Name)))
        {
            try
            {
                var events = await api.ListAsync(ResourceTypes.Events, new ResourceScope(Names.Namespace, null, $"involvedObject.name={pod.Metadata.Name}"), stop).ConfigureAwait(false);
                if (ImagePull.Describe(pod, events.Items, now) is { } text)
                {
                    _ = _pullsTold.Add(pod.Metadata.Name);
                    say(text);
                }
            }
            catch (ClusterException refused) when (refused.IsForbidden)
            {
                return;   // Then the kubelet's verdict has to do.
            }
        }
    }

    /// <summary>Pods that were never made: a quota or a policy refused them.</summary>
    private async Task LookForRefusalsAsync(ReadinessGoal goal, CancellationToken stop)
    {
        var deployments = await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        foreach (var deployment in deployments.Items.Where(item => goal.Deployments?.Contains(item.Metadata.Name) != false))
        {
            var name = deployment.Metadata.Name;
            if (Refusal(deployment) is not { } refused)
            {
                _ = _refusedSince.Remove(name);
            }
            else if (_refusedSince.TryAdd(name, time.GetTimestamp()))
            {
                say(refused.Message);
            }
            else if (time.GetElapsedTime(_refusedSince[name]) > RefusalPatience)
            {
                throw refused;
            }
        }
    }

    /// <returns>Why the cluster makes no pods for this Deployment, or null.</returns>
    public static LabException? Refusal(V1Deployment deployment) =>
        deployment.Status?.Conditions?.FirstOrDefault(condition => condition is { Type: "ReplicaFailure", Status: "True" }) is { } refusal
            ? new LabException(
                $"the cluster refuses pods of {deployment.Metadata.Name}: {refusal.Message?.ReplaceLineEndings(" ").TrimEnd('.')}",
                "A missing ServiceAccount, a quota, a limit or an admission policy is the cause; the message says which.")
            : null;

    /// <summary>Without those of an earlier template, which may be in trouble until the rollout has taken them away.</summary>
    private async Task<V1Pod[]> WantedPodsAsync(ReadinessGoal goal, CancellationToken stop)
    {
        var replaced = await Rollout.ReplacedAsync(api, stop).ConfigureAwait(false);
        var pods = await api.ListAsync(ResourceTypes.Pods, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        return [.. pods.Items.Where(pod => pod.Metadata.DeletionTimestamp is null && Belongs(pod, goal.Deployments)
            && !(Rollout.ControllerOf(pod.Metadata) is { } owner && replaced.Contains(owner.Name)))];
    }

    private static bool Belongs(V1Pod pod, IReadOnlyCollection<string>? deployments) =>
        deployments is null || deployments.Any(name => pod.Metadata.Name.StartsWith(name + "-", StringComparison.Ordinal));

    /// <returns>How far the rollout is, or null when all pods are Ready and none is of an earlier template.</returns>
    public static string? Unfinished(V1Deployment deployment)
    {
        var (wanted, status) = (deployment.Spec.Replicas ?? 1, deployment.Status);
        var (pods, updated, ready) = (status?.Replicas ?? 0, status?.UpdatedReplicas ?? 0, status?.ReadyReplicas ?? 0);
        if (ready >= wanted && updated < wanted)
        {
            return $"{updated} of {wanted} pods are new";
        }

        // Those of the earlier template count among the Ready ones: while there are any, a new one may still be starting.
        if (ready >= wanted && pods > updated)
        {
            return $"{pods - updated} of the earlier pods to leave";
        }

        return ready < wanted ? $"{ready} of {wanted} pods Ready"
            : status?.ObservedGeneration >= deployment.Metadata.Generation ? null : "its change to be noticed";
    }
}
