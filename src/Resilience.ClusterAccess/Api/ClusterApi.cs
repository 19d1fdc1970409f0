using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace Resilience.ClusterAccess.Api;

/// <summary>
/// Typed requests to the API server over KubernetesClient's connection and credentials. Every failure is a
/// <see cref="ClusterException"/>; every request but a watch ends within the request timeout.
/// </summary>
public sealed class ClusterApi
{
    private const int PageSize = 500;
    private const int LogLineLimitBytes = 1024 * 1024;

    private readonly Kubernetes _client;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _requestTimeout;

    public ClusterApi(Kubernetes client, TimeProvider clock, TimeSpan requestTimeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(requestTimeout, TimeSpan.Zero);
        _client = client;
        _clock = clock;
        _requestTimeout = requestTimeout;
    }

    public Uri Server => _client.BaseUri;

    public Task<T> GetAsync<T>(ResourceType<T> type, string? ns, string name, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Get, type.Path(ns, name), null, ct);

    /// <returns>Null when the object does not exist.</returns>
    public async Task<T?> FindAsync<T>(ResourceType<T> type, string? ns, string name, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            return await GetAsync(type, ns, name, ct);
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Lists page by page; an expired page token starts again with one unpaged request.</summary>
    public async Task<ResourceList<T>> ListAsync<T>(ResourceType<T> type, ResourceScope scope, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            return await ListPagesAsync(type, scope, PageSize, ct);
        }
        catch (ClusterException ex) when (ex.IsExpired)
        {
            return await ListPagesAsync(type, scope, pageSize: 0, ct);
        }
    }

    /// <summary>
    /// Events after <paramref name="resourceVersion"/>, without delay. Ends when the server closes the watch, which it
    /// does after about <paramref name="lifetime"/>; throws <see cref="ClusterException"/> (410: list again) on errors.
    /// </summary>
    /// <param name="onOpened">Called once the server has accepted the watch, before any event.</param>
    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        ResourceType<T> type, ResourceScope scope, string resourceVersion, TimeSpan lifetime, Action? onOpened, [EnumeratorCancellation] CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var seconds = Math.Max(1, (int)lifetime.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var path = type.Path(scope.Namespace) + Query(
            [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", resourceVersion), ("timeoutSeconds", seconds), .. Selectors(scope)]);
        using var response = await OpenAsync(HttpMethod.Get, path, null, ct);
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        onOpened?.Invoke();
        await using var events = WatchStream.ReadAsync<T>(stream, ct).GetAsyncEnumerator(ct);
        while (await MoveNextAsync(events))
        {
            yield return events.Current;
        }
    }

    public Task<T> CreateAsync<T>(ResourceType<T> type, string? ns, T item, CancellationToken ct, string? fieldManager = null)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Post, type.Path(ns) + Query([("fieldManager", fieldManager)]), Body(item), ct);

    /// <summary>PUT. The item's resourceVersion is the precondition; leave it out only to overwrite blindly.</summary>
    public Task<T> ReplaceAsync<T>(ResourceType<T> type, T item, CancellationToken ct, string? subresource = null)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Put, type.Path(item.Metadata.NamespaceProperty, item.Metadata.Name, subresource), Body(item), ct);

    public Task<T> PatchAsync<T>(
        ResourceType<T> type, string? ns, string name, ResourcePatch patch, CancellationToken ct, string? fieldManager = null, string? subresource = null)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        SendAsync<T>(HttpMethod.Patch, type.Path(ns, name, subresource) + Query([("fieldManager", fieldManager)]), Body(patch), ct);

    /// <summary>Patches an object of any kind.</summary>
    public Task<JsonObject> PatchAsync(ResourceType type, string? ns, string name, ResourcePatch patch, string fieldManager, CancellationToken ct) =>
        SendAsync<JsonObject>(HttpMethod.Patch, type.Path(ns, name) + Query([("fieldManager", fieldManager)]), Body(patch), ct);

    /// <summary>Server-side apply of an object of any kind; a field that the kind does not have answers 400.</summary>
    /// <param name="force">Takes fields over that another manager owns; without it such a field answers 409.</param>
    public Task<JsonObject> ApplyAsync(ResourceType type, JsonObject item, string fieldManager, bool force, CancellationToken ct)
    {
        var name = (string?)item["metadata"]?["name"] ?? throw new ArgumentException("metadata.name is missing", nameof(item));
        var path = type.Path((string?)item["metadata"]?["namespace"], name) + Query([("fieldManager", fieldManager), ("force", force ? "true" : null), ("fieldValidation", "Strict")]);
        return SendAsync<JsonObject>(HttpMethod.Patch, path, Body(ResourcePatch.Apply(item)), ct);
    }

