using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>A container that cannot be configured yet: a ConfigMap, Secret or field it needs is missing.</summary>
internal sealed class ContainerConfigException(string message) : Exception(message);

/// <summary>Resolves the environment of a container: literals, ConfigMaps, Secrets, the downward API, and $(NAME) references.</summary>
internal static class ContainerEnvironment
{
    /// <exception cref="ContainerConfigException">Something required is missing; the message is the one a kubelet shows.</exception>
    public static Dictionary<string, string> Resolve(ObjectStore store, StoredObject pod, JsonObject container, string address, string hostAddress)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var source in container.Array("envFrom")?.OfType<JsonObject>() ?? [])
        {
            AddAll(store, pod, source, environment);
        }

        foreach (var variable in container.Array("env")?.OfType<JsonObject>() ?? [])
        {
            var name = variable.String("name") ?? "";
            var value = variable.Object("valueFrom") is { } from
                ? FromSource(store, pod, container, from, address, hostAddress)
                : Expand(variable.String("value") ?? "", environment);
            if (value is not null)
            {
                environment[name] = value;
            }
        }

        return environment;
    }

    /// <summary>Replaces $(NAME) by its value; unknown names stay, $$ stands for one $.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> environment)
    {
        if (!text.Contains('$', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder();
        for (var index = 0; index < text.Length; index++)
        {
            var next = index + 1 < text.Length ? text[index + 1] : '\0';
            if (text[index] != '$' || next is not ('$' or '('))
            {
                _ = result.Append(text[index]);
            }
            else if (next == '$')
            {
                _ = result.Append('$');
                index++;
            }
            else if (text.IndexOf(')', index) is var end && end > 0
                && environment.TryGetValue(text[(index + 2)..end], out var value))
            {
                _ = result.Append(value);
                index = end;
            }
            else
            {
                _ = result.Append('$');
            }
        }

        return result.ToString();
    }

    private static void AddAll(ObjectStore store, StoredObject pod, JsonObject source, Dictionary<string, string> environment)
    {
        var secret = source.Object("secretRef");
        var reference = secret ?? source.Object("configMapRef");
        if (Data(store, pod, reference, secret is not null) is not { } data)
        {
            return;
        }

        foreach (var (key, value) in data)
        {
            environment[source.String("prefix") + key] = value;
        }
    }

    private static string? FromSource(
        ObjectStore store, StoredObject pod, JsonObject container, JsonObject from, string address, string hostAddress)
    {
        if (from.Object("fieldRef") is { } field)
        {
            return Field(pod, field.String("fieldPath") ?? "", address, hostAddress);
        }

        if (from.Object("resourceFieldRef") is { } resource)
        {
            return Resource(pod, container, resource);
        }

        var secret = from.Object("secretKeyRef");
        var reference = secret ?? from.Object("configMapKeyRef");
        var key = reference.String("key") ?? "";
        var data = Data(store, pod, reference, secret is not null);
        if (data is not null && data.TryGetValue(key, out var value))
        {
            return value;
        }

        return reference.Bool("optional") == true ? null : throw new ContainerConfigException(
            $"couldn't find key {key} in {(secret is null ? "ConfigMap" : "Secret")} {pod.Namespace}/{reference.String("name")}");
    }

    private static Dictionary<string, string>? Data(ObjectStore store, StoredObject pod, JsonObject? reference, bool secret)
    {
        var name = reference.String("name") ?? "";
        var found = store.Get(secret ? ResourceTypes.Secrets : ResourceTypes.ConfigMaps, pod.Namespace, name);
        if (found is null)
        {
            return reference.Bool("optional") == true ? null
                : throw new ContainerConfigException($"{(secret ? "secret" : "configmap")} \"{name}\" not found");
        }

        var data = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in found.Body.Object("data") ?? [])
        {
            data[key] = secret ? Encoding.UTF8.GetString(Convert.FromBase64String(value.String() ?? "")) : value.String() ?? "";
        }

        return data;
    }

    private static string Field(StoredObject pod, string path, string address, string hostAddress)
    {
        foreach (var map in (ReadOnlySpan<string>)["labels", "annotations"])
        {
            if (path.StartsWith($"metadata.{map}['", StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal))
            {
                return pod.Metadata.String(map, path[$"metadata.{map}['".Length..^2]) ?? "";
            }
        }

        return path switch
        {
            "metadata.name" => pod.Name,
            "metadata.namespace" => pod.Namespace ?? "",
            "metadata.uid" => pod.Uid,
            "spec.nodeName" => NodeOptions.NodeName,
            "spec.serviceAccountName" => pod.Spec.String("serviceAccountName") ?? "default",
            "status.podIP" or "status.podIPs" => address,
            "status.hostIP" or "status.hostIPs" => hostAddress,
            _ => throw new ContainerConfigException($"unsupported fieldPath: {path}"),
        };
    }

    private static string Resource(StoredObject pod, JsonObject container, JsonObject reference)
    {
        if (reference.String("containerName") is { } other)
        {
            container = pod.Spec.Array("containers")?.OfType<JsonObject>().FirstOrDefault(c => c.String("name") == other) ?? container;
        }

        var path = (reference.String("resource") ?? "").Split('.');
        if (path is not [var kind and ("limits" or "requests"), var resource])
        {
            throw new ContainerConfigException($"unsupported resource: {reference.String("resource")}");
        }

        var divisor = Math.Max(1, Quantity.Milli(reference.String("divisor")) is { } milli and > 0 ? milli : 1000);
        var value = Quantity.Milli(container.String("resources", kind, resource)) ?? 0;
        return ((value + divisor - 1) / divisor).ToString(CultureInfo.InvariantCulture);
    }
}
