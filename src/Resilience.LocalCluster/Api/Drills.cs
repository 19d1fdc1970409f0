using System.Globalization;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api;

/// <summary>
/// Faults that Kubernetes has no API for, admin only: <c>PUT …/pods/{name}/signal</c> and <c>PUT|DELETE …/services/{name}/network</c>
/// under <c>/apis/drills.resilience.dev/v1alpha1</c>.
/// </summary>
internal sealed class Drills(ObjectStore store, IPodSignals? signals = null, INetworkFaults? network = null)
{
    public const string Group = "drills.resilience.dev";

    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    public Task HandleAsync(ResourceRequest request)
    {
        if (!request.User.IsAdmin)
        {
            throw new StatusException(403, "Forbidden", $"User \"{request.User.Name}\" cannot run drills: only the admin can", []);
        }

        return (request.Info.Plural, request.Info.Subresource, request.Http.Request.Method) switch
        {
            ("pods", "signal", "PUT") => SignalAsync(request),
            ("services", "network", "PUT") => SetNetworkAsync(request),
            ("services", "network", "DELETE") => ClearNetworkAsync(request),
            _ => throw StatusException.NoSuchPath(),
        };
    }

    private async Task SignalAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, "Signal").ConfigureAwait(false);
        var signal = body.String("signal");
        if (signal is not ("STOP" or "CONT" or "KILL" or "TERM"))
        {
            throw StatusException.BadRequest($"signal: Unsupported value: \"{signal}\": supported values: \"STOP\", \"CONT\", \"KILL\", \"TERM\"");
        }

        var pod = store.Get(ResourceTypes.Pods, request.Namespace, request.Name) ?? throw StatusException.NotFound(ResourceTypes.Pods, request.Name);
        await (signals ?? throw Missing()).SignalAsync(pod, signal, request.Aborted).ConfigureAwait(false);
        await Responses.JsonAsync(request.Http, Responses.Success(ResourceTypes.Pods, pod.Name, pod.Uid)).ConfigureAwait(false);
    }

    private async Task SetNetworkAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, "NetworkFault").ConfigureAwait(false);
        var delay = TimeSpan.FromMilliseconds(body.Long("delayMs") ?? 0);
        var jitter = TimeSpan.FromMilliseconds(body.Long("jitterMs") ?? 0);
        var resets = body.At("resetRatio") is not { } ratio ? 0
            : double.TryParse(ratio.ToString(), CultureInfo.InvariantCulture, out var given) ? given : double.NaN;
        if (delay < TimeSpan.Zero || delay > LongestDelay || jitter < TimeSpan.Zero || jitter > LongestDelay)
        {
            throw StatusException.BadRequest("delayMs and jitterMs must be between 0 and 60000");
        }

        if (resets is not (>= 0 and <= 1))
        {
            throw StatusException.BadRequest("resetRatio must be between 0 and 1");
        }

        var service = ServiceOf(request);
        var pods = body.Array("pods")?.Select(static p => p.String() ?? "").ToList();
        (network ?? throw Missing()).Set(service.Namespace!, service.Name, new(delay, jitter, resets, body.Bool("partition") == true, pods));
        await Responses.JsonAsync(request.Http, Responses.Success(ResourceTypes.Services, service.Name, service.Uid)).ConfigureAwait(false);
    }

    private Task ClearNetworkAsync(ResourceRequest request)
    {
        var service = ServiceOf(request);
        (network ?? throw Missing()).Clear(service.Namespace!, service.Name);
        return Responses.JsonAsync(request.Http, Responses.Success(ResourceTypes.Services, service.Name, service.Uid));
    }

    private StoredObject ServiceOf(ResourceRequest request) =>
        store.Get(ResourceTypes.Services, request.Namespace, request.Name) ?? throw StatusException.NotFound(ResourceTypes.Services, request.Name);

    private static StatusException Missing() => new(501, "NotImplemented", "this cluster runs without a node that can inject the fault", []);
}
