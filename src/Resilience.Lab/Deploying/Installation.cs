using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <param name="Nothing">The system is not installed at all.</param>
/// <param name="Missing">What a whole system has and this one has not.</param>
internal sealed record InstallationProblem(bool Nothing, IReadOnlyList<string> Missing)
{
    /// <param name="selection">Options that choose the cluster, for the next step.</param>
    public LabException ToError(string selection)
    {
        return Nothing
            ? new LabException("the system is not installed", $"\"./lab deploy{selection}\" installs it.")
            : new LabException($"the system is half installed: {string.Join(", ", Missing)}", $"\"./lab deploy{selection}\" completes it, \"./lab cleanup{selection}\" removes it.");
    }
}

/// <summary>Whether a cluster holds the whole system.</summary>
internal static class Installation
{
    /// <summary>Without these a system still moves traffic; somebody may have taken them out on purpose.</summary>
    private static readonly string[] Dispensable = ["HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "BlueGreen", "PredictiveAutoscaler"];

    /// <returns>Null when everything is there.</returns>
    public static async Task<InstallationProblem?> ProblemAsync(ClusterApi api, CancellationToken stop)
    {
        var missing = new List<string>();
        var found = 0;
        void Note(bool there, string what)
        {
            found += there ? 1 : 0;
            if (!there)
            {
                missing.Add($"{what} is missing");
            }
        }

        Note(await api.FindAsync(ResourceTypes.Services, Names.Namespace, Names.Service, stop).ConfigureAwait(false) is not null, $"Service {Names.Service}");
        foreach (var deployment in Names.Slots.Select(Names.Deployment).Append(Names.Watcher))
        {
            Note(await api.FindAsync(ResourceTypes.Deployments, Names.Namespace, deployment, stop).ConfigureAwait(false) is not null, $"Deployment {deployment}");
        }

        Note(await api.FindAsync(ResourceTypes.BlueGreens, Names.Namespace, Names.BlueGreen, stop).ConfigureAwait(false) is not null, $"BlueGreen {Names.BlueGreen}");
        var record = await new InstallStore(api).ReadAsync(stop).ConfigureAwait(false);
        if (found == 0 && record is not { Complete: false })
        {
            return new InstallationProblem(Nothing: true, missing);
        }

        missing = [.. missing.Union(record is null ? [] : await GoneAsync(api, record, stop).ConfigureAwait(false))];
        if (missing.Count == 0 && record is { Complete: false })
        {
            missing.Add("the last deploy did not finish");
        }

        return missing.Count == 0 ? null : new InstallationProblem(Nothing: false, missing);
    }

    /// <summary>
    /// What the lab installed and somebody has deleted since: without its ServiceAccount or Role the watcher runs on and is refused
    /// everything. What this account may not read counts as there.
    /// </summary>
    public static async Task<IReadOnlyList<string>> GoneAsync(ClusterApi api, InstallRecord record, CancellationToken stop)
    {
        var applier = new ManifestApplier(api, TimeProvider.System);
        var gone = new List<string>();
        foreach (var known in record.Objects.Select(item => item.Object).Where(known => known.Uid.Length > 0 && !Dispensable.Contains(known.Kind)))
        {
            try
            {
                if (await applier.FindAsync(known.ApiVersion, known.Kind, known.Namespace, known.Name, stop).ConfigureAwait(false) is null)
                {
                    gone.Add($"{known.Kind} {known.Name} is missing");
                }
            }
            catch (ClusterException refused) when (refused.IsForbidden)
            {
                // Only who may read it can tell.
            }
        }

        return gone;
    }
}
