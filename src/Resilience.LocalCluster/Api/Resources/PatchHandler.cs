using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Patching;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>The four patch types. A resourceVersion in the patched object is a precondition, as with a replace.</summary>
internal sealed class PatchHandler(ObjectStore store, ObjectDecoder decoder, Representation representation, TimeProvider clock)
{
    public const string Json = "application/json-patch+json";
    public const string Merge = "application/merge-patch+json";
    public const string Strategic = "application/strategic-merge-patch+json";
    public const string ApplyYaml = "application/apply-patch+yaml";

    public async Task HandleAsync(ResourceRequest request, bool status)
    {
        var media = RequestBody.MediaType(request.Http.Request);
        var refused = request.Type.StoredAs is null ? request.Type.Custom && media == Strategic : media == ApplyYaml;
        if (refused || media is not (Json or Merge or Strategic or ApplyYaml))
        {
            throw Unsupported(request.Type, media);
        }

        var bytes = await RequestBody.BytesAsync(request.Http).ConfigureAwait(false);
        var patch = RequestBody.Patch(bytes, media == ApplyYaml);
        if (media == ApplyYaml)
        {
            await ApplyAsync(request, Object(patch), status).ConfigureAwait(false);
            return;
        }

        void Mutate(JsonObject current)
        {
            var before = current.DeepClone().AsObject();
            var shown = request.Type.StoredAs is null ? before : VersionConversion.FromStored(request.Type, before.DeepClone().AsObject());
            var after = Patched(shown.DeepClone().AsObject(), patch, media, decoder.SchemaOf(request.Type));
            Check(request, shown, after);
            var stored = VersionConversion.ToStored(request, after);
            if (request.Type.StoredAs is not null)
            {
                VersionConversion.KeepUnseen(before, after);
            }

            DecodePatched(stored, after);
            ObjectDecoder.Complete(stored, after);
            ResourceHandler.CheckEventUpdate(request.Type, before, after);
            Replace(current, after);
            ManagedFields.Track(before, current, decoder.SchemaOf(stored.Type), Writer(request, status));
        }

        var written = status
            ? store.UpdateStatus(request.Type, request.Namespace, request.Name, Mutate, null, request.DryRun)
            : store.Update(request.Type, request.Namespace, request.Name, Mutate, null, request.DryRun);
        await representation.WriteAsync(request, written).ConfigureAwait(false);
    }

    /// <summary>Applies one patch to a body of the given shape and returns the result.</summary>
    internal static JsonObject Patched(JsonObject current, JsonNode patch, string media, FieldSchema schema)
    {
        switch (media)
        {
            case Json:
                return JsonPatch.Apply(current, patch as JsonArray
                    ?? throw StatusException.BadRequest("error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"));
            case Merge:
                MergePatch.Apply(current, Object(patch));
                return current;
            default:
                StrategicMergePatch.Apply(current, Object(patch), schema);
                return current;
        }
    }

    internal static StatusException Unsupported(ResourceType type, string media) =>
        media is Strategic && type.Custom
            ? StatusException.UnsupportedMediaType($"the body of the request was in an unknown format - accepted media types include: {Json}, {Merge}, {ApplyYaml}")
            : new(415, "UnsupportedMediaType", "415: Unsupported Media Type", []);

