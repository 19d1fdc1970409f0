using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Admission;
using Resilience.LocalCluster.Machinery.Patching;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>Get, list, create, replace, delete: the verbs that every stored kind has.</summary>
internal sealed class ResourceHandler(
    ObjectStore store, ObjectDecoder decoder, Representation representation, WatchHandler watches, PatchHandler patches, TimeProvider clock)
{
    public Task HandleAsync(ResourceRequest request)
    {
        var method = request.Http.Request.Method;
        if (request.Type == ResourceTypes.Endpoints)
        {
            Responses.Warn(request.Http, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
        }

        if (request.Info.Name is null)
        {
            return method switch
            {
                "GET" or "HEAD" when request.Flag("watch") && request.Query("watch") is not null => watches.HandleAsync(request),
                "GET" or "HEAD" => ListAsync(request),
                "POST" => CreateAsync(request),
                "DELETE" when request.Type.Verbs.Count == 0 || request.Type.Verbs.Contains("deletecollection") => DeleteCollectionAsync(request),
                _ => throw StatusException.MethodNotAllowed(),
            };
        }

        return method switch
        {
            "GET" or "HEAD" => GetAsync(request),
            "PUT" => ReplaceAsync(request, status: false),
            "PATCH" => patches.HandleAsync(request, status: false),
            "DELETE" => DeleteAsync(request),
            _ => throw StatusException.MethodNotAllowed(),
        };
    }

    /// <summary>The status subresource: same object, only its status is written.</summary>
    public Task HandleStatusAsync(ResourceRequest request) => request.Http.Request.Method switch
    {
        _ when !request.Type.HasStatus => throw StatusException.NoSuchPath(),
        "GET" => GetAsync(request),
        "PUT" => ReplaceAsync(request, status: true),
        "PATCH" => patches.HandleAsync(request, status: true),
        _ => throw StatusException.MethodNotAllowed(),
    };

    private Task GetAsync(ResourceRequest request)
    {
        var item = store.Get(request.Type, request.Namespace, request.Name) ?? throw StatusException.NotFound(request.Type, request.Name);
        return representation.WriteAsync(request, item);
    }

    private Task ListAsync(ResourceRequest request)
    {
        var (labels, fields) = (request.Labels, request.Fields);
        var limit = request.Number("limit") ?? 0;
        var token = ContinueToken.Parse(request.Query("continue"));
        if (request.Query("resourceVersionMatch") == "Exact" && request.Number("resourceVersion") is { } exact && exact != store.ResourceVersion)
        {
            throw StatusException.Expired("The resourceVersion for the provided list is too old.");
        }

        var snapshot = store.Snapshot(request.Type, request.Namespace);
        var found = new List<StoredObject>();
        StoredObject? last = null;
        var remaining = 0;
        foreach (var item in snapshot.Items)
        {
            if ((token is not null && string.CompareOrdinal(Key(item), token.Start) <= 0) || !labels.Matches(item) || !fields.Matches(item))
            {
                continue;
            }

            if (limit > 0 && found.Count == limit)
            {
                remaining++;
                continue;
            }

            found.Add(item);
            last = item;
        }

        var revision = token?.ResourceVersion ?? snapshot.ResourceVersion;
        var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture) };
        if (remaining > 0)
        {
            metadata["continue"] = new ContinueToken(revision, Key(last!)).ToString();
            if (labels.IsEverything && fields.IsEverything)
            {
                metadata["remainingItemCount"] = remaining;
            }
        }

        return representation.WriteListAsync(request, found, metadata);
    }

    private async Task CreateAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, request.Type.Kind).ConfigureAwait(false);
        ObjectDecoder.CheckKind(request.Type, body);
        CheckNamespace(request, body);
        CheckNewEvent(request, body);
        var stored = ToStored(request, body);
        decoder.Decode(stored, body);
        ObjectDecoder.Complete(stored, body);
        Track(stored, null, body);
        var made = store.Create(stored.Type, request.Namespace, body, request.DryRun);
        await representation.WriteAsync(request, made, 201).ConfigureAwait(false);
    }

    private async Task ReplaceAsync(ResourceRequest request, bool status)
    {
        var body = await RequestBody.ObjectAsync(request.Http, request.Type.Kind).ConfigureAwait(false);
        ObjectDecoder.CheckKind(request.Type, body);
        CheckNamespace(request, body);
        if (body.String("metadata", "name") is { } name && name != request.Name)
        {
            throw StatusException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        }

        var stored = ToStored(request, body);
        decoder.Decode(stored, body);
        ObjectDecoder.Complete(stored, body);
        var precondition = PreconditionOf(body);
        void Mutate(JsonObject current)
        {
            var before = current.DeepClone().AsObject();
            var created = current.At("metadata", "creationTimestamp")?.DeepClone();
            var managed = current.At("metadata", "managedFields")?.DeepClone();
            current.Clear();
            foreach (var (key, value) in body)
            {
                current[key] = value?.DeepClone();
            }

            var metadata = current.Ensure("metadata");
            metadata["creationTimestamp"] = created;
            metadata["managedFields"] = managed;
            CheckEventUpdate(request.Type, before, current);
            Track(stored, before, current, status);
        }

        var written = status
            ? store.UpdateStatus(stored.Type, request.Namespace, request.Name, Mutate, precondition, request.DryRun)
            : store.Update(stored.Type, request.Namespace, request.Name, Mutate, precondition, request.DryRun);
        await representation.WriteAsync(request, written).ConfigureAwait(false);
    }

    private async Task DeleteAsync(ResourceRequest request)
    {
        var options = await DeleteOptionsOf(request).ConfigureAwait(false);
        var left = store.Delete(request.Type, request.Namespace, request.Name, options);
        var gone = store.Get(request.Type, request.Namespace, request.Name)?.Uid != left.Uid;
        if (gone && request.Type.StorageKey is not ("pods" or "services" or "namespaces" or "serviceaccounts"))
        {
            await Responses.JsonAsync(request.Http, Responses.Success(request.Type, left.Name, left.Uid)).ConfigureAwait(false);
            return;
        }

        await representation.WriteAsync(request, left).ConfigureAwait(false);
    }

    private async Task DeleteCollectionAsync(ResourceRequest request)
    {
        var options = await DeleteOptionsOf(request).ConfigureAwait(false);
        var (labels, fields) = (request.Labels, request.Fields);
        var snapshot = store.Snapshot(request.Type, request.Namespace);
        var doomed = snapshot.Items.Where(i => labels.Matches(i) && fields.Matches(i)).ToList();
        foreach (var item in doomed)
        {
            try
            {
                _ = store.Delete(request.Type, item.Namespace, item.Name, options);
            }
            catch (StatusException ex) when (ex.IsNotFound)
            {
                // Somebody else was faster.
            }
        }

        var metadata = new JsonObject { ["resourceVersion"] = snapshot.ResourceVersion.ToString(CultureInfo.InvariantCulture) };
        await representation.WriteListAsync(request, doomed, metadata).ConfigureAwait(false);
    }

    private static async Task<DeleteOptions> DeleteOptionsOf(ResourceRequest request)
    {
        var body = await RequestBody.OptionalObjectAsync(request.Http, "DeleteOptions").ConfigureAwait(false);
        return Read(body, request);
    }

    /// <summary>DeleteOptions come in the body or in the query.</summary>
    internal static DeleteOptions Read(JsonObject? body, ResourceRequest request)
    {
        var propagation = body.String("propagationPolicy") ?? request.Query("propagationPolicy")
            ?? ((body.Bool("orphanDependents") ?? (request.Query("orphanDependents") is { } o ? o == "true" : null)) == true ? "Orphan" : null);
        var uid = body.String("preconditions", "uid");
        var version = body.String("preconditions", "resourceVersion");
        return new(
            body.Long("gracePeriodSeconds") ?? request.Number("gracePeriodSeconds"),
            propagation switch
            {
                null => null,
                "Background" => Propagation.Background,
                "Foreground" => Propagation.Foreground,
                "Orphan" => Propagation.Orphan,
                _ => throw new StatusException(422, "Invalid",
                    $"DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{propagation}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""),
            },
            uid is null && version is null ? null : new(uid, version is null ? null : long.TryParse(version, out var v) ? v : -1),
            request.DryRun || body.Array("dryRun") is { Count: > 0 });
    }

    /// <summary>Uid and resourceVersion that a written object carries must be those of the stored one.</summary>
    internal static Precondition? PreconditionOf(JsonObject body)
    {
        var uid = body.String("metadata", "uid");
        var version = body.String("metadata", "resourceVersion");
        if (string.IsNullOrEmpty(uid) && string.IsNullOrEmpty(version))
        {
            return null;
        }

        return new(
            string.IsNullOrEmpty(uid) ? null : uid,
            string.IsNullOrEmpty(version) ? null
                : long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision
                : throw new StatusException(422, "Invalid", $"metadata.resourceVersion: Invalid value: \"{version}\": must be an unsigned integer"));
    }

    private static void CheckNamespace(ResourceRequest request, JsonObject body)
    {
        if (request.Type.Namespaced && request.Namespace is null)
        {
            throw StatusException.MethodNotAllowed();
        }

        if (request.Type.Namespaced && body.String("metadata", "namespace") is { Length: > 0 } ns && ns != request.Namespace)
        {
            throw StatusException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }
    }

    /// <summary>An Event is checked in the words of the version it was sent in: half of its names mean something else in the other.</summary>
    private ResourceRequest ToStored(ResourceRequest request, JsonObject body)
    {
        if (request.Type == ResourceTypes.EventsV1)
        {
            decoder.Decode(request, body);
        }

        return VersionConversion.ToStored(request, body);
    }

    /// <param name="before">As stored, like <paramref name="after"/>.</param>
    internal static void CheckEventUpdate(ResourceType type, JsonObject before, JsonObject after) =>
        CheckEvent(type, after, causes => Validation.EventUpdate(before, after, causes));

    private static void CheckNewEvent(ResourceRequest request, JsonObject body) =>
        CheckEvent(request.Type, body, causes => Validation.NewEvent(body, causes));

    /// <summary>Only the newer version of Events has rules of its own.</summary>
    private static void CheckEvent(ResourceType type, JsonObject body, Action<List<StatusCause>> check)
    {
        var causes = new List<StatusCause>();
        if (type == ResourceTypes.EventsV1)
        {
            check(causes);
        }

        if (causes.Count > 0)
        {
            throw StatusException.Invalid(ResourceTypes.Events, body.String("metadata", "name") ?? "", causes);
        }
    }

    private void Track(ResourceRequest request, JsonObject? before, JsonObject after, bool status = false)
    {
        if (before is null)
        {
            _ = after.Ensure("metadata").Remove("managedFields");
        }

        ManagedFields.Track(before, after, decoder.SchemaOf(request.Type),
            new(request.Manager, request.Type.ApiVersion, status ? "status" : null, clock.GetUtcNow()));
    }

    private static string Key(StoredObject item) => $"{item.Namespace}/{item.Name}";

    /// <summary>Where a paged list goes on.</summary>
    private sealed record ContinueToken(long ResourceVersion, string Start)
    {
        public static ContinueToken? Parse(string? text)
        {
            if (string.IsNullOrEmpty(text))
            {
                return null;
            }

            try
            {
                var json = JsonNode.Parse(Base64Url.DecodeFromChars(text));
                return new(json.Long("rv") ?? 0, json.String("start") ?? "");
            }
            catch (Exception ex) when (ex is FormatException or JsonException)
            {
                throw StatusException.BadRequest($"invalid continue token: continue key is not valid: {ex.Message}");
            }
        }

        public override string ToString() => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(
            new JsonObject { ["v"] = "meta.k8s.io/v1", ["rv"] = ResourceVersion, ["start"] = Start }.ToJsonString()));
    }
}
