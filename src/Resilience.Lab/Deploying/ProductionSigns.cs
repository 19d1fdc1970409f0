using System.Text.RegularExpressions;

namespace Resilience.Lab.Deploying;

/// <summary>What can be learnt about a cluster before anything is written to it.</summary>
/// <param name="Names">Context, cluster and server names: where people write down what a cluster is for.</param>
/// <param name="Nodes">Null: this account may not list them.</param>
/// <param name="ForeignWorkloads">Workloads of other people, as <c>namespace/Kind name</c>; null: this account may not list them.</param>
internal sealed record ClusterFacts(IReadOnlyList<string> Names, int? Nodes, IReadOnlyList<string>? ForeignWorkloads);

/// <summary>Signs that other people depend on a cluster. A false alarm costs typing <c>--yes</c>; a missed one may cost somebody's evening.</summary>
internal static partial class ProductionSigns
{
    /// <summary>Clusters for development rarely have more nodes than this.</summary>
    public const int DevelopmentNodes = 5;

    private const int Named = 3;

    public static IReadOnlyList<string> Find(ClusterFacts facts)
    {
        var signs = new List<string>();
        if (facts.Names.FirstOrDefault(SoundsLikeProduction) is { } telling)
        {
            signs.Add($"it is called \"{telling}\"");
        }

        if (facts.Nodes is null)
        {
            signs.Add("this account may not list its nodes, so its size is unknown");
        }
        else if (facts.Nodes > DevelopmentNodes)
        {
            signs.Add($"it has {facts.Nodes} nodes");
        }

        if (facts.ForeignWorkloads is null)
        {
            signs.Add("this account may not list its workloads, so it is unknown whether others use it");
        }
        else if (facts.ForeignWorkloads is { Count: > 0 } foreign)
        {
            var more = foreign.Count > Named ? $" and {foreign.Count - Named} more" : string.Empty;
            signs.Add($"others run workloads there ({string.Join(", ", foreign.Take(Named))}{more})");
        }

        return signs;
    }

    /// <summary>Namespaces that belong to a cluster itself or to what usually comes with one.</summary>
    public static bool IsSystemNamespace(string name) =>
        name.StartsWith("kube-", StringComparison.Ordinal)
        || name.StartsWith("openshift", StringComparison.Ordinal)
        || name.EndsWith("-system", StringComparison.Ordinal)
        || name is "local-path-storage" or "ingress-nginx" or "cert-manager" or "kubernetes-dashboard" or "registry";

    /// <remarks>"prod", "prod-eu", "euprod1" and "live" tell of production; "preprod", "nonprod" and "non-prod" do not.</remarks>
    private static bool SoundsLikeProduction(string name)
    {
        var words = NotAWord().Split(name.ToLowerInvariant());
        return words.Where((word, at) => ProductionWord().IsMatch(word) && (at == 0 || words[at - 1] is not ("non" or "pre" or "not"))).Any();
    }

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotAWord();

    [GeneratedRegex("^(?!non|pre|not)[a-z0-9]*(prod|production|prd)[0-9]*$|^(prod|production|prd)(eu|us|ap|east|west|north|south)?[0-9]*$|^live[0-9]*$")]
    private static partial Regex ProductionWord();
}
