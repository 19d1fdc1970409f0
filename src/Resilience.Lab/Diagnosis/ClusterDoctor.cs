using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Adopting;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Drills;

namespace Resilience.Lab.Diagnosis;

/// <summary>Looks at a cluster with the eyes of somebody whose deploy, run or adopt does not work there.</summary>
internal sealed class ClusterDoctor(ClusterApi api, string selection)
{
    /// <summary>What the commands need, the rarest right first: group, resource, verb, namespaced, and for what.</summary>
    private static readonly (string Group, string Resource, string Verb, bool Namespaced, string For)[] Needed =
    [
        ("apiextensions.k8s.io", "customresourcedefinitions", "create", false, "deploy"),
        ("rbac.authorization.k8s.io", "clusterroles", "create", false, "deploy"),
        ("", "namespaces", "create", false, "deploy"),
        ("apps", "deployments", "create", true, "deploy"),
        ("", "services", "patch", true, "deploy"),
        ("", "secrets", "get", true, "run"),
        ("apps", "deployments", "patch", true, "run"),
        ("", "pods/proxy", "update", true, "run"),
        ("", "events", "list", true, "run and adopt"),
        (ResilienceApi.Group, "bluegreens", "create", true, "adopt"),
    ];

    public async Task<IReadOnlyList<Finding>> ExamineAsync(CancellationToken stop) =>
    [
        .. await PermissionsAsync(stop).ConfigureAwait(false),
        await TryAsync("definitions", DefinitionsAsync, stop).ConfigureAwait(false),
        await TryAsync("installation", InstallationAsync, stop).ConfigureAwait(false),
        await TryAsync("pods", PodsAsync, stop).ConfigureAwait(false),
        await TryAsync("left behind", LeftBehindAsync, stop).ConfigureAwait(false),
    ];

    private async Task<IReadOnlyList<Finding>> PermissionsAsync(CancellationToken stop)
    {
        var denied = new List<Finding>();
        foreach (var need in Needed)
        {
            if (!await MayAsync(need.Group, need.Resource, need.Verb, need.Namespaced, stop).ConfigureAwait(false))
            {
                var resource = need.Group.Length == 0 ? need.Resource : $"{need.Resource}.{need.Group}";
                denied.Add(new Finding("permissions", Level.Problem, $"RBAC does not let this account {need.Verb} {resource}, which {need.For} needs", $"Ask an administrator for the verb {need.Verb} on {resource}"));
            }
        }

        return denied.Count > 0 ? denied : [new Finding("permissions", Level.Ok, "this account may do what deploy, run and adopt need")];
    }

