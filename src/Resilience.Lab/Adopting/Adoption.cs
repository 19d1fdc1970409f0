using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;

namespace Resilience.Lab.Adopting;

/// <param name="Name">Of the BlueGreen; null takes the Service's.</param>
internal sealed record AdoptionOptions(string Namespace, string Service, string Blue, string Green, string? Name, string? ImagePrefix, string? Tag);

/// <summary>Everything that would be written, worked out before anything is.</summary>
/// <param name="BlueGreen">Name of the one that exists already or will be written.</param>
/// <param name="Installs">What the cluster lacks, for people; empty when only the BlueGreen is written.</param>
/// <param name="Set">Null: nothing to write, a BlueGreen rules this Service already.</param>
internal sealed record AdoptionPlan(string BlueGreen, SlotSelectors Slots, string? ProbeNote, IReadOnlyList<string> Installs, ManifestSet? Set);

/// <summary>Puts somebody's Service and two Deployments under observation.</summary>
internal sealed partial class Adoption(LabCluster cluster, AdoptionOptions options)
{
    /// <summary>In the record, in place of an overlay's name.</summary>
    public const string Overlay = "adopted";

    private readonly ClusterApi _api = cluster.Api;

    public async Task<AdoptionPlan> PlanAsync(CancellationToken stop)
    {
        var service = await _api.FindAsync(ResourceTypes.Services, options.Namespace, options.Service, stop).ConfigureAwait(false)
            ?? throw await UnknownAsync("Service", ResourceTypes.Services, options.Service, stop).ConfigureAwait(false);
        var deployments = (await _api.ListAsync(ResourceTypes.Deployments, new ResourceScope(options.Namespace), stop).ConfigureAwait(false)).Items;
        var (blue, green) = (Find(deployments, options.Blue), Find(deployments, options.Green));
        if (options.Blue == options.Green)
        {
            throw new LabException("--blue and --green name the same Deployment", "Name two.");
        }

        var others = deployments.Where(item => item != blue && item != green).Select(Of).ToArray();
        var slots = SlotSelectors.Derive(options.Service, service.Spec.Selector?.ToDictionary() ?? [], Of(blue), Of(green), others);
        var known = await BlueGreensAsync(stop).ConfigureAwait(false);
        if (known?.FirstOrDefault(each => each.Spec.Service == options.Service) is { } existing)
        {
            RequireSameSlots(existing);
            return new AdoptionPlan(existing.Metadata.Name, slots, null, [], null);
        }

        var (probe, note) = AdoptedProbe.Of(blue, green);
        var installs = new List<string>();
        var set = ManifestSet.Load(Path.Combine(BuiltManifests, "traditional"));
        var hasWatcher = known is not null && await HasWatcherAsync(stop).ConfigureAwait(false);
        var home = await _api.FindAsync(ResourceTypes.Namespaces, null, Names.Namespace, stop).ConfigureAwait(false);
        if (known is null)
        {
            installs.Add("the CustomResourceDefinitions of the group resilience.dev");
        }

        if (!hasWatcher)
        {
            installs.Add($"the failover watcher with its service account and Roles, in namespace {Names.Namespace}");
        }
        else if (home is null)
        {
            installs.Add($"the namespace {Names.Namespace} with the record of what the lab installed");
        }

        // The demo application is left out; with a watcher at work only the namespace, which holds the record, is applied again.
        set = set.Select(manifest => manifest.Name.StartsWith(Names.Service, StringComparison.Ordinal) || (hasWatcher && manifest.Kind != "Namespace") ? null : manifest)
            .WithImages(options.ImagePrefix, options.Tag).Append(BlueGreen(slots, probe));
        return new AdoptionPlan(Name, slots, note, installs, set);
    }

