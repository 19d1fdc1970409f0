using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Resilience.Control.Scaling;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Applies the decision of <see cref="HorizontalPodAutoscalerAlgorithm"/> once per sync period, like a real controller manager.</summary>
internal sealed class AutoscalerController(
    ObjectStore store, TimeProvider clock, EventRecorder events, IPodMetricsSource metrics, AutoscalerSettings settings, ILogger<AutoscalerController> logger)
    : ReconcileLoop(store, clock, logger)
{
    private const string Component = "horizontal-pod-autoscaler";
    private readonly ConcurrentDictionary<string, HorizontalPodAutoscalerMemory> _memory = new(StringComparer.Ordinal);

    public override string Name => Component;

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.HorizontalPodAutoscalers];

    protected override void Map(StoreEvent change)
    {
        if (change.Type == StoreEventType.Deleted)
        {
            _ = _memory.TryRemove(change.Object.Uid, out _);
            return;
        }

        // A change of the spec waits for the next sync too: on a real cluster it takes up to a period to be acted on.
        Queue.AddAfter(new(change.Object.Namespace, change.Object.Name), settings.SyncPeriod);
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.HorizontalPodAutoscalers, key.Namespace, key.Name) is not { } scaler)
        {
            return null;
        }

        if (TargetOf(scaler) is not { } target)
        {
            var kind = scaler.Spec.String("scaleTargetRef", "kind");
            var name = scaler.Spec.String("scaleTargetRef", "name");
            var why = $"{kind?.ToLowerInvariant()}s.apps \"{name}\" not found";
            events.Warning(scaler, Component, "FailedGetScale", why);
            WriteConditions(scaler, [new("AbleToScale", false, "FailedGetScale", $"the HPA controller was unable to get the target's current scale: {why}")]);
            return settings.SyncPeriod;
        }

        var now = Clock.GetUtcNow();
        var current = target.Spec.Int("replicas") ?? 1;
        var view = new HorizontalPodAutoscalerView(
            now, current, AutoscalerReader.Spec(scaler, settings.TimeScale), PodsOf(target), settings.Limits);
        var decision = HorizontalPodAutoscalerAlgorithm.Decide(view, _memory.GetValueOrDefault(scaler.Uid, HorizontalPodAutoscalerMemory.Empty));
        foreach (var note in decision.Events)
        {
            events.Warning(scaler, Component, note.Reason, note.Message);
        }

        var conditions = decision.Conditions;
        var memory = decision.Memory;
        var rescale = decision.Desired != current;
        if (rescale)
        {
            _ = Store.Update(target.Type, target.Namespace, target.Name, body => body["spec"]!["replicas"] = decision.Desired, subresource: "scale");
            events.Normal(scaler, Component, "SuccessfulRescale", $"New size: {decision.Desired}; reason: {decision.Reason}");
            conditions = [new("AbleToScale", true, "SucceededRescale", $"the HPA controller was able to update the target scale to {decision.Desired}"),
                .. conditions.Where(c => c.Type != "AbleToScale")];
            memory = memory.AfterRescale(now, current, decision.Desired);
        }

        _memory[scaler.Uid] = memory;
        Report(scaler, target, decision with { Conditions = conditions }, rescale);
        return settings.SyncPeriod;
    }

    private StoredObject? TargetOf(StoredObject scaler)
    {
        var type = scaler.Spec.String("scaleTargetRef", "kind") switch
        {
            "Deployment" => ResourceTypes.Deployments,
            "ReplicaSet" => ResourceTypes.ReplicaSets,
            _ => null,
        };
        return type is null ? null : Store.Get(type, scaler.Namespace, scaler.Spec.String("scaleTargetRef", "name") ?? "");
    }

    private List<HorizontalPodAutoscalerPod> PodsOf(StoredObject target)
    {
        var selector = target.Spec.Object("selector");
        return [.. Store.List(ResourceTypes.Pods, target.Namespace)
            .Where(p => Objects.Matches(selector, p.Metadata.Object("labels")))
            .Select(p => AutoscalerReader.Pod(p, metrics.GetPod(p.Namespace!, p.Name)))];
    }

    private void WriteConditions(StoredObject scaler, IReadOnlyList<ScalingCondition> conditions) =>
        _ = Store.UpdateStatus(ResourceTypes.HorizontalPodAutoscalers, scaler.Namespace, scaler.Name,
            body => SetConditions(body.Ensure("status"), conditions));

    private void SetConditions(JsonObject status, IReadOnlyList<ScalingCondition> conditions)
    {
        foreach (var condition in conditions)
        {
            _ = Objects.SetCondition(status, condition.Type, condition.Status ? "True" : "False", condition.Reason, condition.Message, Clock.GetUtcNow());
        }
    }

    private void Report(StoredObject scaler, StoredObject target, HorizontalPodAutoscalerDecision decision, bool rescaled) =>
        _ = Store.UpdateStatus(ResourceTypes.HorizontalPodAutoscalers, scaler.Namespace, scaler.Name, body =>
        {
            var status = body.Ensure("status");
            SetConditions(status, decision.Conditions);
            if (decision.Metrics.Count > 0)
            {
                status["currentMetrics"] = new JsonArray([.. decision.Metrics.Select(AutoscalerReader.Status)]);
            }
            else
            {
                _ = status.Remove("currentMetrics");
            }

            status["currentReplicas"] = target.Status.Int("replicas") ?? 0;
            status["desiredReplicas"] = decision.Failed ? status.Int("desiredReplicas") ?? 0 : decision.Desired;
            if (rescaled)
            {
                status["lastScaleTime"] = Clock.GetUtcNow().ToKubernetesTime();
            }
        });
}

/// <param name="TimeScale">Divides every period and window of the specs, so that hours of scaling can be seen in minutes.</param>
internal sealed record AutoscalerSettings(TimeSpan SyncPeriod, double TimeScale, HorizontalPodAutoscalerLimits Limits)
{
    /// <summary>
    /// The controller manager's defaults, sped up; but for the two that speak of a pod's start: pods start on the wall clock however
    /// fast the rest passes, and their start-up work must not look like load.
    /// </summary>
    public static AutoscalerSettings Create(TimeSpan syncPeriod, double timeScale)
    {
        var limits = HorizontalPodAutoscalerLimits.Default;
        return new(syncPeriod / timeScale, timeScale, limits with { DownscaleStabilization = limits.DownscaleStabilization / timeScale });
    }
}
