using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <param name="Deleted">Objects that are gone.</param>
/// <param name="Left">What stays, each with the reason.</param>
internal sealed record RemovalReport(int Deleted, IReadOnlyList<string> Left);

/// <summary>Takes out what the record says the lab created, each object by its uid, and nothing else: neither what was there before,
/// nor what has been replaced, nor a definition or namespace that holds things of other people.</summary>
internal sealed class Remover(ClusterApi api, TimeProvider time, Action<string> say)
{
    private static readonly TimeSpan NamespaceLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private readonly ManifestApplier _applier = new(api, time);
    private readonly InstallStore _store = new(api);
    private readonly List<string> _left = [];
    private int _deleted;

    /// <returns>Null when nothing of the lab is there.</returns>
    public async Task<RemovalReport?> RemoveAsync(CancellationToken stop)
    {
        var home = await api.FindAsync(ResourceTypes.Namespaces, null, Names.Namespace, stop).ConfigureAwait(false);
        if (home?.Metadata.DeletionTimestamp is not null)
        {
            await WaitForEndAsync(stop).ConfigureAwait(false);
            home = null;
        }

        if (home is null || await _store.ReadAsync(stop).ConfigureAwait(false) is not { } record)
        {
            return home?.Metadata.Labels?.TryGetValue(ResilienceApi.InstallLabel, out var id) == true ? await RemoveStubAsync(id, home.Metadata.Uid, stop).ConfigureAwait(false) : null;
        }

        var contents = new NamespaceContents(api);
        var foreign = await contents.ForeignAsync(record, stop).ConfigureAwait(false);
        foreach (var item in record.Objects.Where(item => item.Object.Kind is not ("CustomResourceDefinition" or "Namespace")).Reverse())
        {
            await RemoveAsync(item, record.Id, stop).ConfigureAwait(false);
        }

        foreach (var definition in record.Objects.Where(item => item.Object.Kind == "CustomResourceDefinition").Reverse())
        {
            await RemoveDefinitionAsync(definition, record, stop).ConfigureAwait(false);
        }

        await RemoveHomeAsync(record, foreign, stop).ConfigureAwait(false);
        return new RemovalReport(_deleted, _left);
    }

    /// <summary>Deletes one object if it is still the one that was created.</summary>
    /// <returns>False when it was left alone or had gone.</returns>
    public async Task<bool> RemoveAsync(InstalledObject item, string id, CancellationToken stop)
    {
        var known = item.Object;
        if (known.Existed)
        {
            _left.Add($"{item}: it was there before the lab");
            return false;
        }

        if (await _applier.FindAsync(known.ApiVersion, known.Kind, known.Namespace, known.Name, stop).ConfigureAwait(false) is not { } live)
        {
            return false;
        }

        // An apply that was cut off may have created it without its uid being written down: then the label decides.
        var uid = (string?)live["metadata"]?["uid"] ?? string.Empty;
        if (known.Uid.Length > 0 ? known.Uid != uid : !Installer.IsLabelled(live, id))
        {
            _left.Add($"{item}: somebody has replaced it");
            return false;
        }

        if (await _applier.DeleteAsync([known with { Uid = uid }], stop).ConfigureAwait(false) == 0)
        {
            return false;
        }

        _deleted++;
        say($"deleted {item}");
        return true;
    }

    /// <summary>With a definition go all its objects, so one that others use stays.</summary>
    private async Task RemoveDefinitionAsync(InstalledObject definition, InstallRecord record, CancellationToken stop)
    {
        var others = new List<string>();
        var name = definition.Object.Name;
        var at = name.IndexOf('.', StringComparison.Ordinal);
        var type = new ResourceType(name[(at + 1)..], ResilienceApi.Version, name[..at], string.Empty, Namespaced: true);
        foreach (var (metadata, kind) in await NamespaceContents.ListAsync(api, type, null, stop).ConfigureAwait(false))
        {
            var ns = (string?)metadata["namespace"];
            if (ns != Names.Namespace && !record.Objects.Any(item => item.Object.Uid == (string?)metadata["uid"]))
            {
                others.Add($"{kind} {ns}/{(string?)metadata["name"]}");
            }
        }

        if (others.Count > 0)
        {
            _left.Add($"{definition}: others use it ({string.Join(", ", others.Take(3))}{(others.Count > 3 ? ", …" : string.Empty)})");
            return;
        }

        if (await RemoveAsync(definition, record.Id, stop).ConfigureAwait(false))
        {
            await WaitForEndAsync(definition, stop).ConfigureAwait(false);
        }
    }

    /// <summary>The server clears a definition's objects away first and only then the definition; what installs again meanwhile would be refused.</summary>
    private async Task WaitForEndAsync(InstalledObject definition, CancellationToken stop)
    {
        var (started, known) = (time.GetTimestamp(), definition.Object);
        while (await _applier.FindAsync(known.ApiVersion, known.Kind, known.Namespace, known.Name, stop).ConfigureAwait(false) is { } live && (string?)live["metadata"]?["uid"] == known.Uid)
        {
            if (time.GetElapsedTime(started) > NamespaceLimit)
            {
                _left.Add($"{definition}: its deletion has not ended yet");
                return;
            }

            await Task.Delay(Look, time, stop).ConfigureAwait(false);
        }
    }

    private async Task RemoveHomeAsync(InstallRecord record, IReadOnlyList<string> foreign, CancellationToken stop)
    {
        var home = record.Objects.FirstOrDefault(item => item.Object is { Kind: "Namespace", Name: Names.Namespace });
        if (home is not null && foreign.Count > 0 && !home.Object.Existed)
        {
            _left.Add($"{home}: it holds what the lab did not make ({string.Join(", ", foreign.Take(5))}{(foreign.Count > 5 ? ", …" : string.Empty)})");
        }
        else if (home is not null && await RemoveAsync(home, record.Id, stop).ConfigureAwait(false))
        {
            await WaitForEndAsync(stop).ConfigureAwait(false);
            return;
        }

        _ = await _store.DeleteAsync(stop).ConfigureAwait(false);
    }

    /// <summary>An installation that ended right after its first object: a namespace without a record.</summary>
    private async Task<RemovalReport> RemoveStubAsync(string id, string uid, CancellationToken stop)
    {
        var stub = new InstalledObject(new AppliedObject("v1", "Namespace", null, Names.Namespace, uid, false), "deploy");
        var record = new InstallRecord(id, string.Empty, false, [stub]);
        await RemoveHomeAsync(record, await new NamespaceContents(api).ForeignAsync(record, stop).ConfigureAwait(false), stop).ConfigureAwait(false);
        return new RemovalReport(_deleted, _left);
    }

    private async Task WaitForEndAsync(CancellationToken stop)
    {
        var started = time.GetTimestamp();
        say($"waiting for the end of namespace {Names.Namespace} ...");
        while (await api.FindAsync(ResourceTypes.Namespaces, null, Names.Namespace, stop).ConfigureAwait(false) is { } ending)
        {
            if (time.GetElapsedTime(started) > NamespaceLimit)
            {
                throw Installer.Terminating(ending);
            }

            await Task.Delay(Look, time, stop).ConfigureAwait(false);
        }
    }
}
