using System.Text.RegularExpressions;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.Lab.Cli;

/// <summary>What the API server refused, as one line with a next step.</summary>
internal static partial class ClusterFailure
{
    public static string Line(ManifestException problem) => problem.InnerException is ClusterException refused && Refusal(refused.Message) is { } refusal
        ? $"lab: {problem.Message[..problem.Message.IndexOf(": ", StringComparison.Ordinal)]}: {refusal.Text}. {refusal.Next}"
        : $"lab: {problem.Message.TrimEnd('.')}.";

    public static string Line(ClusterException problem)
    {
        if (Refusal(problem.Message) is { } refusal)
        {
            return $"lab: {refusal.Text}. {refusal.Next}";
        }

        var next = problem.IsUnreachable ? "If that is the lab's own cluster, \"./lab up\" starts it" : "\"./lab status\" shows the cluster";
        return $"lab: {problem.Message.TrimEnd('.')}. {next}; \"./lab doctor\" looks for the cause.";
    }

    /// <remarks>
    /// RBAC writes: services is forbidden: User "bob" cannot list resource "services" in API group "" in the namespace "shop";
    /// and of a Role that would give more than its maker has: … is attempting to grant RBAC permissions not currently held: …
    /// </remarks>
    public static (string Text, string Next)? Refusal(string message)
    {
        if (Forbidden().Match(message) is { Success: true } match)
        {
            var (who, verb, ns) = (match.Groups["who"].Value, match.Groups["verb"].Value, match.Groups["ns"].Value);
            var resource = match.Groups["group"].Value is { Length: > 0 } group ? $"{match.Groups["resource"].Value}.{group}" : match.Groups["resource"].Value;
            var where = ns.Length > 0 ? $"in namespace {ns}" : "in the whole cluster";
            return ($"forbidden by RBAC: \"{who}\" may not {verb} {resource} {where}",
                $"Ask an administrator for the verb {verb} on {resource}; \"kubectl auth can-i {verb} {resource}{(ns.Length > 0 ? $" -n {ns}" : string.Empty)}\" checks it.");
        }

        return message.Contains("attempting to grant RBAC permissions not currently held", StringComparison.Ordinal)
            ? ("forbidden by RBAC: this account may not create a Role that allows more than it may do itself", "Have a cluster administrator deploy, or apply k8s/traditional/rbac-failover-watcher.yaml first.")
            : null;
    }

    [GeneratedRegex("User \"(?<who>[^\"]*)\" cannot (?<verb>\\w+) resource \"(?<resource>[^\"]*)\" in API group \"(?<group>[^\"]*)\"(?: in the namespace \"(?<ns>[^\"]*)\")?")]
    private static partial Regex Forbidden();
}
