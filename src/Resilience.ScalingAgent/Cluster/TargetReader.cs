using k8s.Models;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>One Deployment of a target with its pods.</summary>
/// <param name="Slot"><c>blue</c> or <c>green</c>; null for a target without slots.</param>
/// <param name="HasTraffic">The Service selects it, or there is no other.</param>
internal sealed record SlotView(string? Slot, bool HasTraffic, FloorHolder Holder, IReadOnlyList<V1Pod> Pods)
{
    /// <summary>Serving replicas.</summary>
    public int Ready => Pods.Count(pod => PodFacts.IsReady(pod) && !PodFacts.IsEnding(pod));

    /// <summary>Replicas that cost money: bound to a node and not over.</summary>
    public int Running => Pods.Count(pod => !PodFacts.IsOver(pod) && !PodFacts.WaitsForRoom(pod));

    public ClusterRoom Room => new(
        Pods.Count(pod => !PodFacts.IsOver(pod) && !PodFacts.IsEnding(pod) && !PodFacts.WaitsForRoom(pod)),
        Pods.Count(pod => !PodFacts.IsEnding(pod) && PodFacts.WaitsForRoom(pod)));
}

/// <summary>What a PredictiveAutoscaler scales, as the caches have it.</summary>
/// <param name="Slots">The active one first; empty when nothing was found.</param>
/// <param name="Problem">Why no floor can be written; one sentence without a full stop. Null when all is well.</param>
internal sealed record TargetView(IReadOnlyList<SlotView> Slots, string? Problem)
{
    /// <summary>The slot that has the traffic; null when that is not known.</summary>
    public SlotView? Active => Slots.FirstOrDefault(slot => slot.HasTraffic);

    public int Ready => Active?.Ready ?? 0;

    public int Running => Slots.Sum(slot => slot.Running);

    public IEnumerable<V1Pod> Pods => Slots.SelectMany(slot => slot.Pods);

    /// <summary>Running pods of all slots: a failover moves demand from one slot to the other and must not look like a collapse and a spike.</summary>
    public IReadOnlyList<PodEndpoint> Endpoints =>
    [
        .. from slot in Slots
           from pod in slot.Pods
           where pod.Status?.Phase == "Running" && !string.IsNullOrEmpty(pod.Status.PodIP)
           select new PodEndpoint(
               pod.Metadata.Uid, pod.Metadata.Name, pod.Status.PodIP, slot.HasTraffic && PodFacts.IsReady(pod) && !PodFacts.IsEnding(pod), StartedAt(pod)),
    ];

    private static DateTimeOffset? StartedAt(V1Pod pod) =>
        pod.Status.ContainerStatuses?.FirstOrDefault()?.State?.Running?.StartedAt is { } started ? new(DateTime.SpecifyKind(started, DateTimeKind.Utc)) : null;
}

/// <summary>Finds what a PredictiveAutoscaler names. The active slot is read from the Service's selector each time and never remembered.</summary>
internal sealed class TargetReader(AgentInformers informers)
{
    public TargetView Read(ScalerKey key, TargetReference target) => Taken(key, target.Kind switch
    {
        TargetKind.BlueGreen => BlueGreen(key.Namespace, target.Name),
        TargetKind.Autoscaler => Autoscaler(key.Namespace, target.Name),
        _ => Deployment(key.Namespace, target.Name),
    });

    /// <summary>Floors that carry a scaler's name.</summary>
    public IEnumerable<FloorHolder> FloorsOf(ScalerKey key) => Floors(key.Namespace).Where(holder => holder.Owner == key.Name);

    /// <summary>Floors that carry a scaler's name though it scales something else by now, or is gone.</summary>
    public IEnumerable<FloorHolder> OrphansOf(ScalerKey key) => FloorsOf(key).Where(holder => !Scales(key, holder));

    /// <summary>Scalers that have left floors behind.</summary>
    public IEnumerable<ScalerKey> ScalersWithOrphans() =>
        Floors(null).Select(holder => (Key: new ScalerKey(holder.Item!.Metadata.NamespaceProperty, holder.Owner!), Holder: holder))
            .Where(floor => !Scales(floor.Key, floor.Holder)).Select(floor => floor.Key).Distinct();

    /// <summary>A scaler whose target cannot be found just now has not given it up.</summary>
    private bool Scales(ScalerKey key, FloorHolder holder)
    {
        if (informers.Scalers.Get(key.Namespace, key.Name) is not { } scaler)
        {
            return false;
        }
        var target = scaler.Spec.Target;
        if (target.BlueGreen is { Length: > 0 } name)
        {
            return informers.BlueGreens.Get(key.Namespace, name) is not { } blueGreen
                || holder.Deployment is not { } deployment
                || deployment.Metadata.Name == blueGreen.Spec.Slots.Blue.Deployment || deployment.Metadata.Name == blueGreen.Spec.Slots.Green.Deployment;
        }
        return holder.Autoscaler is { } autoscaler ? target.Autoscaler == autoscaler.Metadata.Name : target.Deployment == holder.Deployment?.Metadata.Name;
    }