    /// <param name="uid">Deletes only this incarnation; another one answers 409.</param>
    /// <returns>False when there was nothing to delete.</returns>
    public async Task<bool> DeleteAsync(ResourceType type, string? ns, string name, CancellationToken ct, string? uid = null, TimeSpan? grace = null)
    {
        var options = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions", ["propagationPolicy"] = "Background" };
        if (uid is not null)
        {
            options["preconditions"] = new JsonObject { ["uid"] = uid };
        }

        if (grace is { } period)
        {
            options["gracePeriodSeconds"] = (long)period.TotalSeconds;
        }

        try
        {
            _ = await SendAsync<JsonObject>(HttpMethod.Delete, type.Path(ns, name), Content(options, "application/json"), ct);
            return true;
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            return false;
        }
    }

    /// <summary>
    /// The lines of a container's log: first those that are there, then those to come. Ends with the container, or when the connection does;
    /// a line that is not complete then is left out. Throws <see cref="ClusterException"/> on errors (400: the container has not started).
    /// </summary>
    public async IAsyncEnumerable<string> FollowLogAsync(string ns, string pod, string container, [EnumeratorCancellation] CancellationToken ct)
    {
        var path = ResourceTypes.Pods.Path(ns, pod, "log") + Query([("container", container), ("follow", "true")]);
        using var response = await OpenAsync(HttpMethod.Get, path, null, ct);
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        await using var lines = ReadLinesAsync(stream, ct).GetAsyncEnumerator(ct);
        while (await MoveNextAsync(lines))
        {
            yield return lines.Current;
        }
    }

    /// <summary>A request outside the typed ones: discovery, a pod's proxy, a drill. The path is relative to the server.</summary>
    public async Task<string> SendRawAsync(
        HttpMethod method, string path, JsonNode? body, CancellationToken ct, IReadOnlyDictionary<string, string>? headers = null)
    {
        using var timeout = new CancellationTokenSource(_requestTimeout, _clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        return await GuardAsync(
            async () =>
            {
                using var response = await OpenAsync(method, path, body is null ? null : Content(body, "application/json"), linked.Token, headers);
                return await response.Content.ReadAsStringAsync(linked.Token);
            },
            timeout.Token,
            ct);
    }

    private async Task<ResourceList<T>> ListPagesAsync<T>(ResourceType<T> type, ResourceScope scope, int pageSize, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var items = new List<T>();
        string? next = null;
        while (true)
        {
            var limit = pageSize == 0 ? null : pageSize.ToString(CultureInfo.InvariantCulture);
            var path = type.Path(scope.Namespace) + Query([("limit", limit), ("continue", next), .. Selectors(scope)]);
            var page = await SendAsync<ListPage<T>>(HttpMethod.Get, path, null, ct);
            items.AddRange(page.Items ?? []);
            next = page.Metadata.ContinueProperty;
            if (string.IsNullOrEmpty(next))
            {
                return new(items, page.Metadata.ResourceVersion ?? "");
            }
        }
    }

    private Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? content, CancellationToken ct)
        where T : class
    {
        return RunAsync();

        async Task<T> RunAsync()
        {
            using var timeout = new CancellationTokenSource(_requestTimeout, _clock);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
            return await GuardAsync(
                async () =>
                {
                    using var response = await OpenAsync(method, path, content, linked.Token);
                    await using var stream = await response.Content.ReadAsStreamAsync(linked.Token);
                    return await JsonSerializer.DeserializeAsync(stream, ClusterJson.TypeInfo<T>(), linked.Token)
                        ?? throw new ClusterException($"{method} {path}: the answer is empty");
                },
                timeout.Token,
                ct);
        }
    }

