using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Storage;

/// <summary>The rules of metadata that hold for every kind.</summary>
internal static class ObjectMeta
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";

    private static readonly string[] Order =
    [
        "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers", "managedFields",
    ];

    /// <summary>Written by the server alone; whatever a client sends for them is put back.</summary>
    private static readonly string[] SystemFields =
        ["name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];

    public static JsonObject PrepareNew(ResourceType type, string? ns, JsonObject body, DateTimeOffset now)
    {
        var metadata = body.Ensure("metadata");
        foreach (var field in (ReadOnlySpan<string>)["deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation", "selfLink"])
        {
            _ = metadata.Remove(field);
        }

        if (metadata.String("name") is null or "")
        {
            _ = metadata.Remove("name");
        }

        _ = metadata.Remove("namespace");
        if (type.Namespaced)
        {
            metadata["namespace"] = ns;
        }

        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = now.ToKubernetesTime();
        if (type.HasGeneration)
        {
            metadata["generation"] = 1;
        }

        return metadata;
    }

    /// <summary>kind, apiVersion, metadata (in the usual order), then the rest: what people expect to read.</summary>
    public static JsonObject Ordered(ResourceType type, JsonObject body)
    {
        var ordered = new JsonObject { ["kind"] = type.Kind, ["apiVersion"] = type.ApiVersion };
        var metadata = body["metadata"]!.AsObject();
        var orderedMetadata = new JsonObject();
        foreach (var field in Order)
        {
            if (metadata.Remove(field, out var value) && value is not null && value is not JsonObject { Count: 0 } and not JsonArray { Count: 0 })
            {
                orderedMetadata[field] = value;
            }
        }

        ordered["metadata"] = orderedMetadata;
        foreach (var (field, value) in body.ToList())
        {
            if (field is not ("kind" or "apiVersion" or "metadata"))
            {
                _ = body.Remove(field);
                ordered[field] = value;
            }
        }

        return ordered;
    }

    public static void CheckUpdate(StoredObject current, Precondition? precondition)
    {
        if (precondition?.Uid is { } uid && uid != current.Uid)
        {
            throw StatusException.Conflict(current.Type, current.Name,
                $"StorageError: invalid object, Code: 4, Key: {StorageKey(current)}, ResourceVersion: 0, AdditionalErrorMsg: " +
                $"Precondition failed: UID in precondition: {uid}, UID in object meta: {current.Uid}");
        }

        if (precondition?.ResourceVersion is { } version && version != current.ResourceVersion)
        {
            throw StatusException.Modified(current.Type, current.Name);
        }
    }

    public static void CheckDelete(StoredObject current, Precondition? precondition)
    {
        if (precondition?.Uid is { } uid && uid != current.Uid)
        {
            throw StatusException.PreconditionFailed(current.Type, current.Name,
                $"the UID in the precondition ({uid}) does not match the UID in record ({current.Uid}). The object might have been deleted and then recreated");
        }

        if (precondition?.ResourceVersion is { } version && version != current.ResourceVersion)
        {
            throw StatusException.PreconditionFailed(current.Type, current.Name,
                $"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({current.ResourceVersion}). The object might have been modified");
        }
    }

    /// <summary>Writes the marks of deletion; false when nothing holds the object and it goes now.</summary>
    public static bool MarkDeleted(
        ResourceType type, StoredObject current, JsonObject body, DeleteOptions options, IObjectStrategy? strategy, DateTimeOffset now)
    {
        var metadata = body["metadata"]!.AsObject();
        AddPropagationFinalizer(metadata, options.Propagation);
        var grace = 0L;
        if (type.GracefulDeletion && strategy?.DeletesAtOnce(current) != true)
        {
            grace = Math.Max(0, options.GracePeriodSeconds ?? body.Long("spec", "terminationGracePeriodSeconds") ?? 30);
            if (metadata.Long("deletionGracePeriodSeconds") is { } earlier && earlier < grace)
            {
                grace = earlier;   // a second delete may shorten the wait, never lengthen it
            }
        }

        if (type == ResourceTypes.Namespaces)
        {
            return MarkTerminating(body, metadata, now);
        }

        var held = grace > 0 || metadata.Array("finalizers") is { Count: > 0 };
        if (!metadata.ContainsKey("deletionTimestamp") || metadata.Long("deletionGracePeriodSeconds") != grace)
        {
            var requested = (metadata.Time("deletionTimestamp") ?? now).AddSeconds(-(metadata.Long("deletionGracePeriodSeconds") ?? 0));
            metadata["deletionTimestamp"] = requested.AddSeconds(grace).ToKubernetesTime();
            metadata["deletionGracePeriodSeconds"] = grace;
            if (type.HasGeneration && held)
            {
                metadata["generation"] = (metadata.Long("generation") ?? 0) + 1;
            }

            var ordered = Ordered(type, body.DeepClone().AsObject());
            body["metadata"] = ordered["metadata"]!.DeepClone();
        }

        if (!held && !current.IsDeleting && !type.GracefulDeletion)
        {
            // An object that nothing holds leaves without marks, as its last watch event shows.
            _ = body["metadata"]!.AsObject().Remove("deletionTimestamp");
            _ = body["metadata"]!.AsObject().Remove("deletionGracePeriodSeconds");
        }

        return held;
    }

    /// <summary>A namespace stays, terminating, until its contents are gone and its spec.finalizers with them.</summary>
    private static bool MarkTerminating(JsonObject body, JsonObject metadata, DateTimeOffset now)
    {
        if (!metadata.ContainsKey("deletionTimestamp"))
        {
            metadata["deletionTimestamp"] = now.ToKubernetesTime();
        }

        body.Ensure("status")["phase"] = "Terminating";
        return body.Array("spec", "finalizers") is { Count: > 0 } || metadata.Array("finalizers") is { Count: > 0 };
    }

    public static bool IsDone(ResourceType type, JsonObject body)
    {
        var metadata = body["metadata"]!.AsObject();
        return metadata.ContainsKey("deletionTimestamp")
            && (type != ResourceTypes.Namespaces || body.Array("spec", "finalizers") is null or { Count: 0 })
            && metadata.Array("finalizers") is null or { Count: 0 }
            && (!type.GracefulDeletion || metadata.Long("deletionGracePeriodSeconds") is null or 0);
    }

    public static void KeepSystemFields(ResourceType type, StoredObject current, JsonObject body)
    {
        var metadata = body.Ensure("metadata");
        foreach (var field in SystemFields)
        {
            Put(metadata, field, current.Metadata[field]);
        }

        if (type.HasStatus)
        {
            Put(body, "status", current.Body["status"]);
        }
    }

    public static void KeepAllButStatus(StoredObject current, JsonObject body)
    {
        var status = body["status"];
        _ = body.Remove("status");
        var managed = body.At("metadata", "managedFields")?.DeepClone();
        var annotations = current.Type.Custom ? null : body.At("metadata", "annotations")?.DeepClone();
        body.Clear();
        foreach (var (field, value) in current.Body)
        {
            if (field != "status")
            {
                body[field] = value?.DeepClone();
            }
        }

        if (status is not null)
        {
            body["status"] = status;
        }

        var metadata = body["metadata"]!.AsObject();
        if (managed is not null)
        {
            metadata["managedFields"] = managed;
        }

        if (annotations is not null)
        {
            metadata["annotations"] = annotations;
        }
    }

    /// <summary>Everything of a custom resource but metadata and status is desired state; of a built-in kind, its spec.</summary>
    public static bool DesiredStateChanged(ResourceType type, JsonObject before, JsonObject after)
    {
        if (type == ResourceTypes.Pods && before["spec"] is JsonObject unbound && !unbound.ContainsKey("nodeName") && after["spec"] is JsonObject bound)
        {
            // Binding a pod to its node is the scheduler's work, not a change of what was asked for.
            return !JsonNode.DeepEquals(unbound, new JsonObject(bound.Where(static f => f.Key != "nodeName").Select(static f => KeyValuePair.Create(f.Key, f.Value?.DeepClone()))));
        }

        if (!type.Custom && before.ContainsKey("spec"))
        {
            return !JsonNode.DeepEquals(before["spec"], after["spec"]);
        }

        var fields = before.Select(f => f.Key).Union(after.Select(f => f.Key));
        return fields.Any(f => f is not ("metadata" or "status" or "kind" or "apiVersion") && !JsonNode.DeepEquals(before[f], after[f]));
    }

    private static void AddPropagationFinalizer(JsonObject metadata, Propagation? propagation)
    {
        if (metadata.ContainsKey("deletionTimestamp") && propagation is null)
        {
            return;
        }

        var finalizer = propagation switch
        {
            Propagation.Foreground => ForegroundFinalizer,
            Propagation.Orphan => OrphanFinalizer,
            _ => null,
        };
        if (finalizer is null)
        {
            return;
        }

        var finalizers = metadata["finalizers"] as JsonArray ?? [];
        if (!finalizers.Any(f => f?.GetValue<string>() == finalizer))
        {
            finalizers.Add(finalizer);
            metadata["finalizers"] = finalizers.Parent is null ? finalizers : finalizers.DeepClone();
        }
    }

    private static void Put(JsonObject target, string field, JsonNode? value)
    {
        if (value is null)
        {
            _ = target.Remove(field);
        }
        else if (!JsonNode.DeepEquals(target[field], value))
        {
            target[field] = value.DeepClone();
        }
    }

    private static string StorageKey(StoredObject item) =>
        "/registry/" + (item.Type.Group.Length == 0 ? "" : item.Type.Group + "/") + item.Type.Plural + "/"
        + (item.Namespace is null ? "" : item.Namespace + "/") + item.Name;
}
