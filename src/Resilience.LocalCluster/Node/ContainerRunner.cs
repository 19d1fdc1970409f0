using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node.Probing;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>Starts, probes, stops and buries single containers for a pod's worker.</summary>
internal sealed class ContainerRunner(NodeServices node, Action wake)
{
    private static readonly TimeSpan ConfigRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PullErrorShown = TimeSpan.FromSeconds(1);

    /// <summary>Notes the end of a run: what it was, and whether and when another may follow.</summary>
    public void CollectExit(StoredObject pod, ContainerState container, bool restart)
    {
        if (container.Running is not { Exited: { IsCompletedSuccessfully: true, Result: var exit } } ended)
        {
            return;
        }

        container.EndProbes();
        container.Running = null;
        container.Stopping = false;
        container.LastId = ended.Id;
        var reason = exit.OutOfMemory ? "OOMKilled" : exit.Code == 0 ? "Completed" : "Error";
        var terminated = Terminated(exit.Code, reason, null, ended.StartedAt, exit.At, ended.Id);
        if (!restart)
        {
            container.Terminated = terminated;
            return;
        }

        container.LastTerminated = terminated;
        PlanRestart(pod, container, exit.At);
    }

    public void Start(StoredObject pod, ContainerState container, string address, DateTimeOffset now)
    {
        if (!ImagePresent(pod, container, now))
        {
            return;
        }

        ContainerLaunch launch;
        try
        {
            launch = Launch(pod, container, address);
        }
        catch (ContainerConfigException ex)
        {
            node.Events.Warning(pod, "kubelet", "Failed", $"Error: {ex.Message}", PodWorker.FieldPath(container));
            container.Wait("CreateContainerConfigError", ex.Message, now + ConfigRetry);
            return;
        }

        container.RestartCount = container.LastTerminated is null ? 0 : container.RestartCount + 1;
        container.Attempts++;
        node.Events.Normal(pod, "kubelet", "Created", "Container created", PodWorker.FieldPath(container));
        if (container.LastTerminated is { } last)
        {
            container.Restarts.Advance(last.Time("finishedAt") ?? now, now);
        }

        try
        {
            container.Running = node.Runtime.Start(launch);
        }
        catch (ContainerStartException ex)
        {
            node.Events.Warning(pod, "kubelet", "Failed", $"Error: {ex.Message}", PodWorker.FieldPath(container));
            container.LastTerminated = Terminated(ex.ExitCode, "StartError", ex.Message, DateTimeOffset.UnixEpoch, now, null);
            PlanRestart(pod, container, now);
            if (container.NotBefore <= now)
            {
                container.Wait("RunContainerError", ex.Message, now);
            }

            return;
        }

        container.WaitingReason = container.WaitingMessage = null;
        node.Events.Normal(pod, "kubelet", "Started", "Container started", PodWorker.FieldPath(container));
        Follow(pod, container, container.Running, address);
    }

    /// <summary>preStop, SIGTERM, and SIGKILL when the grace period is over or <paramref name="impatient"/> says so.</summary>
    public void Stop(ContainerState container, string address, TimeSpan grace, CancellationToken impatient)
    {
        container.Stopping = true;
        _ = StopAsync(container.Running!, container.Spec, address, grace, impatient);
    }

    private async Task StopAsync(IRunningContainer run, JsonObject spec, string address, TimeSpan grace, CancellationToken impatient)
    {
        using var late = new CancellationTokenSource(grace, node.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, impatient);
        try
        {
            if (spec.Object("lifecycle", "preStop") is { } hook)
            {
                await PreStopAsync(hook, spec, address, either.Token).ConfigureAwait(false);
            }

            run.Signal(ContainerSignal.Terminate);
            _ = await run.Exited.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            run.Signal(ContainerSignal.Kill);
        }
    }

