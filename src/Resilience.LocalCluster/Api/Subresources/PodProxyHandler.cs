using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Subresources;

/// <summary>
/// <c>pods/{name}:{port}/proxy/{path}</c>: an HTTP request passed on to the pod. Credentials stay here, as with a real API server.
/// </summary>
internal sealed class PodProxyHandler(ObjectStore store) : IDisposable
{
    private static readonly HashSet<string> NotPassedOn = new(StringComparer.OrdinalIgnoreCase)
    {
        "Authorization", "Host", "Connection", "Transfer-Encoding", "Keep-Alive", "Upgrade", "Proxy-Connection", "Content-Length",
    };

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(2),   // pods come and go
    });

    public async Task HandleAsync(ResourceRequest request)
    {
        var parts = request.Name.Split(':');   // [scheme:]name[:port]
        var (name, port) = parts.Length == 3 ? (parts[1], parts[2]) : (parts[0], parts.Length == 2 ? parts[1] : "");
        var pod = store.Get(ResourceTypes.Pods, request.Namespace, name) ?? throw StatusException.NotFound(ResourceTypes.Pods, name);
        var ip = pod.Status.String("podIP") ?? throw Unavailable(pod, "address not allowed");
        var target = new UriBuilder(Uri.UriSchemeHttp, ip, PortOf(pod, port), "/" + (request.Info.Rest ?? ""))
        {
            Query = request.Http.Request.QueryString.Value,
        }.Uri;
        using var outgoing = Outgoing(request.Http, target);
        HttpResponseMessage answer;
        try
        {
            answer = await _client.SendAsync(outgoing, request.Aborted).ConfigureAwait(false);
        }
        catch (HttpRequestException ex)
        {
            throw Unavailable(pod, $"error trying to reach service: {ex.Message}");
        }

        using (answer)
        {
            await PassBackAsync(request.Http, answer).ConfigureAwait(false);
        }
    }

    public void Dispose() => _client.Dispose();

    private static int PortOf(StoredObject pod, string port)
    {
        if (int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        var ports = (pod.Spec.Array("containers") ?? []).SelectMany(static c => c.Array("ports") ?? []).ToList();
        var found = port.Length == 0 ? ports.FirstOrDefault() : ports.FirstOrDefault(p => p.String("name") == port);
        return found.Int("containerPort") ?? (port.Length == 0 ? 80 : throw StatusException.BadRequest($"no such port \"{port}\" in pod {pod.Name}"));
    }

    private static HttpRequestMessage Outgoing(HttpContext context, Uri target)
    {
        var outgoing = new HttpRequestMessage(new HttpMethod(context.Request.Method), target) { Version = HttpVersion.Version11 };
        if (context.Request.ContentLength > 0 || context.Request.Headers.TransferEncoding.Count > 0
            || (HttpProtocol.IsHttp2(context.Request.Protocol) && context.Request.Method is "PUT" or "POST" or "PATCH"))
        {
            outgoing.Content = new StreamContent(context.Request.Body);
        }

        foreach (var (key, value) in context.Request.Headers)
        {
            if (!NotPassedOn.Contains(key) && !outgoing.Headers.TryAddWithoutValidation(key, value.ToArray()))
            {
                _ = outgoing.Content?.Headers.TryAddWithoutValidation(key, value.ToArray());
            }
        }

        if (outgoing.Content is { } content && context.Request.ContentLength is { } length)
        {
            content.Headers.ContentLength = length;
        }

        return outgoing;
    }

    private static async Task PassBackAsync(HttpContext context, HttpResponseMessage answer)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (key, value) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (!NotPassedOn.Contains(key))
            {
                context.Response.Headers[key] = value.ToArray();
            }
        }

        await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
    }

    private static StatusException Unavailable(StoredObject pod, string why) =>
        new(503, "ServiceUnavailable", why, StatusException.DetailsOf(ResourceTypes.Pods, pod.Name) is JsonObject details ? details : null);
}
