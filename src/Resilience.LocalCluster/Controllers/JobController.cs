using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Runs pods until enough of them have succeeded, or too many have failed.</summary>
internal sealed class JobController(ObjectStore store, TimeProvider clock, EventRecorder events, ILogger<JobController> logger)
    : ReconcileLoop(store, clock, logger)
{
    private const string Component = "job-controller";
    private const int DefaultBackoffLimit = 6;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(10);

    public override string Name => Component;

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.Jobs, ResourceTypes.Pods];

    protected override void Map(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.Jobs)
        {
            Queue.Add(new(change.Object.Namespace, change.Object.Name));
        }
        else if (Objects.ControllerOf(change.Object) is { } owner && owner.String("kind") == "Job")
        {
            Queue.Add(new(change.Object.Namespace, owner.String("name")!));
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.Jobs, key.Namespace, key.Name) is not { IsDeleting: false } job)
        {
            return null;
        }

        if (Objects.ConditionStatus(job, "Complete") == "True" || Objects.ConditionStatus(job, "Failed") == "True")
        {
            return Expire(job);
        }

        var pods = Store.List(ResourceTypes.Pods, key.Namespace).Where(p => Objects.IsControlledBy(p, job)).ToList();
        var succeeded = pods.Count(p => p.Status.String("phase") == "Succeeded");
        var failed = pods.Count(p => p.Status.String("phase") == "Failed");
        var active = pods.Where(p => !Objects.IsTerminal(p) && !p.IsDeleting).ToList();
        var completions = job.Spec.Int("completions") ?? 1;
        var now = Clock.GetUtcNow();
        var deadline = job.Spec.Long("activeDeadlineSeconds") is { } seconds && job.Status.Time("startTime") is { } start
            ? start.AddSeconds(seconds) - now : (TimeSpan?)null;
        if (succeeded >= completions)
        {
            End(job, active, "Complete", "CompletionsReached", "Reached expected number of succeeded pods");
            events.Normal(job, Component, "Completed", "Job completed");
        }
        else if (failed > (job.Spec.Int("backoffLimit") ?? DefaultBackoffLimit))
        {
            Fail(job, active, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        else if (deadline <= TimeSpan.Zero)
        {
            Fail(job, active, "DeadlineExceeded", "Job was active longer than specified deadline");
        }
        else if (job.Spec.Bool("suspend") != true)
        {
            var retry = RetryIn(pods, failed, now);
            if (retry is null)
            {
                for (var missing = Math.Min(job.Spec.Int("parallelism") ?? 1, completions - succeeded) - active.Count; missing > 0; missing--)
                {
                    active.Add(Create(job));
                }
            }

            Report(job, active, succeeded, failed);
            return retry ?? deadline;
        }

        Report(job, [], succeeded, failed);
        return job.Spec.Long("ttlSecondsAfterFinished") is { } ttl ? TimeSpan.FromSeconds(ttl) : null;
    }

    /// <summary>Failed pods are replaced after 10 s, doubling to 6 min; null when one may start now.</summary>
    private static TimeSpan? RetryIn(List<StoredObject> pods, int failed, DateTimeOffset now)
    {
        if (failed == 0)
        {
            return null;
        }

        var last = pods.Where(p => p.Status.String("phase") == "Failed")
            .Max(p => p.Status.Array("containerStatuses")?.Max(c => c.Time("state", "terminated", "finishedAt"))) ?? now;
        var delay = FirstRetry * Math.Pow(2, Math.Min(failed - 1, 5));
        return last + delay - now is var left && left > TimeSpan.Zero ? left : null;
    }

    private void Fail(StoredObject job, List<StoredObject> active, string reason, string message)
    {
        End(job, active, "Failed", reason, message);
        events.Warning(job, Component, reason, message);
    }

    private void End(StoredObject job, List<StoredObject> active, string condition, string reason, string message)
    {
        foreach (var pod in active)
        {
            _ = Store.Delete(ResourceTypes.Pods, pod.Namespace, pod.Name);
        }

        var now = Clock.GetUtcNow();
        _ = Store.UpdateStatus(ResourceTypes.Jobs, job.Namespace, job.Name, body =>
        {
            var status = body.Ensure("status");
            if (condition == "Complete")
            {
                _ = Objects.SetCondition(status, "SuccessCriteriaMet", "True", reason, message, now, "lastProbeTime");
                status["completionTime"] = now.ToKubernetesTime();
            }

            _ = Objects.SetCondition(status, condition, "True", reason, message, now, "lastProbeTime");
        });
    }

    private StoredObject Create(StoredObject job)
    {
        var template = job.Spec.Object("template")!;
        var labels = template.At("metadata", "labels")?.DeepClone().AsObject() ?? [];
        foreach (var (label, value) in ((string, string)[])[("job-name", job.Name), ("batch.kubernetes.io/job-name", job.Name),
            ("controller-uid", job.Uid), ("batch.kubernetes.io/controller-uid", job.Uid)])
        {
            labels[label] = value;
        }

        var pod = Store.Create(ResourceTypes.Pods, job.Namespace, new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["generateName"] = job.Name + "-",
                ["labels"] = labels,
                ["ownerReferences"] = new JsonArray(Objects.OwnerReference(job)),
            },
            ["spec"] = template["spec"]!.DeepClone(),
        });
        events.Normal(job, Component, "SuccessfulCreate", $"Created pod: {pod.Name}");
        return pod;
    }

    private void Report(StoredObject job, List<StoredObject> active, int succeeded, int failed) =>
        _ = Store.UpdateStatus(ResourceTypes.Jobs, job.Namespace, job.Name, body =>
        {
            var status = body.Ensure("status");
            foreach (var (field, value) in ((string, int)[])[("active", active.Count), ("ready", active.Count(Objects.IsReady)), ("succeeded", succeeded), ("failed", failed)])
            {
                if (value > 0 || field == "ready")
                {
                    status[field] = value;
                }
                else
                {
                    _ = status.Remove(field);
                }
            }

            status["startTime"] ??= Clock.GetUtcNow().ToKubernetesTime();
        });

    private TimeSpan? Expire(StoredObject job)
    {
        if (job.Spec.Long("ttlSecondsAfterFinished") is not { } seconds)
        {
            return null;
        }

        var ended = job.Status.Time("completionTime") ?? Objects.Condition(job, "Failed").Time("lastTransitionTime") ?? Clock.GetUtcNow();
        var left = ended.AddSeconds(seconds) - Clock.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            _ = Store.Delete(ResourceTypes.Jobs, job.Namespace, job.Name);
            return null;
        }

        return left;
    }
}
