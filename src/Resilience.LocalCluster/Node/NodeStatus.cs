using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>Publishes the node and renews its Lease, the heartbeat that a real control plane watches.</summary>
internal sealed class NodeStatus(ObjectStore store, TimeProvider clock, NodeOptions options, NodeNetwork network, IPodRuntime runtime) : IController
{
    private const string LeaseNamespace = "kube-node-lease";
    private const int LeaseSeconds = 40;
    private static readonly TimeSpan RenewInterval = TimeSpan.FromSeconds(10);

    private readonly ComponentStore _writes = new(store, clock, ComponentStore.Kubelet);

    public string Name => "node-status";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(RenewInterval, clock);
        do
        {
            PublishNode();
            RenewLease();
        }
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    private void PublishNode()
    {
        if (store.Get(ResourceTypes.Nodes, null, NodeOptions.NodeName) is null)
        {
            _ = _writes.Create(ResourceTypes.Nodes, null, new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["name"] = NodeOptions.NodeName,
                    ["labels"] = new JsonObject
                    {
                        ["beta.kubernetes.io/arch"] = Architecture,
                        ["beta.kubernetes.io/os"] = OperatingSystem.IsWindows() ? "windows" : "linux",
                        ["kubernetes.io/arch"] = Architecture,
                        ["kubernetes.io/hostname"] = NodeOptions.NodeName,
                        ["kubernetes.io/os"] = OperatingSystem.IsWindows() ? "windows" : "linux",
                    },
                },
                ["spec"] = new JsonObject(),
            });
        }

        _ = _writes.UpdateStatus(ResourceTypes.Nodes, null, NodeOptions.NodeName, Compose);
    }

    private static string Architecture => RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";

    private void Compose(JsonObject body)
    {
        var now = clock.GetUtcNow();
        var status = body.Ensure("status");
        status["addresses"] = new JsonArray(
            new JsonObject { ["address"] = network.NodeAddress.ToString(), ["type"] = "InternalIP" },
            new JsonObject { ["address"] = NodeOptions.NodeName, ["type"] = "Hostname" });
        JsonObject Resources() => new()
        {
            ["cpu"] = options.Cpu.ToString(CultureInfo.InvariantCulture),
            ["memory"] = (options.MemoryBytes / 1024).ToString(CultureInfo.InvariantCulture) + "Ki",
            ["pods"] = options.MaxPods.ToString(CultureInfo.InvariantCulture),
        };
        status["allocatable"] = Resources();
        status["capacity"] = Resources();
        _ = Objects.SetCondition(status, "MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available", now, "lastHeartbeatTime");
        _ = Objects.SetCondition(status, "DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now, "lastHeartbeatTime");
        _ = Objects.SetCondition(status, "PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available", now, "lastHeartbeatTime");
        _ = Objects.SetCondition(status, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now, "lastHeartbeatTime");
        status["nodeInfo"] = new JsonObject
        {
            ["architecture"] = Architecture,
            ["bootID"] = "",
            ["containerRuntimeVersion"] = runtime.Version,
            ["kernelVersion"] = Environment.OSVersion.Version.ToString(),
            ["kubeProxyVersion"] = "",
            ["kubeletVersion"] = Discovery.KubernetesVersion,
            ["machineID"] = "",
            ["operatingSystem"] = OperatingSystem.IsWindows() ? "windows" : "linux",
            ["osImage"] = RuntimeInformation.OSDescription,
            ["systemUUID"] = "",
        };
    }

    private void RenewLease()
    {
        var now = clock.GetUtcNow().ToKubernetesMicroTime();
        if (store.Get(ResourceTypes.Leases, LeaseNamespace, NodeOptions.NodeName) is null)
        {
            _ = _writes.Create(ResourceTypes.Leases, LeaseNamespace, new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = NodeOptions.NodeName },
                ["spec"] = new JsonObject { ["holderIdentity"] = NodeOptions.NodeName, ["leaseDurationSeconds"] = LeaseSeconds, ["renewTime"] = now },
            });
            return;
        }

        _ = _writes.Update(ResourceTypes.Leases, LeaseNamespace, NodeOptions.NodeName, body => body["spec"]!["renewTime"] = now);
    }
}
