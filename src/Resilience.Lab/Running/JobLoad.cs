using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Hosting;
using Resilience.LoadGenerator;
using Resilience.LoadGenerator.Streaming;

namespace Resilience.Lab.Running;

/// <summary>A Job inside the cluster: the one of <c>k8s/load</c> under a name and with a plan of its own, followed by its log.</summary>
/// <param name="prefix">Registry and path of the images; null with <paramref name="tag"/> null: where the web pods' image comes from.</param>
internal sealed class JobLoad(LabCluster cluster, string? prefix, string? tag, Action<string> say) : ILoadSource
{
    public const string Word = "job";

    /// <summary>For a node that has to be found and an image that has to be pulled.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    /// <summary>A missing image does not mend itself.</summary>
    private static readonly TimeSpan ImagePatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>What a Job may take longer than its load: starting, stopping, and a reader who is late.</summary>
    private static readonly TimeSpan Allowance = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan DeleteLimit = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _time = cluster.Time;

    public string Kind => Word;

    /// <summary>How long a pod may wait for room on a node. Default 20 s.</summary>
    public TimeSpan RoomPatience { get; init; } = TimeSpan.FromSeconds(20);

    public async Task<ILoadRun> StartAsync(LoadPlan plan, CancellationToken stop)
    {
        if (LoadLog.RequestsOf(plan) > LoadLog.MostRequests)
        {
            throw new LabException(
                string.Create(CultureInfo.InvariantCulture, $"a load of {LoadLog.RequestsOf(plan):0} requests is too long for a Job: its log holds {LoadLog.MostRequests}"),
                "Lower --rps or --duration, leave --narrate out, or load from here (--load-from lab).");
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"{Names.LoadGenerator}-{_time.GetUtcNow():HHmmss}-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..4]}");
        var body = await JobAsync(name, plan, stop).ConfigureAwait(false);
        _ = await cluster.Api.SendRawAsync(HttpMethod.Post, $"{ResourceTypes.Jobs.Path(Names.Namespace)}?fieldManager={FieldManagers.Lab}&fieldValidation=Strict", body, stop).ConfigureAwait(false);
        JobLoadRun? run = null;
        try
        {
            var pod = await WaitForPodAsync(name, stop).ConfigureAwait(false);
            run = new JobLoadRun(cluster.Api, _time, pod, plan, () => DeleteAsync(name));
            await run.WaitForStartAsync(stop).ConfigureAwait(false);
            say(Begun(pod, run));
            return run;
        }
        catch
        {
            await DeleteAsync(name).ConfigureAwait(false);
            if (run is not null)
            {
                await run.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }
    }

    /// <summary>Ends the load of a run that was killed before it could.</summary>
    public async Task SweepAsync(CancellationToken stop)
    {
        var jobs = await cluster.Api.ListAsync(ResourceTypes.Jobs, new ResourceScope(Names.Namespace, $"app={Names.LoadGenerator}"), stop).ConfigureAwait(false);
        foreach (var left in jobs.Items.Where(job => job.Metadata.Name.StartsWith($"{Names.LoadGenerator}-", StringComparison.Ordinal) && job.Metadata.DeletionTimestamp is null))
        {
            say($"ending the load of an earlier run: Job {left.Metadata.Name}");
            await DeleteAsync(left.Metadata.Name).ConfigureAwait(false);
        }
    }

    /// <summary>The image beside another of the same build: <c>registry/team/resilience-web:1.2</c> → <c>registry/team/resilience-load-generator:1.2</c>.</summary>
    /// <returns>Null when the other one is no image of ours, or is named by a digest, which says nothing about ours.</returns>
    internal static string? Sibling(string? image)
    {
        var at = image?.LastIndexOf("resilience-web", StringComparison.Ordinal) ?? -1;
        return at < 0 || (at > 0 && image![at - 1] != '/') || image!.Contains('@', StringComparison.Ordinal)
            ? null
            : $"{image[..at]}resilience-{Names.LoadGenerator}{image[(at + "resilience-web".Length)..]}";
    }

    private static string Begun(V1Pod pod, JobLoadRun run)
    {
        var off = run.ClockDifference.TotalMilliseconds;
        var clocks = Math.Abs(off) < 1000 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"; its clock differs from this machine's by {off / 1000:+0.0;-0.0} s, which is left out of the report");
        return $"load comes from pod {pod.Metadata.Name}{(pod.Spec.NodeName is { } node ? $" on node {node}" : string.Empty)}{clocks}";
    }

