using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>The API server refused, in its own words.</summary>
internal sealed class KubernetesApiException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;
}

/// <summary>
/// The cluster of a kubeconfig, over plain HTTP: the AppHost must not bring a second version of KubernetesClient into the process that
/// hosts Aspire's own. The file, with the authority and a token, is read on first use, because the cluster writes it when it starts.
/// </summary>
internal sealed class KubernetesApi(string kubeconfig) : IDisposable
{
    private const string MergePatch = "application/merge-patch+json";
    private const string ApplyPatch = "application/apply-patch+yaml";
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private HttpClient? _http;

    public string Kubeconfig => kubeconfig;

    /// <summary>The object at a path below the server, such as <c>api/v1/nodes</c>.</summary>
    /// <exception cref="KubernetesApiException">The server refused.</exception>
    /// <exception cref="HttpRequestException">The server does not answer, or has not written its kubeconfig yet.</exception>
    public Task<JsonObject> GetAsync(string path, CancellationToken stop) => SendAsync(HttpMethod.Get, path, null, null, stop);

    public Task<JsonObject> CreateAsync(string path, JsonObject body, CancellationToken stop) => SendAsync(HttpMethod.Post, path, body, "application/json", stop);

    public Task<JsonObject> PatchAsync(string path, JsonObject merge, CancellationToken stop) => SendAsync(HttpMethod.Patch, path, merge, MergePatch, stop);

    public Task<JsonObject> PutAsync(string path, JsonObject body, CancellationToken stop, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Put, path, body, "application/json", stop, headers);

    public Task<JsonObject> DeleteAsync(string path, CancellationToken stop, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Delete, path, null, null, stop, headers);

    /// <summary>Server-side apply.</summary>
    public Task<JsonObject> ApplyAsync(string path, JsonObject body, CancellationToken stop) =>
        SendAsync(HttpMethod.Patch, $"{path}?fieldManager=apphost&force=true", body, ApplyPatch, stop);

    /// <summary>Lines as they are written; ends with the container.</summary>
    public async IAsyncEnumerable<string> FollowLogAsync(string podPath, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        using var answer = await Client().GetAsync(new Uri($"{podPath}/log?follow=true", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, stop).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode)
        {
            yield break;
        }

        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(stop).ConfigureAwait(false));
        while (await lines.ReadLineAsync(stop).ConfigureAwait(false) is { } line)
        {
            yield return line;
        }
    }

    /// <summary>Reads the kubeconfig again on the next request.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _http = null;
        }
    }

    public void Dispose() => _http?.Dispose();

    private async Task<JsonObject> SendAsync(
        HttpMethod method, string path, JsonObject? body, string? contentType, CancellationToken stop, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType!);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(RequestLimit);
        using var answer = await Client().SendAsync(request, limit.Token).ConfigureAwait(false);
        var text = await answer.Content.ReadAsStringAsync(limit.Token).ConfigureAwait(false);
        var json = ParseObject(text);
        return answer.IsSuccessStatusCode ? json ?? []
            : throw new KubernetesApiException(answer.StatusCode, (string?)json?["message"] ?? (string?)json?["detail"] ?? $"{(int)answer.StatusCode} {answer.ReasonPhrase}");
    }

    private static JsonObject? ParseObject(string text)
    {
        try
        {
            return text.Length == 0 ? null : JsonNode.Parse(text) as JsonObject;
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private HttpClient Client()
    {
        lock (_gate)
        {
            return _http ??= Connect(kubeconfig);
        }
    }

    /// <remarks>Requests that still run keep the client alive that <see cref="Forget"/> dropped; its handler goes with them.</remarks>
    private static HttpClient Connect(string kubeconfig)
    {
        JsonObject cluster, user;
        try
        {
            var config = (JsonObject)YamlJson.Parse(File.ReadAllText(kubeconfig))[0].Document;
            var context = Named(config, "contexts", (string)config["current-context"]!, "context");
            cluster = Named(config, "clusters", (string)context["cluster"]!, "cluster");
            user = Named(config, "users", (string)context["user"]!, "user");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new HttpRequestException($"{kubeconfig} cannot be read: {unreadable.Message}", unreadable);
        }

        var authority = X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(Convert.FromBase64String((string)cluster["certificate-authority-data"]!)));
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(3) };
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck,
        };
        var http = new HttpClient(handler) { BaseAddress = new Uri(((string)cluster["server"]!).TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new("Bearer", (string)user["token"]!);
        return http;
    }

    private static JsonObject Named(JsonObject config, string list, string name, string member) =>
        (JsonObject)((JsonArray)config[list]!).First(entry => (string?)entry!["name"] == name)![member]!;

}