    public async Task InstallAsync(AdoptionPlan plan, Action<string> say, CancellationToken stop)
    {
        if (plan.Set is not { } set)
        {
            return;
        }

        _ = await new Installer(_api, cluster.Time, say).InstallAsync(set, Overlay, "adopt", stop).ConfigureAwait(false);
        if (set.Items.Any(manifest => manifest is { Kind: "Deployment", Name: Names.Watcher }))
        {
            var goal = new ReadinessGoal(TimeSpan.FromMinutes(2), [Names.Watcher], Watcher: false) { Next = $"\"kubectl -n {Names.Namespace} get pods\" shows them." };
            await new Readiness(_api, cluster.Time, say).WaitAsync(goal, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the API server would take it as an object's name.</summary>
    public static bool MayBeCalled(string name) => name.Length <= 253 && Subdomain().IsMatch(name);

    private string Name => options.Name ?? options.Service;

    private static string BuiltManifests => Hosting.BuiltPrograms.Manifests();

    private Manifest BlueGreen(SlotSelectors slots, JsonObject? probe)
    {
        static JsonObject Labels(IReadOnlyDictionary<string, string> labels) => new(labels.Select(label => KeyValuePair.Create(label.Key, (JsonNode?)label.Value)));

        var spec = new JsonObject
        {
            ["service"] = options.Service,
            ["preferred"] = slots.Active,
            ["mode"] = "Observe",
            ["slots"] = new JsonObject
            {
                ["blue"] = new JsonObject { ["deployment"] = options.Blue, ["selector"] = Labels(slots.Blue) },
                ["green"] = new JsonObject { ["deployment"] = options.Green, ["selector"] = Labels(slots.Green) },
            },
            ["failback"] = new JsonObject { ["policy"] = "Manual" },
        };
        if (probe is not null)
        {
            spec["health"] = new JsonObject { ["probe"] = probe };
        }

        return new Manifest("lab adopt", 1, new JsonObject
        {
            ["apiVersion"] = ResilienceApi.GroupVersion,
            ["kind"] = ClusterAccess.Resources.BlueGreen.KubeKind,
            ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = options.Namespace },
            ["spec"] = spec,
        });
    }

    /// <returns>Null when the cluster does not know the kind.</returns>
    private async Task<IReadOnlyList<BlueGreen>?> BlueGreensAsync(CancellationToken stop)
    {
        try
        {
            return (await _api.ListAsync(ResourceTypes.BlueGreens, new ResourceScope(options.Namespace), stop).ConfigureAwait(false)).Items;
        }
        catch (ClusterException unknown) when (unknown.IsNotFound)
        {
            return null;
        }
    }

    private async Task<bool> HasWatcherAsync(CancellationToken stop)
    {
        var everywhere = await _api.ListAsync(ResourceTypes.Deployments, new ResourceScope(), stop).ConfigureAwait(false);
        return everywhere.Items.Any(item => item.Metadata.Name == Names.Watcher && item.Spec.Replicas is not 0);
    }

    /// <summary>Its report would speak of other slots than the ones asked about.</summary>
    private void RequireSameSlots(BlueGreen existing)
    {
        var (blue, green) = (existing.Spec.Slots.Blue.Deployment, existing.Spec.Slots.Green.Deployment);
        if (blue != options.Blue || green != options.Green)
        {
            throw new LabException(
                $"BlueGreen {options.Namespace}/{existing.Metadata.Name} rules Service {options.Service} already, with {blue} as blue and {green} as green",
                $"Name them so, or take it out first: kubectl{cluster.Selection} -n {options.Namespace} delete bluegreen {existing.Metadata.Name}");
        }
    }

    private V1Deployment Find(IReadOnlyList<V1Deployment> deployments, string name) =>
        deployments.FirstOrDefault(item => item.Metadata.Name == name)
        ?? throw (deployments.Count == 0
            ? new LabException($"namespace {options.Namespace} has no Deployments", "Name another with --namespace.")
            : Suggest.Unknown("Deployment", name, [.. deployments.Select(item => item.Metadata.Name)], $"in namespace {options.Namespace}"));

    private async Task<LabException> UnknownAsync(string kind, ResourceType<V1Service> type, string name, CancellationToken stop)
    {
        var known = (await _api.ListAsync(type, new ResourceScope(options.Namespace), stop).ConfigureAwait(false)).Items.Select(item => item.Metadata.Name).ToArray();
        return await EndingAsync(stop).ConfigureAwait(false) is { } ending ? ending
            : known.Length == 0 ? new LabException($"namespace {options.Namespace} has no {kind} \"{name}\", nor any other", "Name another with --namespace.")
            : Suggest.Unknown(kind, name, known, $"in namespace {options.Namespace}");
    }

    /// <summary>A namespace that is not there has no Services, and one that is being deleted loses them one by one.</summary>
    private async Task<LabException?> EndingAsync(CancellationToken stop)
    {
        try
        {
            var home = await _api.FindAsync(ResourceTypes.Namespaces, null, options.Namespace, stop).ConfigureAwait(false);
            return home is null ? new LabException($"there is no namespace \"{options.Namespace}\"", "Name another with --namespace.")
                : home.Metadata.DeletionTimestamp is null ? null : Installer.Terminating(home);
        }
        catch (ClusterException refused) when (refused.IsForbidden)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    private static Candidate Of(V1Deployment deployment) => new(deployment.Metadata.Name, deployment.Spec.Template.Metadata?.Labels?.ToDictionary() ?? []);
}

/// <summary>The watcher's own probe, taken from what both Deployments already answer to.</summary>
internal static class AdoptedProbe
{
    /// <returns>Null with the reason when the two have no HTTP readiness probe in common.</returns>
    public static (JsonObject? Probe, string? Note) Of(V1Deployment blue, V1Deployment green)
    {
        const string Consequence = "a process that hangs is noticed only when Kubernetes' own readiness probe notices it";
        var (first, second) = (Answer(blue), Answer(green));
        if (first is null || second is null || first != second)
        {
            return (null, $"the two Deployments have no plain HTTP readiness probe in common, so the watcher does not probe: {Consequence}");
        }

        // Gentle: this is somebody's application, and a second is soon enough to learn what would have been done.
        return (new JsonObject { ["path"] = first.Value.Path, ["port"] = first.Value.Port, ["interval"] = "1s", ["timeout"] = "1s", ["failures"] = 3 }, null);
    }

    private static (string Path, int Port)? Answer(V1Deployment deployment)
    {
        foreach (var container in deployment.Spec.Template.Spec.Containers)
        {
            if (container.ReadinessProbe?.HttpGet is { } http && (http.Scheme is null or "HTTP") && Port(container, http.Port) is { } port)
            {
                return (http.Path ?? "/", port);
            }
        }

        return null;
    }

    /// <remarks>A probe may name its port: port: http.</remarks>
    private static int? Port(V1Container container, IntOrString port) => int.TryParse((string?)port, out var number)
        ? number
        : container.Ports?.FirstOrDefault(each => each.Name == (string?)port)?.ContainerPort;
}
