using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>Defaults of Services, with the addresses and ports that must be theirs alone.</summary>
internal static class ServiceAllocator
{
    public const int FirstNodePort = 30000;
    public const int LastNodePort = 32767;

    /// <param name="before">Null for a new Service; otherwise what it has stays.</param>
    public static void Complete(ObjectStore store, JsonObject body, JsonObject? before, List<StatusCause> causes)
    {
        var spec = body.Ensure("spec");
        Defaults.Set(spec, "type", "ClusterIP");
        Defaults.Set(spec, "sessionAffinity", "None");
        var type = spec.String("type");
        foreach (var port in (spec.Array("ports") ?? []).OfType<JsonObject>())
        {
            Defaults.Set(port, "protocol", "TCP");
            if (port.At("targetPort") is null && port.Long("port") is { } number)
            {
                port["targetPort"] = number;
            }
        }

        if (type == "ExternalName")
        {
            return;
        }

        Defaults.Set(spec, "internalTrafficPolicy", "Cluster");
        Defaults.Set(spec, "ipFamilies", new JsonArray("IPv4"));
        Defaults.Set(spec, "ipFamilyPolicy", "SingleStack");
        Address(store, spec, before);
        if (type is "NodePort" or "LoadBalancer")
        {
            Defaults.Set(spec, "externalTrafficPolicy", "Cluster");
            NodePorts(store, body, before, causes);
        }
        else
        {
            _ = spec.Remove("externalTrafficPolicy");
            foreach (var port in (spec.Array("ports") ?? []).OfType<JsonObject>())
            {
                _ = port.Remove("nodePort");
            }
        }
    }

    private static void Address(ObjectStore store, JsonObject spec, JsonObject? before)
    {
        if (spec.String("clusterIP") is null or "")
        {
            spec["clusterIP"] = before.String("spec", "clusterIP") is { Length: > 0 } kept ? kept : Free(store);
        }

        Defaults.Set(spec, "clusterIPs", new JsonArray(spec.String("clusterIP")));
    }

    private static string Free(ObjectStore store)
    {
        var taken = store.List(ResourceTypes.Services).Select(static s => s.Spec.String("clusterIP")).ToHashSet();
        string address;
        do
        {
            address = $"10.96.{RandomNumberGenerator.GetInt32(256)}.{RandomNumberGenerator.GetInt32(2, 255)}";
        }
        while (taken.Contains(address));
        return address;
    }

    private static void NodePorts(ObjectStore store, JsonObject body, JsonObject? before, List<StatusCause> causes)
    {
        var (ns, name) = (body.String("metadata", "namespace"), body.String("metadata", "name"));
        var taken = store.List(ResourceTypes.Services).Where(s => s.Namespace != ns || s.Name != name)
            .SelectMany(static s => s.Spec.Array("ports") ?? []).Select(static p => p.Int("nodePort") ?? 0).ToHashSet();
        var ports = (body.Array("spec", "ports") ?? []).OfType<JsonObject>().ToList();
        for (var i = 0; i < ports.Count; i++)
        {
            var field = $"spec.ports[{i.ToString(CultureInfo.InvariantCulture)}].nodePort";
            if (ports[i].Int("nodePort") is { } asked and not 0)
            {
                if (asked is < FirstNodePort or > LastNodePort)
                {
                    causes.Add(new(field, "FieldValueInvalid",
                        $"Invalid value: {asked}: provided port is not in the valid range. The range of valid ports is {FirstNodePort}-{LastNodePort}"));
                }
                else if (!taken.Add(asked))
                {
                    causes.Add(new(field, "FieldValueInvalid", $"Invalid value: {asked}: provided port is already allocated"));
                }

                continue;
            }

            var same = (before.Array("spec", "ports") ?? []).FirstOrDefault(p => p.Long("port") == ports[i].Long("port"));
            var port = same.Int("nodePort") ?? RandomNumberGenerator.GetInt32(FirstNodePort, LastNodePort + 1);
            while (!taken.Add(port))
            {
                port = RandomNumberGenerator.GetInt32(FirstNodePort, LastNodePort + 1);
            }

            ports[i]["nodePort"] = port;
        }
    }
}