    /// <summary>Sends and returns once headers are here; a status other than 2xx becomes a <see cref="ClusterException"/>.</summary>
    private async Task<HttpResponseMessage> OpenAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken ct, IReadOnlyDictionary<string, string>? headers = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(_client.BaseUri, path)) { Content = content, Version = HttpVersion.Version20 };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        foreach (var (name, value) in headers ?? new Dictionary<string, string>())
        {
            _ = request.Headers.TryAddWithoutValidation(name, value);
        }

        if (_client.Credentials is { } credentials)
        {
            await credentials.ProcessHttpRequestAsync(request, ct);
        }

        HttpResponseMessage response;
        try
        {
            response = await _client.HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException ex)
        {
            throw Unreachable(ex);
        }
        catch (OperationCanceledException ex) when (ex.InnerException is TimeoutException && !ct.IsCancellationRequested)
        {
            // The connect timeout comes as a cancellation that nobody asked for.
            throw Unreachable(ex);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw Refused(request, response.StatusCode, await response.Content.ReadAsStringAsync(ct));
        }
    }

    /// <summary>Turns a timeout, a torn connection and unreadable JSON into <see cref="ClusterException"/>.</summary>
    private async Task<T> GuardAsync<T>(Func<Task<T>> send, CancellationToken timeout, CancellationToken caller)
    {
        try
        {
            return await send();
        }
        catch (OperationCanceledException ex) when (timeout.IsCancellationRequested && !caller.IsCancellationRequested)
        {
            throw new ClusterException($"the API server at {Server} did not answer within {_requestTimeout.TotalSeconds:0.###} s", ex);
        }
        catch (Exception ex) when (ex is HttpRequestException or IOException)
        {
            throw Unreachable(ex);
        }
        catch (Exception ex) when (ex is JsonException or FormatException)
        {
            throw new ClusterException($"the API server at {Server} sent an answer that cannot be read: {ex.Message}", ex);
        }
    }

    private async ValueTask<bool> MoveNextAsync<T>(IAsyncEnumerator<T> events)
    {
        try
        {
            return await events.MoveNextAsync();
        }
        catch (Exception ex) when (ex is HttpRequestException or IOException)
        {
            throw Unreachable(ex);
        }
    }

    private static async IAsyncEnumerable<string> ReadLinesAsync(Stream stream, [EnumeratorCancellation] CancellationToken ct)
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(ct);
                var buffer = read.Buffer;
                while (WatchStream.TryTakeLine(ref buffer, out var line))
                {
                    yield return Encoding.UTF8.GetString(line);
                }

                if (read.IsCompleted)
                {
                    yield break;
                }

                if (buffer.Length > LogLineLimitBytes)
                {
                    throw new ClusterException($"a line of the log exceeds {LogLineLimitBytes} bytes");
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private ClusterException Unreachable(Exception ex)
    {
        var inner = ex.InnerException;
        var cause = ex switch
        {
            _ when inner is SocketException socket => socket.SocketErrorCode switch
            {
                SocketError.ConnectionRefused => "connection refused",
                SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "host name cannot be resolved",
                _ => socket.Message,
            },
            _ when inner is AuthenticationException => "its certificate is not trusted: " + inner.Message,
            _ when inner is TimeoutException or OperationCanceledException => "connecting timed out",
            _ => ex.Message,
        };
        return new($"cannot reach the API server at {Server}: {cause.TrimEnd('.')}", ex);
    }

    private static ClusterException Refused(HttpRequestMessage request, HttpStatusCode code, string body)
    {
        V1Status? status = null;
        try
        {
            status = JsonSerializer.Deserialize(body, ClusterJson.TypeInfo<V1Status>());
        }
        catch (JsonException)
        {
            // Not every refusal comes from the API server itself: proxies answer in plain text.
        }

        // A Status may wrap what a kubelet answered, line ends and all.
        var text = (status?.Message ?? ProblemDetail(body) ?? (body.Length is > 0 and <= 200 ? body : "")).ReplaceLineEndings(" ").Trim();
        var message = text.Length > 0 ? text : $"{request.Method} {request.RequestUri?.AbsolutePath} answered {(int)code}";
        return new(message, code, status?.Reason ?? "");
    }

    /// <summary>What a pod behind the API server's proxy says in problem+json; null when the body is something else.</summary>
    private static string? ProblemDetail(string body)
    {
        try
        {
            return (string?)(JsonNode.Parse(body) as JsonObject)?["detail"];
        }
        catch (Exception ex) when (ex is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static IEnumerable<(string Name, string? Value)> Selectors(ResourceScope scope) =>
        [("labelSelector", scope.LabelSelector), ("fieldSelector", scope.FieldSelector)];

    private static string Query(IEnumerable<(string Name, string? Value)> parameters)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in parameters)
        {
            if (!string.IsNullOrEmpty(value))
            {
                _ = text.Append(text.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        return text.ToString();
    }

    private static ByteArrayContent Body<T>(T item) => Content(JsonSerializer.SerializeToUtf8Bytes(item, ClusterJson.TypeInfo<T>()), "application/json");

    private static ByteArrayContent Body(ResourcePatch patch) => Content(patch.Body, patch.MediaType);

    private static ByteArrayContent Content(JsonNode node, string mediaType) =>
        Content(JsonSerializer.SerializeToUtf8Bytes(node, ClusterJson.TypeInfo<JsonNode>()), mediaType);

    private static ByteArrayContent Content(byte[] json, string mediaType) =>
        new(json) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } };
}
