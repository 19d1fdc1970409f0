using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.Lab.Agent;

/// <summary>The memory of the leading scaling agent, read through the API server: the way that exists on every cluster.</summary>
internal sealed class AgentClient
{
    private readonly ClusterApi _api;

    private AgentClient(ClusterApi api, string pod) => (_api, Pod) = (api, pod);

    public string Pod { get; }

    /// <exception cref="LabException">No agent runs, or none leads.</exception>
    public static async Task<AgentClient> FindAsync(ClusterApi api, CancellationToken stop)
    {
        var agents = (await api.ListAsync(ResourceTypes.Pods, new ResourceScope(Names.Namespace, $"app={Names.Agent}"), stop).ConfigureAwait(false)).Items;
        var lease = await api.FindAsync(ResourceTypes.Leases, Names.Namespace, Names.Agent, stop).ConfigureAwait(false);
        return Choose([.. agents.Where(IsRunning).Select(pod => pod.Metadata.Name)], lease?.Spec?.HolderIdentity) is { } chosen
            ? new AgentClient(api, chosen)
            : agents.Count == 0
                ? throw new LabException($"no scaling agent runs in namespace {Names.Namespace}", "Deploy one with \"kubectl apply -k k8s/intelligent\".")
                : throw new LabException("no scaling agent leads at present", $"Try again in a few seconds; \"kubectl -n {Names.Namespace} get pods -l app={Names.Agent}\" shows what they do.");
    }

    /// <summary>The leader if it runs; a single agent needs no Lease to be the one.</summary>
    /// <param name="holder">The Lease's holder: named after its pod, perhaps with a suffix.</param>
    internal static string? Choose(IReadOnlyList<string> running, string? holder) =>
        running.Where(name => holder?.StartsWith(name, StringComparison.Ordinal) == true).MaxBy(name => name.Length) ?? (running is [var only] ? only : null);

    public Task<LedgerPage> ListAsync(LedgerQuery query, CancellationToken stop) => GetAsync(query.Path, LedgerViewJson.Default.LedgerPage, stop);

    public Task<EntryFound> FindAsync(long number, CancellationToken stop) => GetAsync($"ledger/{number}", LedgerViewJson.Default.EntryFound, stop);

    public Task<LedgerVerification> VerifyAsync(CancellationToken stop) => GetAsync("ledger/verify", LedgerViewJson.Default.LedgerVerification, stop);

    public Task<LearnedPage> LearnedAsync(CancellationToken stop) => GetAsync("learned", LedgerViewJson.Default.LearnedPage, stop);

    public async Task<ResetView> ResetAsync(string ns, string name, bool withDemand, CancellationToken stop)
    {
        var token = await LabCluster.ReadTokenAsync(_api, Names.AgentResetSecret, stop).ConfigureAwait(false)
            ?? throw new LabException($"the Secret {Names.AgentResetSecret} with the key \"token\" is missing", "Without it nobody may reset what the agent learned; k8s/intelligent shows how to set it.");
        var path = $"learned/{Uri.EscapeDataString(ns)}/{Uri.EscapeDataString(name)}?demand={(withDemand ? "true" : "false")}";
        return await SendAsync(HttpMethod.Delete, path, LedgerViewJson.Default.ResetView, new Dictionary<string, string> { ["X-Reset-Token"] = token }, stop).ConfigureAwait(false);
    }

    private static bool IsRunning(V1Pod pod) => pod.Status?.Phase == "Running" && pod.Metadata.DeletionTimestamp is null;

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> json, CancellationToken stop) => SendAsync(HttpMethod.Get, path, json, null, stop);

    private async Task<T> SendAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> json, Dictionary<string, string>? headers, CancellationToken stop)
    {
        try
        {
            var text = await _api.SendRawAsync(method, ApiPath.Management(Pod, path), null, stop, headers).ConfigureAwait(false);
            return JsonSerializer.Deserialize(text, json) ?? throw new JsonException("the answer is empty");
        }
        catch (ClusterException ex) when (ex.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.Unauthorized or HttpStatusCode.ServiceUnavailable)
        {
            throw new LabException($"the scaling agent {Pod} says: {ex.Message.TrimEnd('.')}");
        }
        catch (JsonException ex)
        {
            throw new LabException($"the answer of the scaling agent {Pod} cannot be read ({ex.Message.TrimEnd('.')})", "Are the agent and this lab of the same release?");
        }
    }
}

/// <summary>Which entries of the ledger are asked for.</summary>
/// <param name="After">The oldest entries after this one, instead of the newest of all.</param>
internal sealed record LedgerQuery(string? Scaler, string? Kind, int Limit, long? After = null)
{
    public string Path
    {
        get
        {
            var parts = new List<string> { $"limit={Limit}" };
            foreach (var (name, value) in (ReadOnlySpan<(string, string?)>)[("scaler", Scaler), ("kind", Kind), ("after", After?.ToString(System.Globalization.CultureInfo.InvariantCulture))])
            {
                if (value is not null)
                {
                    parts.Add($"{name}={Uri.EscapeDataString(value)}");
                }
            }

            return "ledger?" + string.Join('&', parts);
        }
    }
}