    /// <summary>The patch must leave the object what and where it is.</summary>
    private static void Check(ResourceRequest request, JsonObject before, JsonObject after)
    {
        var name = after.String("metadata", "name");
        if (name != request.Name)
        {
            throw StatusException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        }

        if (after.String("metadata", "namespace") is var ns && ns != before.String("metadata", "namespace"))
        {
            throw StatusException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        ObjectDecoder.CheckKind(before, after);
        var version = after.String("metadata", "resourceVersion");
        if (!string.IsNullOrEmpty(version) && version != before.String("metadata", "resourceVersion"))
        {
            throw StatusException.Modified(request.Type, request.Name);
        }

        if (after.String("metadata", "uid") is { Length: > 0 } uid && uid != before.String("metadata", "uid"))
        {
            throw StatusException.Conflict(request.Type, request.Name,
                $"Precondition failed: UID in precondition: {uid}, UID in object meta: {before.String("metadata", "uid")}");
        }
    }

    private void DecodePatched(ResourceRequest request, JsonObject after)
    {
        var shown = after.ToJsonString(JsonExtensions.Compact);
        try
        {
            decoder.Decode(request, after);
        }
        catch (StatusException ex) when (ex.Message.Contains("cannot be handled as", StringComparison.Ordinal)
            && ex.Message.Contains("json: ", StringComparison.Ordinal))
        {
            // A wrong type in a patch is worded differently from one in a whole object.
            var why = ex.Message[ex.Message.IndexOf("json: ", StringComparison.Ordinal)..];
            var value = $"Invalid value: {JsonValue.Create(shown).ToJsonString(JsonExtensions.Compact)}: {why}";
            throw new StatusException(422, "Invalid", $" \"\" is invalid: patch: {value}", new JsonObject
            {
                ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldValueInvalid", ["message"] = value, ["field"] = "patch" }),
            });
        }
    }

    private async Task ApplyAsync(ResourceRequest request, JsonObject config, bool status)
    {
        if (string.IsNullOrEmpty(request.Query("fieldManager")))
        {
            const string required = "Required value: is required for apply patch";
            throw new StatusException(422, "Invalid", $"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: {required}", new JsonObject
            {
                ["group"] = "meta.k8s.io",
                ["kind"] = "PatchOptions",
                ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldValueRequired", ["message"] = required, ["field"] = "fieldManager" }),
            });
        }

        ObjectDecoder.CheckKind(request.Type, config);
        if (config.At("metadata", "managedFields") is not null)
        {
            throw StatusException.BadRequest("metadata.managedFields must be nil");
        }

        decoder.Decode(request, config);
        while (true)
        {
            try
            {
                await ApplyOnceAsync(request, config, status).ConfigureAwait(false);
                return;
            }
            catch (StatusException ex) when (ex.IsAlreadyExists)
            {
                // Created by somebody else between our look and our create: apply on top.
            }
        }
    }

    private async Task ApplyOnceAsync(ResourceRequest request, JsonObject config, bool status)
    {
        var schema = decoder.SchemaOf(request.Type);
        if (store.Get(request.Type, request.Namespace, request.Name) is null)
        {
            if (status)
            {
                throw StatusException.NotFound(request.Type, request.Name);
            }

            var empty = new JsonObject
            {
                ["apiVersion"] = request.Type.ApiVersion,
                ["kind"] = request.Type.Kind,
                ["metadata"] = new JsonObject { ["name"] = request.Name },
            };
            var body = ManagedFields.Apply(empty, config, schema, Writer(request, status), force: true);
            var made = store.Create(request.Type, request.Namespace, body, request.DryRun);
            await representation.WriteAsync(request, made, 201).ConfigureAwait(false);
            return;
        }

        void Mutate(JsonObject current)
        {
            var version = config.String("metadata", "resourceVersion");
            if (!string.IsNullOrEmpty(version) && version != current.String("metadata", "resourceVersion"))
            {
                throw StatusException.Modified(request.Type, request.Name);
            }

            Replace(current, ManagedFields.Apply(current, config, schema, Writer(request, status), request.Query("force") == "true"));
        }

        var written = status
            ? store.UpdateStatus(request.Type, request.Namespace, request.Name, Mutate, null, request.DryRun)
            : store.Update(request.Type, request.Namespace, request.Name, Mutate, null, request.DryRun);
        await representation.WriteAsync(request, written).ConfigureAwait(false);
    }

    private FieldWriter Writer(ResourceRequest request, bool status) =>
        new(request.Manager, request.Type.ApiVersion, status ? "status" : null, clock.GetUtcNow());

    private static JsonObject Object(JsonNode patch) =>
        patch as JsonObject ?? throw StatusException.BadRequest("error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}");

    private static void Replace(JsonObject target, JsonObject source)
    {
        if (ReferenceEquals(target, source))
        {
            return;
        }

        target.Clear();
        foreach (var (key, value) in source.ToList())
        {
            _ = source.Remove(key);
            target[key] = value;
        }
    }
}
