using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ClusterAccess.Manifests;

public enum ApplyOutcome
{
    Created,
    Configured,
    Unchanged,
}

/// <summary>An object in the cluster that came from a manifest; serialisable, so that another run can delete it.</summary>
/// <param name="Uid">This incarnation: a later object of the same name is somebody else's.</param>
/// <param name="Existed">It was there before the first apply: not ours to delete.</param>
public sealed record AppliedObject(string ApiVersion, string Kind, string? Namespace, string Name, string Uid, bool Existed);

/// <summary>Told after each object.</summary>
/// <param name="Item">What is in the cluster now; whoever collects these can take back an apply that failed half-way.</param>
public sealed record ApplyProgress(int Done, int Total, Manifest Manifest, ApplyOutcome Outcome, AppliedObject Item);

/// <summary>
/// Applies manifests by server-side apply, so that a second run changes nothing. Definitions of custom resources go
/// first and are waited for; everything else in the order written.
/// </summary>
public sealed class ManifestApplier
{
    private const string DefinitionKind = "CustomResourceDefinition";

    private readonly ClusterApi _api;
    private readonly TimeProvider _clock;
    private readonly string _fieldManager;
    private readonly Dictionary<string, IReadOnlyDictionary<string, ResourceType>> _discovered = new(StringComparer.Ordinal);

    public ManifestApplier(ClusterApi api, TimeProvider clock, string fieldManager = FieldManagers.Lab)
    {
        _api = api;
        _clock = clock;
        _fieldManager = fieldManager;
    }

    /// <summary>How long a new custom resource may take to be served. Default 30 s.</summary>
    public TimeSpan EstablishTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <param name="defaultNamespace">For namespaced objects whose manifest names none.</param>
    /// <returns>What now is in the cluster, in apply order.</returns>
    /// <exception cref="ManifestException">The server refused an object; earlier ones stay applied.</exception>
    public async Task<IReadOnlyList<AppliedObject>> ApplyAsync(
        ManifestSet set, string defaultNamespace, Action<ApplyProgress>? progress, CancellationToken ct)
    {
        var definitions = set.Items.Where(m => m.Kind == DefinitionKind).ToList();
        var ordered = definitions.Concat(set.Items.Where(m => m.Kind != DefinitionKind)).ToList();
        var applied = new List<AppliedObject>();
        for (var i = 0; i < ordered.Count; i++)
        {
            if (i == definitions.Count)
            {
                await WaitEstablishedAsync(definitions, ct);
            }

            var (item, outcome) = await ApplyOneAsync(ordered[i], defaultNamespace, ct);
            applied.Add(item);
            progress?.Invoke(new(i + 1, ordered.Count, ordered[i], outcome, item));
        }

        if (definitions.Count == ordered.Count)
        {
            await WaitEstablishedAsync(definitions, ct);
        }

        return applied;
    }

    /// <summary>Deletes in reverse order what an apply created; what has been replaced or existed before is left alone.</summary>
    /// <returns>How many objects were deleted.</returns>
    public async Task<int> DeleteAsync(IReadOnlyList<AppliedObject> applied, CancellationToken ct)
    {
        var deleted = 0;
        foreach (var item in applied.Where(a => !a.Existed).Reverse())
        {
            ResourceType type;
            try
            {
                type = await ResolveAsync(item.ApiVersion, item.Kind, ct);
            }
            catch (ClusterException ex) when (ex.IsNotFound)
            {
                continue;   // the kind is gone and its objects with it
            }

            try
            {
                deleted += await _api.DeleteAsync(type, item.Namespace, item.Name, ct, item.Uid) ? 1 : 0;
            }
            catch (ClusterException ex) when (ex.IsConflict)
            {
                // Another incarnation took the name: not what was applied.
            }
        }

        return deleted;
    }

    /// <summary>Reads an object of any kind.</summary>
    /// <param name="ns">Ignored for cluster-scoped kinds.</param>
    /// <returns>Null when it, its namespace or its kind is not there.</returns>
    public async Task<JsonObject?> FindAsync(string apiVersion, string kind, string? ns, string name, CancellationToken ct)
    {
        try
        {
            return await FindAsync(await ResolveAsync(apiVersion, kind, ct), ns, name, ct);
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            return null;
        }
    }

