using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Resilience.Lab.Images;

/// <summary>
/// The pull side of the OCI distribution API on loopback, for one <see cref="OciStore"/>: enough for <c>dotnet publish</c> to take its
/// base image from this machine. Nothing can be pushed.
/// </summary>
/// <remarks>https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md, "Pulling".</remarks>
internal sealed class LoopbackRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LoopbackRegistry(WebApplication app, string host)
    {
        _app = app;
        Host = host;
    }

    /// <summary>Such as <c>localhost:41234</c>: image clients speak plain HTTP to this name only.</summary>
    public string Host { get; }

    public static async Task<LoopbackRegistry> StartAsync(OciStore store, CancellationToken stop)
    {
        var builder = WebApplication.CreateSlimBuilder();
        _ = builder.Logging.ClearProviders();
        _ = builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        var app = builder.Build();
        app.Run(context => AnswerAsync(context, store));
        await app.StartAsync(stop).ConfigureAwait(false);
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return new LoopbackRegistry(app, string.Create(CultureInfo.InvariantCulture, $"localhost:{address.Port}"));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    /// <remarks>/v2/ says that this is a registry; /v2/NAME/manifests/TAG-OR-DIGEST and /v2/NAME/blobs/DIGEST are the rest.</remarks>
    private static async Task AnswerAsync(HttpContext context, OciStore store)
    {
        var (request, response) = (context.Request, context.Response);
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            await RefuseAsync(response, StatusCodes.Status405MethodNotAllowed, "UNSUPPORTED", "this registry can only be pulled from").ConfigureAwait(false);
            return;
        }

        var parts = request.Path.Value?.Trim('/').Split('/') ?? [];
        if (parts is ["v2"])
        {
            await response.WriteAsync("{}").ConfigureAwait(false);
            return;
        }

        var kind = parts.Length >= 4 && parts[0] == "v2" ? parts[^2] : string.Empty;
        var digest = kind switch
        {
            "manifests" => store.Resolve(parts[^1]),
            "blobs" => parts[^1],
            _ => null,
        };
        if (digest is null || store.Find(digest) is not { } file)
        {
            await RefuseAsync(response, StatusCodes.Status404NotFound, kind == "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN", $"{request.Path} is not here").ConfigureAwait(false);
            return;
        }

        response.Headers["Docker-Content-Digest"] = digest;
        response.ContentType = kind == "manifests" ? OciStore.ManifestType : "application/octet-stream";
        response.ContentLength = new FileInfo(file).Length;
        if (HttpMethods.IsGet(request.Method))
        {
            await response.SendFileAsync(file, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static Task RefuseAsync(HttpResponse response, int status, string code, string message)
    {
        response.StatusCode = status;
        response.ContentType = "application/json";
        return response.WriteAsync($$"""{"errors":[{"code":"{{code}}","message":"{{message}}"}]}""");
    }
}
