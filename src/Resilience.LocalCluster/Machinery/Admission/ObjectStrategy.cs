using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.CustomResources;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>Defaults and validation for every writer, the controllers in this process included.</summary>
internal sealed class ObjectStrategy(CustomResourceRegistry customResources) : IObjectStrategy
{
    private ObjectStore? _store;

    private ObjectStore Store => _store ?? throw new InvalidOperationException("Attach the store first.");

    /// <summary>The store is made with its strategy, and the strategy looks things up in the store.</summary>
    public void Attach(ObjectStore store) => _store = store;

    public void PrepareCreate(ResourceType type, JsonObject body)
    {
        CheckNamespace(type, body);
        var causes = new List<StatusCause>();
        Names.Check(type, body, causes);
        if (type.Custom)
        {
            CustomResource(type, body, causes);
        }
        else
        {
            if (type == ResourceTypes.Pods)
            {
                PodPriority.Resolve(Store, body);
            }

            Defaults.Apply(type, body);
            Defaults.New(type, body);
            if (type == ResourceTypes.Services)
            {
                ServiceAllocator.Complete(Store, body, null, causes);
            }

            if (type == ResourceTypes.CustomResourceDefinitions)
            {
                DefinitionCleanup.AddFinalizer(body);
            }

            Validation.Check(type, null, body, causes);
        }

        Refuse(type, body, causes);
    }

    public void PrepareUpdate(ResourceType type, StoredObject before, JsonObject body, bool status)
    {
        var causes = new List<StatusCause>();
        if (type.Custom)
        {
            CustomResource(type, body, causes);
        }
        else if (!status)
        {
            Defaults.Apply(type, body);
            if (type == ResourceTypes.Services)
            {
                ServiceAllocator.Complete(Store, body, before.Body, causes);
            }

            if (!JsonNode.DeepEquals(body["spec"], before.Spec) || type.Group is "rbac.authorization.k8s.io")
            {
                Validation.Check(type, before.Body, body, causes);
            }

            Names.Labels(body.Object("metadata", "labels"), "metadata.labels", causes);
        }

        Refuse(type, body, causes);
    }

    public bool DeletesAtOnce(StoredObject current) => current.Type == ResourceTypes.Pods
        && (string.IsNullOrEmpty(current.Spec.String("nodeName")) || current.Status.String("phase") is "Succeeded" or "Failed");

    private void CustomResource(ResourceType type, JsonObject body, List<StatusCause> causes)
    {
        if (customResources.Find(type)?.OpenApi is not { } schema)
        {
            return;
        }

        StructuralSchema.Default(body, schema);
        _ = StructuralSchema.Prune(body, schema);
        SchemaValidator.Validate(body, schema, "", causes);
    }

    private void CheckNamespace(ResourceType type, JsonObject body)
    {
        if (!type.Namespaced)
        {
            return;
        }

        var name = body.String("metadata", "namespace") ?? "";
        var ns = Store.Get(ResourceTypes.Namespaces, null, name) ?? throw StatusException.NotFound(ResourceTypes.Namespaces, name);
        if (ns.IsDeleting)
        {
            var details = StatusException.DetailsOf(type, body.String("metadata", "name") ?? "");
            details["causes"] = new JsonArray(new JsonObject
            {
                ["reason"] = "NamespaceTerminating",
                ["message"] = $"namespace {name} is being terminated",
                ["field"] = "metadata.namespace",
            });
            throw new StatusException(403, "Forbidden",
                $"{type.StorageKey} \"{body.String("metadata", "name")}\" is forbidden: unable to create new content in namespace {name} because it is being terminated", details);
        }
    }

    private static void Refuse(ResourceType type, JsonObject body, List<StatusCause> causes)
    {
        if (causes.Count > 0)
        {
            throw StatusException.Invalid(type, body.String("metadata", "name") ?? "", causes);
        }
    }
}
