using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Cluster;

/// <summary>The cluster as the lab's commands see it: the demo's slots, their pods, and the ways to hurt them.</summary>
internal sealed class LabCluster : IDisposable
{
    /// <summary>Word of an embedded cluster, in reports and experiments.</summary>
    public const string EmbeddedKind = "embedded";

    /// <summary>Word of every other cluster.</summary>
    public const string KubernetesKind = "kubernetes";

    /// <summary>What the embedded cluster's version ends with.</summary>
    private const string EmbeddedVersionSuffix = "+resilience-lab";

    /// <summary>Generous: on a laptop that is busy building, TLS with a cluster that has just started takes seconds.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(8);

    private readonly ClusterConnection _connection;
    private string? _faultToken;

    private LabCluster(ClusterConnection connection, string? kubeconfig, TimeProvider time, bool embedded)
    {
        _connection = connection;
        Selection = $"{(kubeconfig is null ? string.Empty : $" --kubeconfig {kubeconfig}")}{(Context is null ? string.Empty : $" --context {Context}")}";
        Time = time;
        IsEmbedded = embedded;
    }

    public ClusterApi Api => _connection.Api;

    public TimeProvider Time { get; }

    /// <summary>True on the embedded cluster, which alone has the drill API.</summary>
    public bool IsEmbedded { get; }

    /// <summary>Context in the kubeconfig; null without one.</summary>
    public string? Context => _connection.Context;

    /// <summary>Namespace that the context names; <c>default</c> when it names none.</summary>
    public string DefaultNamespace => _connection.DefaultNamespace;

    /// <summary>The options that choose this cluster again, for the lab's commands and for kubectl alike; begins with a space.</summary>
    public string Selection { get; }

    /// <summary>The cluster in messages.</summary>
    public string Title => Context is null ? $"the cluster at {Api.Server.Authority}" : $"the cluster of context \"{Context}\" ({Api.Server.Authority})";

    /// <summary>Word for reports: no embedded figure may pass for one of a real cluster.</summary>
    public string Kind => IsEmbedded ? EmbeddedKind : KubernetesKind;

    public static async Task<LabCluster> ConnectAsync(string? kubeconfig, string? context, TimeProvider time, CancellationToken stop)
    {
        if (context is not null && ClusterConnection.Contexts(kubeconfig) is { Count: > 0 } known && !known.Contains(context))
        {
            throw Suggest.Unknown("context", context, known);
        }

        var connection = ClusterConnection.Create(new ClusterConnectionOptions { KubeconfigPath = kubeconfig, Context = context, UserAgent = "lab", ConnectTimeout = ConnectTimeout }, time);
        try
        {
            var version = await connection.VerifyAsync(stop).ConfigureAwait(false);
            return new LabCluster(connection, kubeconfig, time, version.EndsWith(EmbeddedVersionSuffix, StringComparison.Ordinal));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public async Task<IReadOnlyList<V1Pod>> PodsAsync(string labelSelector, CancellationToken stop)
    {
        var pods = await Api.ListAsync(ResourceTypes.Pods, new ResourceScope(Names.Namespace, labelSelector), stop).ConfigureAwait(false);
        return [.. pods.Items.OrderBy(pod => pod.Metadata.Name, StringComparer.Ordinal)];
    }

    public static string SlotSelector(string slot) => $"app=web,version={slot}";

    public async Task<string> ActiveSlotAsync(CancellationToken stop)
    {
        var service = await Api.GetAsync(ResourceTypes.Services, Names.Namespace, Names.Service, stop).ConfigureAwait(false);
        return service.Spec.Selector is { } selector && selector.TryGetValue("version", out var slot) && Names.Slots.Contains(slot)
            ? slot
            : throw new LabException($"the selector of Service {Names.Service} matches neither slot", "Put it right with \"kubectl -n distributed-resilience edit service web\".");
    }

    public Task SignalAsync(string pod, string signal, CancellationToken stop) =>
        Api.SendRawAsync(HttpMethod.Put, ApiPath.Signal(pod), new JsonObject { ["signal"] = signal }, stop);

    /// <param name="faults">Null heals.</param>
    public async Task SetFaultsAsync(string pod, JsonObject? faults, CancellationToken stop)
    {
        _faultToken ??= await ReadTokenAsync(Api, Names.FaultSecret, stop).ConfigureAwait(false)
            ?? throw new LabException($"the Secret {Names.FaultSecret} with the key \"token\" is missing", "Apply k8s/base, which has it: without the token the web pods take no faults.");
        var headers = new Dictionary<string, string> { ["X-Fault-Token"] = _faultToken };
        _ = await Api.SendRawAsync(faults is null ? HttpMethod.Delete : HttpMethod.Put, ApiPath.Faults(pod), faults, stop, headers).ConfigureAwait(false);
    }

    /// <param name="fault">Null heals.</param>
    public Task SetNetworkAsync(string service, JsonObject? fault, CancellationToken stop) =>
        Api.SendRawAsync(fault is null ? HttpMethod.Delete : HttpMethod.Put, ApiPath.Network(service), fault, stop);

    /// <summary>Ends with one clear line when the cluster does not know the custom resources.</summary>
    public async Task RequireDefinitionsAsync(CancellationToken stop)
    {
        try
        {
            _ = await Api.SendRawAsync(HttpMethod.Get, $"apis/{ResilienceApi.GroupVersion}", null, stop).ConfigureAwait(false);
        }
        catch (ClusterException unknown) when (unknown.IsNotFound)
        {
            throw new LabException($"{Title} does not know BlueGreens: their CustomResourceDefinitions are not installed", "\"./lab deploy\" installs them.");
        }
    }

    /// <summary>The key "token" of a Secret; null when there is none.</summary>
    public static async Task<string?> ReadTokenAsync(ClusterApi api, string secretName, CancellationToken stop)
    {
        var secret = await api.FindAsync(ResourceTypes.Secrets, Names.Namespace, secretName, stop).ConfigureAwait(false);
        return secret?.Data is { } data && data.TryGetValue("token", out var token) ? Encoding.UTF8.GetString(token).Trim() : null;
    }

    public void Dispose() => _connection.Dispose();
}
