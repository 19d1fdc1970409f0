using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Publishing;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Cluster;

/// <summary>The reconciler's view of a Kubernetes cluster: snapshots from the caches, writes by conditional merge patches.</summary>
internal sealed class KubernetesFailoverCluster(
    ClusterApi api, WatcherInformers informers, PodHistory pods, StatusPublisher publisher, TimeProvider clock) : IFailoverCluster
{
    private readonly ConcurrentDictionary<BlueGreenKey, DateTimeOffset> _touched = new();

    /// <summary>What the last snapshot of a key was made of; its writes refer to exactly that. One key is never worked on twice at once.</summary>
    private readonly ConcurrentDictionary<BlueGreenKey, Source> _sources = new();

    /// <summary>Services as our own patches left them, until the watch brings them back.</summary>
    private readonly ConcurrentDictionary<NamespacedName, V1Service> _written = new();

    /// <summary>Remembers when the first unprocessed change of a key arrived.</summary>
    public void Touch(BlueGreenKey key) => _touched.TryAdd(key, clock.GetUtcNow());

    public async ValueTask<FailoverSnapshot?> ReadAsync(BlueGreenKey key, ReadFrom from, CancellationToken cancellationToken)
    {
        DateTimeOffset? changedAt = _touched.TryRemove(key, out var at) ? at : null;
        var source = from == ReadFrom.Cache ? ReadCache(key) : await ReadServerAsync(key, cancellationToken).ConfigureAwait(false);
        if (source is null)
        {
            _sources.TryRemove(key, out _);
            return null;
        }
        _sources[key] = source;
        return Compose(key, source, changedAt);
    }

    public async Task CommitAsync(BlueGreenKey key, string resourceVersion, FailoverState state, Slot? routeTo, CancellationToken cancellationToken)
    {
        var source = _sources[key];
        var body = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [ResilienceApi.FailoverAnnotation] = FailoverStateJson.Write(state) } },
        };
        if (routeTo is { } to)
        {
            body["spec"] = new JsonObject { ["selector"] = Replacement(source.Service.Spec.Selector, source.Slot(to).Selector) };
        }
        var name = NamespacedName.Of(source.Service);
        var written = await ConditionallyAsync(() => api.PatchAsync(ResourceTypes.Services, name.Namespace, name.Name,
            ResourcePatch.MergeIf(resourceVersion, body), cancellationToken, FieldManagers.FailoverWatcher)).ConfigureAwait(false);
        _written[name] = written;
    }

    public async Task BorrowFloorAsync(BlueGreenKey key, FloorRequest request, CancellationToken cancellationToken)
    {
        var source = _sources[key];
        var objects = source.Objects(request.Slot);
        if (objects.Deployment is not { } deployment)
        {
            return;
        }
        if (objects.Autoscaler is { } autoscaler)
        {
            var patch = ResourcePatch.MergeIf(autoscaler.Metadata.ResourceVersion, objects.BorrowBody(request));
            await ConditionallyAsync(() => api.PatchAsync(ResourceTypes.HorizontalPodAutoscalers, key.Namespace, autoscaler.Metadata.Name, patch,
                cancellationToken, FieldManagers.FailoverWatcher)).ConfigureAwait(false);
        }
        if (objects.Autoscaler is null || request.Wake)
        {
            var body = objects.Autoscaler is null ? objects.BorrowBody(request) : new() { ["spec"] = new JsonObject { ["replicas"] = request.Replicas } };
            var patch = ResourcePatch.MergeIf(deployment.Metadata.ResourceVersion, body);
            await ConditionallyAsync(() => api.PatchAsync(ResourceTypes.Deployments, key.Namespace, deployment.Metadata.Name, patch,
                cancellationToken, FieldManagers.FailoverWatcher)).ConfigureAwait(false);
        }
    }

    public async Task ReturnFloorAsync(BlueGreenKey key, Slot slot, CancellationToken cancellationToken)
    {
        var objects = _sources[key].Objects(slot);
        if (objects.Loan is not { Owner: FailoverPolicy.Owner } loan)
        {
            return;
        }
        var body = SlotObjects.ReturnBody(loan, objects.Autoscaler is not null);
        if (objects.Autoscaler is { } autoscaler)
        {
            await ConditionallyAsync(() => api.PatchAsync(ResourceTypes.HorizontalPodAutoscalers, key.Namespace, autoscaler.Metadata.Name,
                ResourcePatch.MergeIf(autoscaler.Metadata.ResourceVersion, body), cancellationToken, FieldManagers.FailoverWatcher)).ConfigureAwait(false);
        }
        else if (objects.Deployment is { } deployment)
        {
            await ConditionallyAsync(() => api.PatchAsync(ResourceTypes.Deployments, key.Namespace, deployment.Metadata.Name,
                ResourcePatch.MergeIf(deployment.Metadata.ResourceVersion, body), cancellationToken, FieldManagers.FailoverWatcher)).ConfigureAwait(false);
        }
    }

    public void Publish(BlueGreenKey key, FailoverStatus status, IReadOnlyList<FailoverDecision> decisions) => publisher.Publish(key, status, decisions);

    private static async Task<T> ConditionallyAsync<T>(Func<Task<T>> patch)
    {
        try
        {
            return await patch().ConfigureAwait(false);
        }
        catch (ClusterException refused) when (refused.IsConflict || refused.IsNotFound)
        {
            throw new StaleSnapshotException(refused.Message, refused);
        }
    }

    private Source? ReadCache(BlueGreenKey key)
    {
        if (informers.BlueGreens.Get(key.Namespace, key.Name) is not { } blueGreen
            || informers.Services.Get(key.Namespace, blueGreen.Spec.Service) is not { } service)
        {
            return null;
        }
        var name = NamespacedName.Of(service);
        if (_written.TryGetValue(name, out var written))
        {
            if (IsOlder(service, written))
            {
                service = written;
            }
            else
            {
                _written.TryRemove(name, out _);
            }
        }
        return new(blueGreen, service, CachedObjects(key, blueGreen.Spec.Slots.Blue), CachedObjects(key, blueGreen.Spec.Slots.Green));
    }

    private async Task<Source?> ReadServerAsync(BlueGreenKey key, CancellationToken cancellationToken)
    {
        if (await api.FindAsync(ResourceTypes.BlueGreens, key.Namespace, key.Name, cancellationToken).ConfigureAwait(false) is not { } blueGreen)
        {
            return null;
        }
        var service = api.FindAsync(ResourceTypes.Services, key.Namespace, blueGreen.Spec.Service, cancellationToken);
        var blue = FreshObjectsAsync(key, blueGreen.Spec.Slots.Blue, cancellationToken);
        var green = FreshObjectsAsync(key, blueGreen.Spec.Slots.Green, cancellationToken);
        await Task.WhenAll(service, blue, green).ConfigureAwait(false);
        return await service.ConfigureAwait(false) is { } found
            ? new(blueGreen, found, await blue.ConfigureAwait(false), await green.ConfigureAwait(false))
            : null;
    }

    private SlotObjects CachedObjects(BlueGreenKey key, SlotSpec slot) =>
        new(informers.Deployments.Get(key.Namespace, slot.Deployment), AutoscalerOf(key, slot));

    private async Task<SlotObjects> FreshObjectsAsync(BlueGreenKey key, SlotSpec slot, CancellationToken cancellationToken)
    {
        var deployment = api.FindAsync(ResourceTypes.Deployments, key.Namespace, slot.Deployment, cancellationToken);
        var autoscaler = AutoscalerOf(key, slot) is { } cached
            ? api.FindAsync(ResourceTypes.HorizontalPodAutoscalers, key.Namespace, cached.Metadata.Name, cancellationToken)
            : Task.FromResult<V2HorizontalPodAutoscaler?>(null);
        await Task.WhenAll(deployment, autoscaler).ConfigureAwait(false);
        return new(await deployment.ConfigureAwait(false), await autoscaler.ConfigureAwait(false));
    }

    private V2HorizontalPodAutoscaler? AutoscalerOf(BlueGreenKey key, SlotSpec slot) =>
        informers.Autoscalers.List(key.Namespace).FirstOrDefault(autoscaler =>
            autoscaler.Spec.ScaleTargetRef is { Kind: "Deployment" } target && target.Name == slot.Deployment);

    private FailoverSnapshot Compose(BlueGreenKey key, Source source, DateTimeOffset? changedAt)
    {
        var spec = source.BlueGreen.Spec;
        var rules = BlueGreenRules.Read(spec);
        var notes = source.Service.Metadata.Annotations;
        var state = notes is not null && notes.TryGetValue(ResilienceApi.FailoverAnnotation, out var json) ? FailoverStateJson.Read(json) : null;
        var acknowledgement = source.BlueGreen.Metadata.Annotations is { } own && own.TryGetValue(ResilienceApi.AcknowledgeAnnotation, out var value) ? value : null;
        return new(key, source.Service.Metadata.ResourceVersion, state, rules.Limits)
        {
            Blue = Slot(key, spec.Slots.Blue, source.Blue),
            Green = Slot(key, spec.Slots.Green, source.Green),
            Active = Selectors.Same(source.Service.Spec.Selector, spec.Slots.Blue.Selector) ? Control.Failover.Slot.Blue
                : Selectors.Same(source.Service.Spec.Selector, spec.Slots.Green.Selector) ? Control.Failover.Slot.Green : null,
            Acknowledgement = acknowledgement,
            Switchovers = OpenSwitchovers(key),
            Probe = rules.Probe,
            InvalidSpec = rules.Objection,
            ChangedAt = changedAt,
            // Last, so that nothing in the snapshot is younger than its instant.
            ObservedAt = clock.GetUtcNow(),
        };
    }

    private SlotSnapshot Slot(BlueGreenKey key, SlotSpec spec, SlotObjects objects)
    {
        var snapshots = new List<PodSnapshot>();
        foreach (var pod in informers.Pods.List(key.Namespace))
        {
            // Finished pods (evicted, completed) linger in the list and serve nobody.
            if (Selectors.Match(spec.Selector, pod.Metadata.Labels) && pod.Status?.Phase is not ("Failed" or "Succeeded"))
            {
                snapshots.Add(new(pods.Facts(pod), pod.Metadata.Uid, pod.Status?.PodIP));
            }
        }
        var facts = new SlotFacts(objects.Desired, [.. snapshots.Select(pod => pod.Facts)])
        {
            MaxReplicas = objects.MaxReplicas, Floor = objects.Floor, Loan = objects.Loan,
        };
        return new(facts, snapshots);
    }

    private List<SwitchoverRequest> OpenSwitchovers(BlueGreenKey key) =>
        [.. informers.Switchovers.List(key.Namespace)
            .Where(switchover => switchover.Spec.BlueGreen == key.Name && !SwitchoverStatus.FinalPhases.Contains(switchover.Status?.Phase ?? ""))
            .OrderBy(switchover => switchover.Metadata.CreationTimestamp).ThenBy(switchover => switchover.Metadata.Name, StringComparer.Ordinal)
            .Select(switchover => Request(key, switchover))];

    private SwitchoverRequest Request(BlueGreenKey key, Switchover switchover) =>
        new(switchover.Metadata.Uid, switchover.Metadata.Name, SlotNamed(switchover.Spec.To) ?? Control.Failover.Slot.Blue)
        {
            Reason = switchover.Spec.Reason ?? "",
            ExpectedActive = SlotNamed(switchover.Spec.Precondition?.Active),
            ExpiresAt = switchover.Spec.ExpiresAt,
            Prescale = switchover.Spec.Prescale ?? true,
            NeedsApproval = switchover.Spec.Approval == "Required",
            Verdict = Verdict(key, switchover),
        };

    /// <summary>The first answer to this very request; a rejection counts more than an approval.</summary>
    private SwitchoverVerdict? Verdict(BlueGreenKey key, Switchover switchover)
    {
        var answers = informers.Approvals.List(key.Namespace)
            .Where(approval => approval.Spec.Switchover == switchover.Metadata.Name && approval.Spec.SwitchoverUid == switchover.Metadata.Uid
                && (approval.Spec.Precondition?.Active is not { } active || active == switchover.Spec.Precondition?.Active))
            .OrderBy(approval => approval.Spec.Decision == "Approve").ThenBy(approval => approval.Metadata.CreationTimestamp);
        return answers.FirstOrDefault() is { } answer
            ? new(answer.Spec.Decision == "Approve", string.IsNullOrEmpty(answer.Spec.By) ? answer.Metadata.Name : answer.Spec.By)
            : null;
    }

    private static Slot? SlotNamed(string? name) => name switch
    {
        "blue" => Control.Failover.Slot.Blue,
        "green" => Control.Failover.Slot.Green,
        _ => null,
    };

    /// <summary>A merge patch keeps what it does not name, so keys that must go are named with null.</summary>
    private static JsonObject Replacement(IDictionary<string, string>? current, IReadOnlyDictionary<string, string> wanted)
    {
        var patch = new JsonObject();
        foreach (var name in current?.Keys.Where(name => !wanted.ContainsKey(name)) ?? [])
        {
            patch[name] = null;
        }
        foreach (var (name, value) in wanted)
        {
            patch[name] = value;
        }
        return patch;
    }

    // Versions of one object may be compared as numbers since Kubernetes 1.35, and could in practice before.
    private static bool IsOlder(V1Service left, V1Service right) =>
        left.Metadata.Uid == right.Metadata.Uid
        && ulong.TryParse(left.Metadata.ResourceVersion, out var a) && ulong.TryParse(right.Metadata.ResourceVersion, out var b) && a < b;

    private sealed record Source(BlueGreen BlueGreen, V1Service Service, SlotObjects Blue, SlotObjects Green)
    {
        public SlotObjects Objects(Slot slot) => slot == Control.Failover.Slot.Blue ? Blue : Green;

        public SlotSpec Slot(Slot slot) => slot == Control.Failover.Slot.Blue ? BlueGreen.Spec.Slots.Blue : BlueGreen.Spec.Slots.Green;
    }
}