    private IEnumerable<FloorHolder> Floors(string? ns) =>
        informers.Autoscalers.List(ns).Where(autoscaler => new FloorHolder(null, autoscaler).Owner is not null)
            .Select(autoscaler => new FloorHolder(DeploymentOf(autoscaler), autoscaler))
            .Concat(informers.Deployments.List(ns).Select(deployment => new FloorHolder(deployment, null)).Where(holder => holder.Owner is not null));

    private TargetView BlueGreen(string ns, string name)
    {
        if (informers.BlueGreens.Get(ns, name) is not { } blueGreen)
        {
            return new([], $"BlueGreen {name} does not exist");
        }
        if (informers.Services.Get(ns, blueGreen.Spec.Service) is not { } service)
        {
            return new([], $"Service {blueGreen.Spec.Service} of BlueGreen {name} does not exist");
        }
        List<SlotView> slots = [Slot("blue", blueGreen.Spec.Slots.Blue), Slot("green", blueGreen.Spec.Slots.Green)];
        slots.Sort((left, right) => right.HasTraffic.CompareTo(left.HasTraffic));
        var missing = slots.Find(slot => slot.Holder.Deployment is null);
        return new(slots, missing is not null ? $"the Deployment of slot {missing.Slot} does not exist"
            : slots[0].HasTraffic ? null : $"the selector of Service {blueGreen.Spec.Service} matches neither slot");

        SlotView Slot(string slot, SlotSpec spec)
        {
            var pods = informers.Pods.List(ns).Where(pod => Matches(spec.Selector, pod.Metadata.Labels) && !PodFacts.IsOver(pod)).ToList();
            return new(slot, IsSame(spec.Selector, service.Spec.Selector), new(informers.Deployments.Get(ns, spec.Deployment), AutoscalerOf(ns, spec.Deployment)), pods);
        }
    }

    private TargetView Autoscaler(string ns, string name) =>
        informers.Autoscalers.Get(ns, name) is not { } autoscaler ? new([], $"HorizontalPodAutoscaler {name} does not exist")
        : autoscaler.Spec.ScaleTargetRef.Kind != "Deployment" ? new([], $"HorizontalPodAutoscaler {name} scales a {autoscaler.Spec.ScaleTargetRef.Kind}, not a Deployment")
        : DeploymentOf(autoscaler) is not { } deployment ? new([], $"Deployment {autoscaler.Spec.ScaleTargetRef.Name} of HorizontalPodAutoscaler {name} does not exist")
        : new([Only(deployment, autoscaler)], null);

    private TargetView Deployment(string ns, string name) =>
        informers.Deployments.Get(ns, name) is not { } deployment ? new([], $"Deployment {name} does not exist")
        : AutoscalerOf(ns, name) is { } autoscaler
            ? new([Only(deployment, autoscaler)], $"Deployment {name} has the autoscaler {autoscaler.Metadata.Name}: name that one in target.autoscaler")
        : new([Only(deployment, null)], null);

    private SlotView Only(V1Deployment deployment, V2HorizontalPodAutoscaler? autoscaler)
    {
        var labels = deployment.Spec.Selector.MatchLabels?.ToDictionary(StringComparer.Ordinal) ?? [];
        var pods = informers.Pods.List(deployment.Metadata.NamespaceProperty)
            .Where(pod => Matches(labels, pod.Metadata.Labels) && !PodFacts.IsOver(pod)).ToList();
        return new(null, true, new(deployment, autoscaler), pods);
    }

    /// <summary>One field has one writer: a floor that another PredictiveAutoscaler keeps is not touched.</summary>
    private TargetView Taken(ScalerKey key, TargetView view)
    {
        foreach (var slot in view.Slots)
        {
            if (slot.Holder.Owner is { } owner && owner != key.Name && Scales(new(key.Namespace, owner), slot.Holder))
            {
                return view with { Problem = view.Problem ?? $"{slot.Holder.Name} is already scaled by PredictiveAutoscaler {owner}" };
            }
        }
        return view;
    }

    private V1Deployment? DeploymentOf(V2HorizontalPodAutoscaler autoscaler) =>
        autoscaler.Spec.ScaleTargetRef is { Kind: "Deployment" } target ? informers.Deployments.Get(autoscaler.Metadata.NamespaceProperty, target.Name) : null;

    private V2HorizontalPodAutoscaler? AutoscalerOf(string ns, string deployment) =>
        informers.Autoscalers.List(ns).FirstOrDefault(autoscaler =>
            autoscaler.Spec.ScaleTargetRef is { Kind: "Deployment" } target && target.Name == deployment);

    private static bool IsSame(IReadOnlyDictionary<string, string> wanted, IDictionary<string, string>? selector) =>
        selector is not null && selector.Count == wanted.Count && Matches(wanted, selector);

    private static bool Matches(IReadOnlyDictionary<string, string> selector, IDictionary<string, string>? labels) =>
        labels is not null && selector.Count > 0 && selector.All(pair => labels.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
