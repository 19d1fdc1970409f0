using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>The ReplicaSets of a Deployment as its history: one per pod template, numbered, the older ones kept for undo.</summary>
internal sealed class Revisions(ComponentStore store, EventRecorder events, TimeProvider clock)
{
    public const string DesiredReplicas = "deployment.kubernetes.io/desired-replicas";
    public const string MaxReplicas = "deployment.kubernetes.io/max-replicas";
    private const string Revision = "deployment.kubernetes.io/revision";
    private const string RevisionHistory = "deployment.kubernetes.io/revision-history";
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";
    private const string TemplateHash = "pod-template-hash";
    private const string HashAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    public static long Of(StoredObject item) =>
        long.TryParse(item.Annotation(Revision), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    public static StoredObject? FindCurrent(StoredObject deployment, IEnumerable<StoredObject> sets)
    {
        var wanted = deployment.Spec!["template"];
        return sets.FirstOrDefault(s => JsonNode.DeepEquals(WithoutHash(s.Spec.Object("template")!), wanted));
    }

    /// <summary>Finds or creates the set of the present template and gives it the newest number.</summary>
    public StoredObject Ensure(StoredObject deployment, List<StoredObject> sets, StoredObject? current, out bool created)
    {
        var newest = sets.Where(s => s.Uid != current?.Uid).Select(Of).DefaultIfEmpty(0).Max();
        created = current is null;
        if (current is null)
        {
            current = Create(deployment, sets, newest + 1);
        }
        else if (Of(current) <= newest || !AnnotationsAgree(deployment, current))
        {
            var number = Math.Max(newest + 1, Of(current));
            current = store.Update(ResourceTypes.ReplicaSets, current.Namespace, current.Name, body =>
            {
                var annotations = body.Ensure("metadata").Ensure("annotations");
                if (annotations.String(Revision) is { } before && before != number.ToString(CultureInfo.InvariantCulture))
                {
                    annotations[RevisionHistory] = annotations.String(RevisionHistory) is { Length: > 0 } earlier ? $"{earlier},{before}" : before;
                }

                CopyAnnotations(deployment, annotations);
                annotations[Revision] = number.ToString(CultureInfo.InvariantCulture);
            });
        }

        var text = Of(current).ToString(CultureInfo.InvariantCulture);
        if (deployment.Annotation(Revision) != text)
        {
            _ = store.Update(ResourceTypes.Deployments, deployment.Namespace, deployment.Name,
                body => body.Ensure("metadata").Ensure("annotations")[Revision] = text, subresource: "status");
        }

        return current;
    }

    /// <summary>Deletes the oldest sets beyond revisionHistoryLimit, once the rollout is complete.</summary>
    public void Prune(StoredObject deployment, List<StoredObject> sets)
    {
        var limit = deployment.Spec.Int("revisionHistoryLimit") ?? 10;
        var current = FindCurrent(deployment, sets);
        var old = sets.Where(s => s.Uid != current?.Uid && DeploymentController.ReplicasOf(s) == 0 && (s.Status.Int("replicas") ?? 0) == 0)
            .OrderBy(Of).ToList();
        if (!DeploymentReport.IsComplete(deployment))
        {
            return;
        }

        foreach (var set in old.Take(old.Count - limit))
        {
            _ = store.Delete(ResourceTypes.ReplicaSets, set.Namespace, set.Name);
        }
    }

    internal static string HashOf(JsonNode template, int collisions)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(template.ToJsonString() + collisions.ToString(CultureInfo.InvariantCulture)));
        return string.Concat(bytes.Take(10).Select(b => HashAlphabet[b % HashAlphabet.Length]));
    }

    private StoredObject Create(StoredObject deployment, List<StoredObject> sets, long number)
    {
        var template = deployment.Spec!["template"]!;
        var collisions = deployment.Status.Int("collisionCount") ?? 0;
        var hash = HashOf(template, collisions);
        var labelled = template.DeepClone().AsObject();
        labelled.Ensure("metadata").Ensure("labels")[TemplateHash] = hash;
        var selector = deployment.Spec!["selector"]!.DeepClone().AsObject();
        selector.Ensure("matchLabels")[TemplateHash] = hash;
        var recreate = deployment.Spec.String("strategy", "type") == "Recreate";
        var wanted = DeploymentController.ReplicasOf(deployment);
        var room = wanted + (recreate ? 0 : DeploymentController.Limits(deployment).Surge) - sets.Sum(DeploymentController.Occupied);
        var replicas = recreate && sets.Any(s => (s.Status.Int("replicas") ?? 0) > 0) ? 0 : Math.Clamp(room, 0, wanted);
        var annotations = new JsonObject
        {
            [Revision] = number.ToString(CultureInfo.InvariantCulture),
            [DesiredReplicas] = wanted.ToString(CultureInfo.InvariantCulture),
            [MaxReplicas] = (wanted + DeploymentController.Limits(deployment).Surge).ToString(CultureInfo.InvariantCulture),
        };
        CopyAnnotations(deployment, annotations);
        var spec = new JsonObject { ["replicas"] = replicas, ["selector"] = selector, ["template"] = labelled };
        if (deployment.Spec.Int("minReadySeconds") is { } minReady and > 0)
        {
            spec["minReadySeconds"] = minReady;
        }

        try
        {
            var set = store.Create(ResourceTypes.ReplicaSets, deployment.Namespace, new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = $"{deployment.Name}-{hash}",
                    ["labels"] = labelled["metadata"]!["labels"]!.DeepClone(),
                    ["annotations"] = annotations,
                    ["ownerReferences"] = new JsonArray(Objects.OwnerReference(deployment)),
                },
                ["spec"] = spec,
            });
            if (replicas > 0)
            {
                events.Normal(deployment, "deployment-controller", "ScalingReplicaSet", $"Scaled up replica set {set.Name} from 0 to {replicas}");
            }

            _ = store.UpdateStatus(ResourceTypes.Deployments, deployment.Namespace, deployment.Name, body => _ = Objects.SetCondition(
                body.Ensure("status"), "Progressing", "True", "NewReplicaSetCreated", $"Created new replica set \"{set.Name}\"", clock.GetUtcNow(), "lastUpdateTime"));
            return set;
        }
        catch (StatusException ex) when (ex.IsAlreadyExists)
        {
            _ = store.UpdateStatus(ResourceTypes.Deployments, deployment.Namespace, deployment.Name,
                body => body.Ensure("status")["collisionCount"] = collisions + 1);
            throw StatusException.Conflict(ResourceTypes.ReplicaSets, $"{deployment.Name}-{hash}", "the name is taken by another template");
        }
    }

    private static bool AnnotationsAgree(StoredObject deployment, StoredObject set) =>
        (deployment.Metadata.Object("annotations") ?? []).All(a => !IsCopied(a.Key) || set.Annotation(a.Key) == a.Value.String());

    private static void CopyAnnotations(StoredObject deployment, JsonObject target)
    {
        foreach (var (key, value) in deployment.Metadata.Object("annotations") ?? [])
        {
            if (IsCopied(key))
            {
                target[key] = value?.DeepClone();
            }
        }
    }

    private static bool IsCopied(string key) => key is not (Revision or RevisionHistory or DesiredReplicas or MaxReplicas or LastApplied);

    private static JsonObject WithoutHash(JsonObject template)
    {
        var copy = template.DeepClone().AsObject();
        _ = copy.Object("metadata", "labels")?.Remove(TemplateHash);
        return copy;
    }
}
