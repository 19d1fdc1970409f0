using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Resilience.ServiceDefaults;

/// <summary>
/// Marks connections that came in on the management port. A mark, and not a comparison of port numbers, because tests and Aspire let the
/// system choose ports, and because a Host header is the client's to write.
/// </summary>
internal sealed class ManagementPort
{
    private static readonly ManagementPort Mark = new();

    /// <summary>Kestrel endpoints of the process contract; <paramref name="main"/> false leaves only the management port.</summary>
    public static void Listen(KestrelServerOptions kestrel, PodIdentity pod, bool main)
    {
        kestrel.AddServerHeader = false;
        if (main)
        {
            kestrel.Listen(pod.Ip, pod.Port, static endpoint => endpoint.Protocols = HttpProtocols.Http1);
        }

        kestrel.Listen(pod.Ip, pod.ManagementPort, static endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http1;
            endpoint.Use(static next => connection =>
            {
                connection.Features.Set(Mark);
                return next(connection);
            });
        });
    }

    public static bool Serves(HttpContext context) => context.Features.Get<ManagementPort>() is not null;

    /// <summary>Hides an endpoint on every other port: there it does not exist.</summary>
    public static RequestDelegate Only(RequestDelegate inner) => context =>
    {
        if (Serves(context))
        {
            return inner(context);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    };
}