    private async Task<(AppliedObject Item, ApplyOutcome Outcome)> ApplyOneAsync(Manifest manifest, string defaultNamespace, CancellationToken ct)
    {
        try
        {
            var type = await ResolveAsync(manifest.ApiVersion, manifest.Kind, ct);
            var body = (JsonObject)manifest.Body.DeepClone();
            var ns = type.Namespaced ? manifest.Namespace ?? defaultNamespace : null;
            if (ns is not null)
            {
                body["metadata"]!["namespace"] = ns;
            }

            var before = await FindAsync(type, ns, manifest.Name, ct);
            var after = await _api.ApplyAsync(type, body, _fieldManager, force: true, ct);
            var outcome = before is null ? ApplyOutcome.Created : Version(before) == Version(after) ? ApplyOutcome.Unchanged : ApplyOutcome.Configured;
            var uid = (string?)after["metadata"]?["uid"] ?? "";
            return (new(manifest.ApiVersion, manifest.Kind, ns, manifest.Name, uid, before is not null), outcome);
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            throw new ManifestException($"{manifest}: the cluster has no such namespace or no kind {manifest.Kind} in {manifest.ApiVersion} ({ex.Message})", ex);
        }
        catch (ClusterException ex)
        {
            throw new ManifestException($"{manifest}: {ex.Message}", ex);
        }

        static string? Version(JsonObject item) => (string?)item["metadata"]?["resourceVersion"];
    }

    private async Task<JsonObject?> FindAsync(ResourceType type, string? ns, string name, CancellationToken ct)
    {
        try
        {
            return JsonNode.Parse(await _api.SendRawAsync(HttpMethod.Get, type.Path(ns, name), null, ct)) as JsonObject;
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Finds a kind's place by discovery; the answer is kept, but a missing kind is asked for again.</summary>
    private async Task<ResourceType> ResolveAsync(string apiVersion, string kind, CancellationToken ct)
    {
        if (_discovered.TryGetValue(apiVersion, out var kinds) && kinds.TryGetValue(kind, out var known))
        {
            return known;
        }

        _discovered[apiVersion] = kinds = await DiscoverAsync(apiVersion, ct);
        return kinds.TryGetValue(kind, out var found)
            ? found
            : throw new ClusterException($"no kind {kind} in {apiVersion}", System.Net.HttpStatusCode.NotFound, "NotFound");
    }

    private async Task<IReadOnlyDictionary<string, ResourceType>> DiscoverAsync(string apiVersion, CancellationToken ct)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var (group, version) = slash < 0 ? ("", apiVersion) : (apiVersion[..slash], apiVersion[(slash + 1)..]);
        var text = await _api.SendRawAsync(HttpMethod.Get, slash < 0 ? $"api/{version}" : $"apis/{apiVersion}", null, ct);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.GetProperty("resources").EnumerateArray()
            .Select(r => new ResourceType(group, version, r.GetProperty("name").GetString()!, r.GetProperty("kind").GetString()!, r.GetProperty("namespaced").GetBoolean()))
            .Where(r => !r.Plural.Contains('/', StringComparison.Ordinal))
            .GroupBy(r => r.Kind, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
    }

    private async Task WaitEstablishedAsync(IReadOnlyList<Manifest> definitions, CancellationToken ct)
    {
        var started = _clock.GetTimestamp();
        foreach (var definition in definitions)
        {
            while (!await IsServedAsync(definition, ct))
            {
                if (_clock.GetElapsedTime(started) > EstablishTimeout)
                {
                    throw new ManifestException($"{definition}: not established within {EstablishTimeout.TotalSeconds:0} s");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(50), _clock, ct);
            }
        }
    }

    /// <summary>Established is what the definition says, discovery what clients go by; the latter may lag.</summary>
    private async Task<bool> IsServedAsync(Manifest definition, CancellationToken ct)
    {
        var current = await _api.FindAsync(ResourceTypes.CustomResourceDefinitions, null, definition.Name, ct);
        if (current?.Status?.Conditions?.Any(c => c is { Type: "Established", Status: "True" }) != true)
        {
            return false;
        }

        if (current.Spec.Versions.FirstOrDefault(v => v.Served) is not { } version)
        {
            return false;
        }

        try
        {
            _ = await ResolveAsync($"{current.Spec.Group}/{version.Name}", current.Spec.Names.Kind, ct);
            return true;
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            return false;
        }
    }
}
