using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Machinery.Patching;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Subresources;

/// <summary>The scale subresource: replicas of anything that has them, under the resourceVersion of its owner.</summary>
internal sealed class ScaleHandler(ObjectStore store, ObjectDecoder decoder, TimeProvider clock)
{
    private static readonly FieldSchema Schema = BuiltInSchemas.Named("Scale").AsField();

    public async Task HandleAsync(ResourceRequest request)
    {
        if (!request.Type.HasScale)
        {
            throw StatusException.NoSuchPath();
        }

        switch (request.Http.Request.Method)
        {
            case "GET":
                var item = store.Get(request.Type, request.Namespace, request.Name) ?? throw StatusException.NotFound(request.Type, request.Name);
                await Responses.JsonAsync(request.Http, ScaleOf(item)).ConfigureAwait(false);
                break;
            case "PUT":
                var body = await RequestBody.ObjectAsync(request.Http, "Scale").ConfigureAwait(false);
                await WriteAsync(request, _ => body, ResourceHandler.PreconditionOf(body)).ConfigureAwait(false);
                break;
            case "PATCH":
                var media = RequestBody.MediaType(request.Http.Request);
                if (media is not (PatchHandler.Json or PatchHandler.Merge or PatchHandler.Strategic))
                {
                    throw PatchHandler.Unsupported(request.Type, media);
                }

                var patch = RequestBody.Patch(await RequestBody.BytesAsync(request.Http).ConfigureAwait(false), yaml: false);
                await WriteAsync(request, scale => PatchHandler.Patched(scale, patch, media, Schema), null).ConfigureAwait(false);
                break;
            default:
                throw StatusException.MethodNotAllowed();
        }
    }

    private Task WriteAsync(ResourceRequest request, Func<JsonObject, JsonObject> change, Precondition? precondition)
    {
        var written = store.Update(request.Type, request.Namespace, request.Name, current =>
        {
            var before = current.DeepClone().AsObject();
            var scale = change(ScaleOf(new StoredObject(request.Type, before, 0)));
            if (scale.String("metadata", "resourceVersion") is { Length: > 0 } version && version != before.String("metadata", "resourceVersion"))
            {
                throw StatusException.Modified(request.Type, request.Name);
            }

            var replicas = scale.Int("spec", "replicas") ?? 0;
            if (replicas < 0)
            {
                throw StatusException.Invalid(new("autoscaling", "v1", "scales", "scale", "Scale", true), request.Name,
                    [new("spec.replicas", "FieldValueInvalid", $"Invalid value: {replicas}: must be greater than or equal to 0")]);
            }

            current.Ensure("spec")["replicas"] = replicas;
            ManagedFields.Track(before, current, decoder.SchemaOf(request.Type),
                new(request.Manager, request.Type.ApiVersion, "scale", clock.GetUtcNow()));
        }, precondition, request.DryRun);
        return Responses.JsonAsync(request.Http, ScaleOf(written));
    }

    private static JsonObject ScaleOf(StoredObject item) => new()
    {
        ["kind"] = "Scale",
        ["apiVersion"] = "autoscaling/v1",
        ["metadata"] = new JsonObject
        {
            ["name"] = item.Name,
            ["namespace"] = item.Namespace,
            ["uid"] = item.Uid,
            ["resourceVersion"] = item.Metadata.String("resourceVersion"),
            ["creationTimestamp"] = item.Metadata.String("creationTimestamp"),
        },
        ["spec"] = new JsonObject { ["replicas"] = item.Spec.Long("replicas") ?? 1 },
        ["status"] = new JsonObject
        {
            ["replicas"] = item.Status.Long("replicas") ?? 0,
            ["selector"] = LabelSelector.From(item.Spec.Object("selector"))?.ToString() ?? "",
        },
    };
}