    private async Task<bool> MayAsync(string group, string resource, string verb, bool namespaced, CancellationToken stop)
    {
        var parts = resource.Split('/');
        var attributes = new JsonObject { ["group"] = group, ["resource"] = parts[0], ["verb"] = verb };
        if (parts.Length > 1)
        {
            attributes["subresource"] = parts[1];
        }

        if (namespaced)
        {
            attributes["namespace"] = Names.Namespace;
        }

        var review = new JsonObject
        {
            ["apiVersion"] = "authorization.k8s.io/v1",
            ["kind"] = "SelfSubjectAccessReview",
            ["spec"] = new JsonObject { ["resourceAttributes"] = attributes },
        };
        var answer = await api.SendRawAsync(HttpMethod.Post, "apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, stop).ConfigureAwait(false);
        return JsonNode.Parse(answer)?["status"]?["allowed"]?.GetValue<bool>() == true;
    }

    private async Task<Finding> DefinitionsAsync(CancellationToken stop)
    {
        try
        {
            // The group is there as long as any of its definitions is.
            var known = JsonNode.Parse(await api.SendRawAsync(HttpMethod.Get, $"apis/{ResilienceApi.GroupVersion}", null, stop).ConfigureAwait(false))?["resources"]?.AsArray();
            if (known?.Any(resource => (string?)resource?["name"] == ResourceTypes.BlueGreens.Plural) == true)
            {
                return new Finding("definitions", Level.Ok, "the cluster knows BlueGreens");
            }
        }
        catch (ClusterException unknown) when (unknown.IsNotFound)
        {
            // Not even the group.
        }

        return new Finding("definitions", Level.Note, "the cluster does not know BlueGreens", $"./lab deploy{selection} (or adopt) installs the CustomResourceDefinitions");
    }

    private async Task<Finding> InstallationAsync(CancellationToken stop)
    {
        var home = await api.FindAsync(ResourceTypes.Namespaces, null, Names.Namespace, stop).ConfigureAwait(false);
        if (home?.Metadata.DeletionTimestamp is not null)
        {
            var ending = Installer.Terminating(home);
            return new Finding("installation", Level.Problem, ending.Message, ending.Next);
        }

        if (await new InstallStore(api).ReadAsync(stop).ConfigureAwait(false) is { Complete: true, Overlay: Adoption.Overlay } adopted)
        {
            var gone = await Installation.GoneAsync(api, adopted, stop).ConfigureAwait(false);
            return gone.Count == 0
                ? new Finding("installation", Level.Ok, $"the failover watcher is installed in {Names.Namespace} for adopted Services")
                : new Finding("installation", Level.Problem, $"the watcher for adopted Services is half installed: {string.Join(", ", gone)}", $"\"./lab cleanup{selection}\" removes it, then adopt again");
        }

        if (await Installation.ProblemAsync(api, stop).ConfigureAwait(false) is not { } problem)
        {
            return new Finding("installation", Level.Ok, $"the system is installed in {Names.Namespace}");
        }

        var error = problem.ToError(selection);
        return new Finding("installation", problem.Nothing ? Level.Note : Level.Problem, error.Message, error.Next);
    }

    private async Task<Finding> PodsAsync(CancellationToken stop)
    {
        var pods = (await api.ListAsync(ResourceTypes.Pods, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false)).Items.Where(pod => pod.Metadata.DeletionTimestamp is null).ToArray();
        if (pods.Select(PodTrouble.Of).OfType<PodTrouble>().FirstOrDefault() is { } trouble)
        {
            return new Finding("pods", Level.Problem, trouble.Text, trouble.Next);
        }

        var deployments = (await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false)).Items;
        return deployments.Select(Readiness.Refusal).OfType<LabException>().FirstOrDefault() is { } refused
            ? new Finding("pods", Level.Problem, refused.Message, refused.Next)
            : deployments.Select(NotReady).OfType<Finding>().OrderByDescending(finding => finding.Level).FirstOrDefault()
                ?? new Finding("pods", Level.Ok, $"none of {pods.Length} has trouble starting");
    }

    /// <summary>
    /// Pods that run, have no trouble starting and yet are not Ready: of all of a Deployment's that is a problem, of some it may pass. A slot may be
    /// at 0 on purpose, the watcher may not.
    /// </summary>
    private Finding? NotReady(V1Deployment deployment)
    {
        var (name, wanted, ready) = (deployment.Metadata.Name, deployment.Spec.Replicas ?? 1, deployment.Status?.ReadyReplicas ?? 0);
        if (wanted == 0 && name == Names.Watcher)
        {
            return new Finding("pods", Level.Problem, $"{name} is scaled to 0: nothing moves traffic", Names.WakeWatcher(selection));
        }

        return ready >= wanted ? null : new Finding(
            "pods", ready == 0 ? Level.Problem : Level.Note, $"{ready} of {wanted} pods of {name} are Ready",
            $"\"kubectl{selection} -n {Names.Namespace} describe pods\" says what they wait for; after a deploy or a drill, look again first");
    }

    private async Task<Finding> LeftBehindAsync(CancellationToken stop)
    {
        var deployments = await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        var left = deployments.Items
            .Where(item => DrillRecord.Parse(item.Metadata.Annotations?.TryGetValue(ResilienceApi.DrillAnnotation, out var text) == true ? text : null) is not null
                || item.Metadata.Annotations?.ContainsKey(ResilienceApi.ExperimentAnnotation) == true)
            .Select(item => item.Metadata.Name).ToArray();
        return left.Length == 0
            ? new Finding("left behind", Level.Ok, "no drill or experiment left a change")
            : new Finding("left behind", Level.Note, $"a drill or experiment still holds {string.Join(", ", left)} (or runs right now)", $"./lab chaos heal{selection}");
    }

    /// <summary>One refusal must not hide the other findings.</summary>
    private static async Task<Finding> TryAsync(string subject, Func<CancellationToken, Task<Finding>> look, CancellationToken stop)
    {
        try
        {
            return await look(stop).ConfigureAwait(false);
        }
        catch (ClusterException refused)
        {
            var (text, next) = ClusterFailure.Refusal(refused.Message) ?? (refused.Message, "\"./lab status\" shows the cluster");
            return new Finding(subject, Level.Problem, text, next);
        }
        catch (LabException unreadable)
        {
            return new Finding(subject, Level.Problem, unreadable.Message, unreadable.Next);
        }
    }
}
