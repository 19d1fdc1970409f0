using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Subresources;

/// <summary><c>pods/exec</c>, <c>attach</c> and <c>portforward</c>: refused, with the address at which the pod's Service can be reached instead.</summary>
internal sealed class PodSessions(ObjectStore store, IClusterNode? node = null)
{
    public StatusException Refuse(ResourceRequest request)
    {
        var pod = store.Get(ResourceTypes.Pods, request.Namespace, request.Name) ?? throw StatusException.NotFound(ResourceTypes.Pods, request.Name);
        var reach = AddressFor(pod) is { } address ? $"Reach it through its NodePort, {address}, or run `lab open`"
            : "Reach it through a Service of type NodePort, or run `lab open`";
        return new(501, "NotImplemented",
            $"{request.Info.Subresource} is not available in the embedded cluster: pods are processes on this machine. {reach}; read output with kubectl logs.",
            StatusException.DetailsOf(ResourceTypes.Pods, request.Name));
    }

    /// <summary>The first NodePort of a Service that selects the pod now, or would if it were in the other slot.</summary>
    private string? AddressFor(StoredObject pod)
    {
        var services = store.List(ResourceTypes.Services, pod.Namespace).Where(s => NodePort(s) is not null && s.Spec.Object("selector") is { Count: > 0 }).ToList();
        var service = services.FirstOrDefault(s => s.Spec.Object("selector")!.All(l => Has(pod, l)))
            ?? services.FirstOrDefault(s => s.Spec.Object("selector")!.Any(l => Has(pod, l)));
        return service is null || node is null ? null
            : $"http://{node.Address}:{NodePort(service)!.Value.ToString(CultureInfo.InvariantCulture)} (Service {service.Name})";
    }

    private static bool Has(StoredObject pod, KeyValuePair<string, JsonNode?> label) => pod.Label(label.Key) == label.Value?.ToString();

    private static int? NodePort(StoredObject service) =>
        service.Spec.Array("ports")?.OfType<JsonObject>().Select(static p => p.Int("nodePort")).FirstOrDefault(static p => p is not null);
}
