using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api;

/// <summary>The one request delegate of the cluster.</summary>
internal sealed class ApiServer(ObjectStore store)
{
    public Task HandleAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers["X-Resource-Version"] = $"{store.ResourceVersion}";
        return context.Response.WriteAsync("ok", context.RequestAborted);
    }
}
