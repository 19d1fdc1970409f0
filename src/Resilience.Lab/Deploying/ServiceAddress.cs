using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>Finds where the demo's Service answers from here: its load balancer, or its NodePort on a node's address.</summary>
internal static class ServiceAddress
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(2);

    /// <summary>Where pods of the cluster find it.</summary>
    public static Uri InCluster { get; } = new($"http://{Names.Service}.{Names.Namespace}.svc/");

    /// <returns>Null when none of the addresses answers with a pod of this cluster.</returns>
    public static async Task<Uri?> FindAsync(ClusterApi api, CancellationToken stop)
    {
        var service = await api.GetAsync(ResourceTypes.Services, Names.Namespace, Names.Service, stop).ConfigureAwait(false);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = AnswerLimit }) { Timeout = AnswerLimit };
        foreach (var candidate in await CandidatesAsync(api, service, stop).ConfigureAwait(false))
        {
            if (await AnswersAsync(api, http, candidate, stop).ConfigureAwait(false))
            {
                return candidate;
            }
        }

        return null;
    }

    public static string PortForward(string selection) =>
        $"kubectl{selection} -n {Names.Namespace} port-forward service/{Names.Service} 8080:80";

    public static LabException Unreachable(string selection) => new(
        $"no address of Service {Names.Service} answers from here (its NodePort is {Names.NodePort})",
        $"Name one with --url, or open a way with \"{PortForward(selection)}\" and use --url http://127.0.0.1:8080/ (a port-forward stays with one pod: failovers break it).");

    private static async Task<IReadOnlyList<Uri>> CandidatesAsync(ClusterApi api, V1Service service, CancellationToken stop)
    {
        var port = service.Spec.Ports?.FirstOrDefault(each => each.Name == "http") ?? service.Spec.Ports?.FirstOrDefault();
        var hosts = (service.Status?.LoadBalancer?.Ingress ?? []).Select(ingress => (Host: (string?)(ingress.Ip ?? ingress.Hostname), Port: port?.Port)).ToList();
        if (port?.NodePort is > 0)
        {
            try
            {
                var nodes = await api.ListAsync(ResourceTypes.Nodes, new ResourceScope(), stop).ConfigureAwait(false);
                var addresses = nodes.Items.SelectMany(node => node.Status?.Addresses ?? []).ToArray();
                hosts.AddRange(addresses.Where(address => address.Type == "ExternalIP").Concat(addresses.Where(address => address.Type == "InternalIP"))
                    .Take(6).Select(address => (Host: (string?)address.Address, Port: port.NodePort)));
            }
            catch (ClusterException refused) when (refused.IsForbidden)
            {
                // Then only this machine is tried.
            }

            // Where the nodes are containers (kind, k3d), their ports may have been mapped to this machine.
            hosts.Add(("127.0.0.1", port.NodePort));
        }

        return [.. hosts.Where(host => host is { Host: not null, Port: not null }).Select(host => new UriBuilder("http", host.Host!, host.Port!.Value).Uri).Distinct()];
    }

    /// <summary>What answers must be a pod of this cluster: another lab may have the same port on this machine.</summary>
    private static async Task<bool> AnswersAsync(ClusterApi api, HttpClient http, Uri candidate, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(candidate, stop).ConfigureAwait(false);
            return answer.IsSuccessStatusCode
                && answer.Headers.TryGetValues("X-Pod", out var pod)
                && await api.FindAsync(ResourceTypes.Pods, Names.Namespace, pod.First(), stop).ConfigureAwait(false) is not null;
        }
        catch (Exception silent) when (silent is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
        {
            return false;
        }
    }
}
