using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Api.Security;
using Resilience.LocalCluster.Api.Subresources;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api;

/// <summary>The one request delegate of the cluster: who are you, what do you want, may you, here it is.</summary>
internal sealed partial class ApiServer(
    ResourceRegistry registry, TokenAuthority tokens, IAuthorizer authorizer, AccessLog accessLog, Discovery discovery, OpenApi openApi, ResourceHandler resources,
    ScaleHandler scales, PodLogHandler logs, PodProxyHandler proxy, EvictionHandler evictions, VirtualResources virtuals, Drills drills,
    PodSessions sessions, ILogger<ApiServer> logger)
{
    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await DispatchAsync(context).ConfigureAwait(false);
        }
        catch (StatusException refusal) when (!context.Response.HasStarted)
        {
            await Responses.StatusAsync(context, refusal).ConfigureAwait(false);
        }
        catch (Exception ex) when (context.RequestAborted.IsCancellationRequested && ex is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The client hung up; nobody is left to answer.
        }
        catch (Exception ex) when (!context.Response.HasStarted)
        {
            LogFailure(logger, ex, context.Request.Method, context.Request.Path);
            await Responses.StatusAsync(context, StatusException.Internal(ex.Message)).ConfigureAwait(false);
        }
    }

    private async Task DispatchAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        if (path is "/healthz" or "/livez" or "/readyz" || path.StartsWith("/livez/", StringComparison.Ordinal) || path.StartsWith("/readyz/", StringComparison.Ordinal))
        {
            await Responses.TextAsync(context, "ok").ConfigureAwait(false);
            return;
        }

        if (tokens.Authenticate(context.Request.Headers.Authorization) is not { } user)
        {
            throw new StatusException(401, "Unauthorized", "Unauthorized");
        }

        user = Impersonation.Of(context.Request, user, authorizer);

        if (await openApi.TryHandleAsync(context, path).ConfigureAwait(false))
        {
            return;
        }

        if (Negotiation.Of(context.Request) is not { } negotiation)
        {
            throw new StatusException(406, "NotAcceptable", "only the following media types are accepted: application/json, application/yaml", []);
        }

        if (await discovery.TryHandleAsync(context, path).ConfigureAwait(false))
        {
            return;
        }

        if (RequestInfo.Parse(path) is not { } info || (info.Group != Drills.Group && !registry.Types.Any(t => t.Group == info.Group && t.Version == info.Version)))
        {
            await Responses.TextAsync(context, "404 page not found\n", 404).ConfigureAwait(false);
            return;
        }

        await ResourceAsync(context, info, negotiation, user).ConfigureAwait(false);
    }

    private async Task ResourceAsync(HttpContext context, RequestInfo info, Negotiation negotiation, UserInfo user)
    {
        if (info.Group == Drills.Group)
        {
            await drills.HandleAsync(new(context, ResourceTypes.Pods, info, negotiation, user)).ConfigureAwait(false);
            return;
        }

        var type = registry.Find(info.Group, info.Version, info.Plural) ?? throw StatusException.NoSuchPath();
        if (!type.Namespaced && info.Namespace is not null)
        {
            throw StatusException.NoSuchPath();
        }

        if (type.Namespaced && info.Name is not null && info.Namespace is null)
        {
            throw StatusException.NoSuchPath();
        }

        var request = new ResourceRequest(context, type, info, negotiation, user);
        Authorize(request);
        await (type.Virtual ? virtuals.HandleAsync(request) : SubresourceAsync(request)).ConfigureAwait(false);
    }

    private Task SubresourceAsync(ResourceRequest request) => (request.Type.StorageKey, request.Info.Subresource) switch
    {
        (_, null) => resources.HandleAsync(request),
        (_, "status") => resources.HandleStatusAsync(request),
        (_, "scale") => scales.HandleAsync(request),
        ("pods", "log") => logs.HandleAsync(request),
        ("pods", "proxy") => proxy.HandleAsync(request),
        ("pods", "eviction") => evictions.HandleAsync(request),
        ("pods", "exec" or "attach" or "portforward") => throw sessions.Refuse(request),
        ("serviceaccounts", "token") => virtuals.TokenAsync(request),
        _ => throw StatusException.NoSuchPath(),
    };

    private void Authorize(ResourceRequest request)
    {
        var verb = (request.Http.Request.Method, request.Info.Name) switch
        {
            ("GET" or "HEAD", null) => request.Query("watch") is "true" or "1" ? "watch" : "list",
            ("GET" or "HEAD", _) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", null) => "deletecollection",
            _ => "delete",
        };
        var resource = request.Info.Plural + (request.Info.Subresource is { } sub ? $"/{sub}" : "");
        var name = request.Info.Subresource == "proxy" ? request.Info.Name!.Split(':')[0] : request.Info.Name;
        var access = new AccessRequest(request.User, verb, request.Type.Group, resource, request.Namespace, name);
        var allowed = authorizer.Allows(access);
        accessLog.Record(access, allowed);
        if (allowed)
        {
            return;
        }

        var where = request.Namespace is { } ns ? $" in the namespace \"{ns}\"" : " at the cluster scope";
        throw StatusException.Forbidden(request.Type, request.Info.Name ?? "",
            $"User \"{request.User.Name}\" cannot {verb} resource \"{resource}\" in API group \"{request.Type.Group}\"{where}");
    }

    [LoggerMessage(EventId = 2001, EventName = "RequestFailed", Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private static partial void LogFailure(ILogger logger, Exception exception, string method, string path);
}
