using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Informers;
using Resilience.ClusterAccess.Resources;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Cluster;

/// <summary>The caches behind every decision, and which BlueGreen a change concerns.</summary>
internal sealed class WatcherInformers : InformerSet
{
    public WatcherInformers(ClusterApi api, WatcherOptions options, PodHistory pods, TimeProvider clock, ILoggerFactory loggers)
        : base(api, new ResourceScope(options.Namespace.Length == 0 ? null : options.Namespace), clock, loggers)
    {
        Pods = Create(ResourceTypes.Pods);
        Services = Create(ResourceTypes.Services);
        Deployments = Create(ResourceTypes.Deployments);
        Autoscalers = Create(ResourceTypes.HorizontalPodAutoscalers);
        BlueGreens = Create(ResourceTypes.BlueGreens);
        Switchovers = Create(ResourceTypes.Switchovers);
        Approvals = Create(ResourceTypes.SwitchoverApprovals);
        Subscribe(pods);
    }

    /// <summary>A BlueGreen needs another look. Raised on the informers' threads: enqueue, nothing else.</summary>
    public event Action<BlueGreenKey>? Touched;

    public Informer<V1Pod> Pods { get; }

    public Informer<V1Service> Services { get; }

    public Informer<V1Deployment> Deployments { get; }

    public Informer<V2HorizontalPodAutoscaler> Autoscalers { get; }

    public Informer<BlueGreen> BlueGreens { get; }

    public Informer<Switchover> Switchovers { get; }

    public Informer<SwitchoverApproval> Approvals { get; }

    private void Subscribe(PodHistory pods)
    {
        Pods.Changed += change =>
        {
            if (change.Kind == InformerEventKind.Deleted)
            {
                pods.Forget(change.Item);
                TouchSlotOf(change.Item);
            }
            else if (pods.Note(change.Item))
            {
                TouchSlotOf(change.Item);
            }
        };
        Services.Changed += change => Touch(change.Key.Namespace, blueGreen => blueGreen.Spec.Service == change.Key.Name);
        Deployments.Changed += change =>
        {
            if (change.Previous?.Spec.Replicas != change.Item.Spec.Replicas || HasNewNotes(change.Previous, change.Item) || change.Kind == InformerEventKind.Deleted)
            {
                Touch(change.Key.Namespace, blueGreen => Uses(blueGreen, change.Key.Name));
            }
        };
        Autoscalers.Changed += change =>
        {
            if (change.Kind == InformerEventKind.Deleted || change.Previous?.Spec.MinReplicas != change.Item.Spec.MinReplicas
                || change.Previous?.Spec.MaxReplicas != change.Item.Spec.MaxReplicas || HasNewNotes(change.Previous, change.Item))
            {
                Touch(change.Key.Namespace, blueGreen => Uses(blueGreen, change.Item.Spec.ScaleTargetRef.Name));
            }
        };
        BlueGreens.Changed += change =>
        {
            // Our own status comes back as a change, too; only the spec and the annotations matter.
            if (change.Kind != InformerEventKind.Modified || change.Previous?.Metadata.Generation != change.Item.Metadata.Generation
                || HasNewNotes(change.Previous, change.Item))
            {
                Touched?.Invoke(new(change.Key.Namespace, change.Key.Name));
            }
        };
        Switchovers.Changed += change =>
        {
            // Our own progress comes back as a change, too; its end matters, because the next one may begin then.
            if (change.Kind != InformerEventKind.Modified || SwitchoverStatus.FinalPhases.Contains(change.Item.Status?.Phase ?? ""))
            {
                Touched?.Invoke(new(change.Key.Namespace, change.Item.Spec.BlueGreen));
            }
        };
        Approvals.Changed += change =>
        {
            if (Switchovers.Get(change.Key.Namespace, change.Item.Spec.Switchover) is { } switchover)
            {
                Touched?.Invoke(new(change.Key.Namespace, switchover.Spec.BlueGreen));
            }
        };
    }

    private void TouchSlotOf(V1Pod pod) => Touch(pod.Metadata.NamespaceProperty, blueGreen =>
        Selectors.Match(blueGreen.Spec.Slots.Blue.Selector, pod.Metadata.Labels) || Selectors.Match(blueGreen.Spec.Slots.Green.Selector, pod.Metadata.Labels));

    private void Touch(string ns, Func<BlueGreen, bool> concerns)
    {
        foreach (var blueGreen in BlueGreens.List(ns))
        {
            if (concerns(blueGreen))
            {
                Touched?.Invoke(new(ns, blueGreen.Metadata.Name));
            }
        }
    }

    private static bool Uses(BlueGreen blueGreen, string deployment) =>
        blueGreen.Spec.Slots.Blue.Deployment == deployment || blueGreen.Spec.Slots.Green.Deployment == deployment;

    private static bool HasNewNotes(IKubernetesObject<V1ObjectMeta>? before, IKubernetesObject<V1ObjectMeta> after)
    {
        foreach (var name in (ReadOnlySpan<string>)[ResilienceApi.AcknowledgeAnnotation, ResilienceApi.FloorOwnerAnnotation, ResilienceApi.FloorExpiresAnnotation])
        {
            if (Note(before, name) != Note(after, name))
            {
                return true;
            }
        }
        return false;
    }

    private static string? Note(IKubernetesObject<V1ObjectMeta>? item, string name) =>
        item?.Metadata.Annotations is { } annotations && annotations.TryGetValue(name, out var value) ? value : null;
}