    private async Task PreStopAsync(JsonObject hook, JsonObject spec, string address, CancellationToken cancellationToken)
    {
        if (hook.Long("sleep", "seconds") is { } seconds)
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds), node.Clock, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            var probe = new ProbeSpec(ProbeKind.Liveness, hook, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromMinutes(1), 1, 1);
            _ = await node.Prober.ProbeAsync(probe, spec, address, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool ImagePresent(StoredObject pod, ContainerState container, DateTimeOffset now)
    {
        if (node.Runtime.HasImage(container.Image))
        {
            node.Events.Normal(pod, "kubelet", "Pulled",
                $"Container image \"{container.Image}\" already present on machine and can be accessed by the pod", PodWorker.FieldPath(container));
            return true;
        }

        var path = PodWorker.FieldPath(container);
        var why = $"failed to pull image \"{container.Image}\": not in the image table of this cluster";
        if (container.Spec.String("imagePullPolicy") == "Never")
        {
            node.Events.Warning(pod, "kubelet", "ErrImageNeverPull", $"Container image \"{container.Image}\" is not present with pull policy of Never", path);
            container.Wait("ErrImageNeverPull", $"Container image \"{container.Image}\" is not present with pull policy of Never", now + RestartBackOff.First);
        }
        else if (container.WaitingReason == "ErrImagePull")
        {
            node.Events.Normal(pod, "kubelet", "BackOff", $"Back-off pulling image \"{container.Image}\"", path);
            node.Events.Warning(pod, "kubelet", "Failed", "Error: ImagePullBackOff", path);
            container.Wait("ImagePullBackOff", $"Back-off pulling image \"{container.Image}\": ErrImagePull: {why}", now + container.Pulls.Delay);
        }
        else
        {
            node.Events.Normal(pod, "kubelet", "Pulling", $"Pulling image \"{container.Image}\"", path);
            node.Events.Warning(pod, "kubelet", "Failed", $"Failed to pull image \"{container.Image}\": {why}", path);
            node.Events.Warning(pod, "kubelet", "Failed", "Error: ErrImagePull", path);
            container.Pulls.Advance(now, now);
            container.Wait("ErrImagePull", why, now + PullErrorShown);
        }

        return false;
    }

    private ContainerLaunch Launch(StoredObject pod, ContainerState container, string address)
    {
        var environment = ContainerEnvironment.Resolve(node.Store, pod, container.Spec, address, node.Network.NodeAddress.ToString());
        if (node.Kubeconfigs is { } kubeconfigs && pod.Spec.Bool("automountServiceAccountToken") != false)
        {
            _ = environment.TryAdd("KUBECONFIG",
                kubeconfigs.PathFor(pod.Namespace!, pod.Spec.String("serviceAccountName") is { Length: > 0 } account ? account : "default"));
        }

        if (node.Volumes.MountsOf(node.Store, pod, container.Spec) is { Count: > 0 } mounts)
        {
            environment[NodeVolumes.Variable] = mounts.ToJsonString();
        }

        List<string> Words(string field) =>
            [.. (container.Spec.Array(field) ?? []).Select(word => ContainerEnvironment.Expand(word.String() ?? "", environment))];
        var limits = container.Spec.Object("resources", "limits");
        return new ContainerLaunch(
            pod.Namespace!, pod.Name, pod.Uid, container.Name, container.Image, address, Words("command"), Words("args"), environment)
        {
            WorkingDirectory = container.Spec.String("workingDir"),
            Limits = new(Quantity.Milli(limits.String("cpu")), Quantity.Whole(limits.String("memory"))),
            Attempt = container.Attempts,
        };
    }

    private void Follow(StoredObject pod, ContainerState container, IRunningContainer run, string address)
    {
        _ = run.Exited.ContinueWith(_ => wake(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        container.EndProbes();
        if (run.Readiness is { } simulated)
        {
            container.Started = true;
            simulated.Changed += wake;
            return;
        }

        // Not disposed: the probe loops hold its token until they have ended, and a source without a timer holds nothing.
        var all = new CancellationTokenSource();
        var health = CancellationTokenSource.CreateLinkedTokenSource(all.Token);
        container.Probes = all;
        container.HealthProbes = health;
        container.Started = ProbeSpec.Read(container.Spec, ProbeKind.Startup) is null;
        container.ProbedReady = ProbeSpec.Read(container.Spec, ProbeKind.Readiness) is null;
        foreach (var kind in (ReadOnlySpan<ProbeKind>)[ProbeKind.Startup, ProbeKind.Readiness, ProbeKind.Liveness])
        {
            if (ProbeSpec.Read(container.Spec, kind) is not { } spec)
            {
                continue;
            }

            var worker = new ProbeWorker(spec, container.Spec, address, node.Prober, node.Clock,
                (probe, healthy, outcome) => Judge(pod, container, run, probe, healthy, outcome));
            container.ReadinessWorker = kind == ProbeKind.Readiness ? worker : container.ReadinessWorker;
            _ = worker.RunAsync(
                () => container.Started != (kind == ProbeKind.Startup),
                kind == ProbeKind.Readiness ? all.Token : health.Token);
        }
    }

    private void Judge(
        StoredObject pod, ContainerState container, IRunningContainer run, ProbeSpec probe, bool? healthy, ProbeOutcome outcome)
    {
        if (run.Exited.IsCompleted || !ReferenceEquals(container.Running, run))
        {
            return;
        }

        if (!outcome.Success)
        {
            node.Events.Warning(pod, "kubelet", "Unhealthy", $"{probe.Kind} probe failed: {outcome.Output}", PodWorker.FieldPath(container));
        }

        switch (probe.Kind)
        {
            case ProbeKind.Readiness when healthy is { } ready && ready != container.ProbedReady:
                container.ProbedReady = ready;
                wake();
                break;
            case ProbeKind.Startup when healthy == true:
                container.Started = true;
                container.ReadinessWorker?.Trigger();
                wake();
                break;
            case ProbeKind.Liveness or ProbeKind.Startup when healthy == false && container.Unhealthy is null:
                container.Unhealthy = probe.Kind == ProbeKind.Liveness ? "liveness" : "startup";
                wake();
                break;
        }
    }

    private void PlanRestart(StoredObject pod, ContainerState container, DateTimeOffset ended)
    {
        var allowed = container.Restarts.NotBefore(ended);
        container.NotBefore = allowed;
        if (allowed > ended)
        {
            var delay = container.Restarts.Delay;
            var shown = delay.TotalSeconds >= 60 ? $"{(int)delay.TotalMinutes}m{delay.Seconds}s" : $"{(int)delay.TotalSeconds}s";
            node.Events.Warning(pod, "kubelet", "BackOff",
                $"Back-off restarting failed container {container.Name} in pod {pod.Name}_{pod.Namespace}({pod.Uid})", PodWorker.FieldPath(container));
            container.Wait("CrashLoopBackOff",
                $"back-off {shown} restarting failed container={container.Name} pod={pod.Name}_{pod.Namespace}({pod.Uid})", allowed);
        }
    }

    private static JsonObject Terminated(int code, string reason, string? message, DateTimeOffset started, DateTimeOffset finished, string? id)
    {
        var terminated = new JsonObject();
        if (id is not null)
        {
            terminated["containerID"] = id;
        }

        terminated["exitCode"] = code;
        terminated["finishedAt"] = finished.ToKubernetesTime();
        if (message is not null)
        {
            terminated["message"] = message;
        }

        terminated["reason"] = reason;
        terminated["startedAt"] = started.ToKubernetesTime();
        return terminated;
    }
}
