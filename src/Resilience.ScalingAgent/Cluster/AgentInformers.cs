using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Informers;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>The caches behind every decision, and which PredictiveAutoscaler a change concerns.</summary>
internal sealed class AgentInformers : InformerSet
{
    public AgentInformers(ClusterApi api, AgentOptions options, StartUpTimes startUps, TimeProvider clock, ILoggerFactory loggers)
        : base(api, new ResourceScope(options.Namespace.Length == 0 ? null : options.Namespace), clock, loggers)
    {
        Scalers = Create(ResourceTypes.PredictiveAutoscalers);
        BlueGreens = Create(ResourceTypes.BlueGreens);
        Services = Create(ResourceTypes.Services);
        Deployments = Create(ResourceTypes.Deployments);
        Autoscalers = Create(ResourceTypes.HorizontalPodAutoscalers);
        Pods = Create(ResourceTypes.Pods);
        Subscribe(startUps);
    }

    /// <summary>A PredictiveAutoscaler needs another look. Raised on the informers' threads: enqueue, nothing else.</summary>
    public event Action<ScalerKey>? Touched;

    public Informer<PredictiveAutoscaler> Scalers { get; }

    public Informer<BlueGreen> BlueGreens { get; }

    public Informer<V1Service> Services { get; }

    public Informer<V1Deployment> Deployments { get; }

    public Informer<V2HorizontalPodAutoscaler> Autoscalers { get; }

    public Informer<V1Pod> Pods { get; }

    private void Subscribe(StartUpTimes startUps)
    {
        Pods.Changed += change => startUps.Note(change, listed: !Pods.HasSynced || change.NoticedByRelist);
        Scalers.Changed += change =>
        {
            // Our own status comes back as a change, too; only the spec and the object's life matter.
            if (change.Kind != InformerEventKind.Modified || change.Previous?.Metadata.Generation != change.Item.Metadata.Generation)
            {
                Touched?.Invoke(new(change.Key.Namespace, change.Key.Name));
            }
        };
        BlueGreens.Changed += change =>
        {
            if (change.Kind != InformerEventKind.Modified || change.Previous?.Metadata.Generation != change.Item.Metadata.Generation)
            {
                Touch(change.Key.Namespace, target => target.BlueGreen == change.Key.Name);
            }
        };
        Services.Changed += change => Touch(change.Key.Namespace, target =>
            target.BlueGreen is { } name && BlueGreens.Get(change.Key.Namespace, name)?.Spec.Service == change.Key.Name);
        Deployments.Changed += change =>
        {
            if (change.Kind != InformerEventKind.Modified || change.Previous?.Spec.Replicas != change.Item.Spec.Replicas || FloorHolder.HasNewNotes(change.Previous, change.Item))
            {
                Touch(change.Key.Namespace, target => Uses(change.Key.Namespace, target, change.Key.Name));
            }
        };
        Autoscalers.Changed += change =>
        {
            if (change.Kind != InformerEventKind.Modified || change.Previous?.Spec.MinReplicas != change.Item.Spec.MinReplicas
                || change.Previous?.Spec.MaxReplicas != change.Item.Spec.MaxReplicas || FloorHolder.HasNewNotes(change.Previous, change.Item))
            {
                Touch(change.Key.Namespace, target =>
                    target.Autoscaler == change.Key.Name || Uses(change.Key.Namespace, target, change.Item.Spec.ScaleTargetRef.Name));
            }
        };
    }

    private bool Uses(string ns, ScaleTargetSpec target, string deployment) =>
        target.Deployment == deployment
        || (target.BlueGreen is { } name && BlueGreens.Get(ns, name)?.Spec.Slots is { } slots
            && (slots.Blue.Deployment == deployment || slots.Green.Deployment == deployment))
        || (target.Autoscaler is { } autoscaler && Autoscalers.Get(ns, autoscaler)?.Spec.ScaleTargetRef.Name == deployment);

    private void Touch(string ns, Func<ScaleTargetSpec, bool> concerns)
    {
        foreach (var scaler in Scalers.List(ns))
        {
            if (concerns(scaler.Spec.Target))
            {
                Touched?.Invoke(new(ns, scaler.Metadata.Name));
            }
        }
    }
}