    private async Task<JsonObject> JobAsync(string name, LoadPlan plan, CancellationToken stop)
    {
        var manifest = ManifestSet.Load(Path.Combine(BuiltPrograms.Manifests(), "load")).WithImages(prefix, tag).Items.Single(item => item.Kind == "Job");
        var body = (JsonObject)manifest.Body.DeepClone();
        body["metadata"]!["name"] = name;
        body["spec"]!["activeDeadlineSeconds"] = (long)(plan.Duration + plan.Timeout + Allowance).TotalSeconds;
        foreach (var container in body["spec"]!["template"]!["spec"]!["containers"]!.AsArray().OfType<JsonObject>())
        {
            ManifestChanges.SetVariables(container, new Dictionary<string, string> { ["LOAD_PLAN"] = LoadLog.Plan(plan) });
            if (prefix is null && tag is null && Sibling(await WebImageAsync(stop).ConfigureAwait(false)) is { } sibling)
            {
                container["image"] = sibling;
            }
        }

        return body;
    }

    private async Task<string?> WebImageAsync(CancellationToken stop)
    {
        try
        {
            var web = await cluster.Api.FindAsync(ResourceTypes.Deployments, Names.Namespace, Names.Deployment("blue"), stop).ConfigureAwait(false);
            return web?.Spec.Template.Spec.Containers is { Count: > 0 } containers ? containers[0].Image : null;
        }
        catch (ClusterException refused) when (refused.IsForbidden)
        {
            return null;   // Then it is the manifest's.
        }
    }

    /// <summary>Until its container runs, or has run; what stands in the way is said as soon as waiting cannot help.</summary>
    private async Task<V1Pod> WaitForPodAsync(string job, CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        (string Kind, long Since)? trouble = null;
        while (true)
        {
            var pod = await cluster.PodsAsync($"job-name={job}", stop).ConfigureAwait(false) is [var first, ..] ? first : null;
            if (pod?.Status?.ContainerStatuses is [{ State: { } state }, ..] && (state.Running is not null || state.Terminated is not null))
            {
                return pod;
            }

            if (pod is not null && PodTrouble.Of(pod) is { } seen)
            {
                trouble = trouble?.Kind == seen.Kind ? trouble : (seen.Kind, _time.GetTimestamp());
                if (_time.GetElapsedTime(trouble.Value.Since) > (seen.Kind is "image" or "configuration" ? ImagePatience : RoomPatience))
                {
                    throw new LabException(seen.Text, seen.Kind == "scheduling" ? "Free some resources, or load from here (--load-from lab)." : seen.Next);
                }
            }

            if (pod is null && await RefusalAsync(job, stop).ConfigureAwait(false) is { } refusal)
            {
                throw new LabException($"the cluster refuses the load generator's pod: {refusal}", "A quota, a limit or an admission policy is the cause; its owner can say which. --load-from lab needs no pod.");
            }

            if (_time.GetElapsedTime(started) > StartLimit)
            {
                throw new LabException(
                    $"after {StartLimit.TotalSeconds:0} s the load generator's pod is {pod?.Status?.Phase ?? "not there"}",
                    $"\"kubectl{cluster.Selection} -n {Names.Namespace} get events\" says more; --load-from lab needs no pod.");
            }

            await Task.Delay(Look, _time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Why the Job cannot make its pod, in the API server's words.</summary>
    private async Task<string?> RefusalAsync(string job, CancellationToken stop)
    {
        try
        {
            var events = await cluster.Api.ListAsync(ResourceTypes.Events, new ResourceScope(Names.Namespace, null, $"involvedObject.name={job}"), stop).ConfigureAwait(false);
            return events.Items.FirstOrDefault(item => item.Reason == "FailedCreate")?.Message?.ReplaceLineEndings(" ").TrimEnd('.');
        }
        catch (ClusterException refused) when (refused.IsForbidden)
        {
            return null;   // Then the time limit has to do.
        }
    }

    /// <summary>Also after Ctrl-C. What cannot be deleted now goes by the Job's own limits.</summary>
    private async Task DeleteAsync(string job)
    {
        using var limit = new CancellationTokenSource(DeleteLimit, _time);
        try
        {
            _ = await cluster.Api.DeleteAsync(ResourceTypes.Jobs, Names.Namespace, job, limit.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is ClusterException or OperationCanceledException)
        {
            say($"the Job {job} could not be deleted: {failure.Message}; it ends and goes by itself");
        }
    }
}
