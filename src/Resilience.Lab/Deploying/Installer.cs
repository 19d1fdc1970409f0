using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>Applies manifests to a cluster that others may use too, and keeps the record by which everything can be taken out again.</summary>
internal sealed class Installer(ClusterApi api, TimeProvider time, Action<string> say)
{
    private readonly ManifestApplier _applier = new(api, time);
    private readonly InstallStore _store = new(api);

    /// <param name="set">Must contain the lab's namespace: the record lives in it.</param>
    /// <param name="overlay">Its name, for people.</param>
    /// <param name="source">deploy or adopt; see <see cref="InstalledObject"/>.</param>
    /// <returns>The record as it stands in the cluster now.</returns>
    public async Task<InstallRecord> InstallAsync(ManifestSet set, string overlay, string source, CancellationToken stop)
    {
        await RefuseTerminatingAsync(stop).ConfigureAwait(false);
        var record = await _store.ReadAsync(stop).ConfigureAwait(false);
        record = (record ?? new InstallRecord(NewId(), overlay, false, [])) with { Complete = false, Overlay = source == "deploy" || record is null ? overlay : record.Overlay };

        var home = set.Select(manifest => IsHome(manifest) ? manifest : null);
        var planned = await PlanAsync(home, record, stop).ConfigureAwait(false);
        var counted = new ProgressLine(set.Items.Count, say);
        foreach (var item in await _applier.ApplyAsync(planned, Names.Namespace, counted.Say, stop).ConfigureAwait(false))
        {
            record = With(record, item, source);
        }

        var rest = await PlanAsync(set.Select(manifest => IsHome(manifest) ? null : manifest), record, stop).ConfigureAwait(false);
        foreach (var manifest in rest.Items.Where(manifest => IsLabelled(manifest.Body, record.Id)))
        {
            record = With(record, new AppliedObject(manifest.ApiVersion, manifest.Kind, manifest.Namespace, manifest.Name, string.Empty, false), source);
        }

        await _store.WriteAsync(record, stop).ConfigureAwait(false);
        await ApplyRestAsync(rest, record, source, counted, stop).ConfigureAwait(false);
        record = await _store.ReadAsync(stop).ConfigureAwait(false) ?? record;
        record = source == "deploy" ? await PruneAsync(set, record, stop).ConfigureAwait(false) : record;
        record = record with { Complete = true };
        await _store.WriteAsync(record, stop).ConfigureAwait(false);
        return record;
    }

    /// <summary>Applies one by one, and after each creation writes down its uid.</summary>
    private async Task ApplyRestAsync(ManifestSet rest, InstallRecord record, string source, ProgressLine counted, CancellationToken stop)
    {
        var applied = new List<AppliedObject>();
        try
        {
            _ = await _applier.ApplyAsync(rest, Names.Namespace, progress =>
            {
                counted.Say(progress);
                applied.Add(progress.Item);
            }, stop).ConfigureAwait(false);
        }
        finally
        {
            foreach (var item in applied)
            {
                record = With(record, item, source);
            }

            // Also after Ctrl-C: what is in the cluster must be in the record. Should this fail, the labels still tell.
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10), time);
            await _store.WriteAsync(record, limit.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Labels what will be the lab's, and leaves what somebody else made as theirs, with the fields that others write.</summary>
    private async Task<ManifestSet> PlanAsync(ManifestSet set, InstallRecord record, CancellationToken stop)
    {
        var live = new Dictionary<Manifest, JsonObject>();
        foreach (var manifest in set.Items)
        {
            if (await _applier.FindAsync(manifest.ApiVersion, manifest.Kind, manifest.Namespace ?? Names.Namespace, manifest.Name, stop).ConfigureAwait(false) is { } found)
            {
                live[manifest] = found;
            }
        }

        return set.Select(manifest =>
        {
            var there = live.GetValueOrDefault(manifest);
            var kept = there is null ? manifest : KeptFields.Keep(manifest, there);
            return there is null || IsLabelled(there, record.Id) ? Labelled(kept, record.Id) : kept;
        });
    }

    /// <summary>Deletes what an earlier overlay had and this one has not.</summary>
    private async Task<InstallRecord> PruneAsync(ManifestSet set, InstallRecord record, CancellationToken stop)
    {
        var gone = record.Objects.Where(item => item.Source == "deploy" && !set.Items.Any(manifest =>
            item.Is(manifest.ApiVersion, manifest.Kind, item.Object.Namespace is null ? null : manifest.Namespace ?? Names.Namespace, manifest.Name))).ToArray();
        var remover = new Remover(api, time, line => say($"{line}: the overlay {record.Overlay} does not have it"));
        foreach (var item in gone)
        {
            _ = await remover.RemoveAsync(item, record.Id, stop).ConfigureAwait(false);
        }

        return record with { Objects = [.. record.Objects.Except(gone)] };
    }

    private async Task RefuseTerminatingAsync(CancellationToken stop)
    {
        if (await api.FindAsync(ResourceTypes.Namespaces, null, Names.Namespace, stop).ConfigureAwait(false) is { } home && home.Metadata.DeletionTimestamp is not null)
        {
            throw Terminating(home);
        }
    }

    /// <summary>A namespace that is being deleted takes nothing new.</summary>
    public static LabException Terminating(V1Namespace home)
    {
        var why = home.Status?.Conditions?.FirstOrDefault(condition => condition.Status == "True" && condition.Type.EndsWith("Remaining", StringComparison.Ordinal))?.Message;
        return new LabException(
            $"the namespace {home.Metadata.Name} is being deleted{(why is null ? string.Empty : $" ({why.TrimEnd('.')})")}",
            $"Wait for its end with \"kubectl wait --for=delete namespace/{home.Metadata.Name} --timeout=2m\", then try again.");
    }

    private static InstallRecord With(InstallRecord record, AppliedObject item, string source)
    {
        var known = record.Objects.FirstOrDefault(other => other.Is(item.ApiVersion, item.Kind, item.Namespace, item.Name));

        // On a second installation an object of ours "existed": it stays ours.
        var existed = known is null ? item.Existed : known.Object.Existed && item.Existed;
        var entry = new InstalledObject(item with { Existed = existed }, known?.Source ?? source);
        return record with { Objects = known is null ? [.. record.Objects, entry] : [.. record.Objects.Select(other => other == known ? entry : other)] };
    }

    private static bool IsHome(Manifest manifest) => manifest is { Kind: "Namespace", Name: Names.Namespace };

    public static bool IsLabelled(JsonObject body, string id) => (string?)body["metadata"]?["labels"]?[ResilienceApi.InstallLabel] == id;

    private static Manifest Labelled(Manifest manifest, string id)
    {
        var body = (JsonObject)manifest.Body.DeepClone();
        var metadata = (JsonObject)body["metadata"]!;
        if (metadata["labels"] is not JsonObject labels)
        {
            metadata["labels"] = labels = [];
        }

        labels[ResilienceApi.InstallLabel] = id;
        return manifest with { Body = body };
    }

    private string NewId() => string.Create(CultureInfo.InvariantCulture, $"lab-{time.GetUtcNow():yyyyMMdd-HHmmss}-{Environment.ProcessId}");

    /// <summary>One line per object, counted over both passes.</summary>
    private sealed class ProgressLine(int total, Action<string> say)
    {
        private int _done;

        public void Say(ApplyProgress progress) =>
            say($"[{++_done}/{total}] {progress.Manifest.Kind} {progress.Manifest.Name} {progress.Outcome.ToString().ToLowerInvariant()}");
    }
}
