using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ClusterAccess.Api;

/// <summary>
/// How objects of the API are read and written: as KubernetesClient does it, for the kinds of <see cref="ResourceTypes"/> only.
/// KubernetesClient's own metadata names every kind of Kubernetes, so none of them could be trimmed from an image.
/// </summary>
public static class ClusterJson
{
    public static JsonSerializerOptions Options { get; } = Relaxed();

    /// <summary>Type metadata for <typeparamref name="T"/>; throws when a type cannot be (de)serialised.</summary>
    internal static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Relaxed()
    {
        // Reasons are sentences for people: '>' and '\'' stay readable in kubectl's output.
        var options = new JsonSerializerOptions(ClusterJsonContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        options.MakeReadOnly();
        return options;
    }
}

/// <summary>One page of a list.</summary>
internal sealed record ListPage<T>(V1ListMeta Metadata, List<T>? Items);

/// <summary>A new kind in <see cref="ResourceTypes"/> needs a line here; a test compares them.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(KubernetesJson.KubernetesDateTimeConverter), typeof(KubernetesJson.KubernetesDateTimeOffsetConverter)])]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(V1Status))]
[JsonSerializable(typeof(ListPage<V1Pod>))]
[JsonSerializable(typeof(ListPage<V1Service>))]
[JsonSerializable(typeof(ListPage<V1Namespace>))]
[JsonSerializable(typeof(ListPage<V1Node>))]
[JsonSerializable(typeof(ListPage<V1Secret>))]
[JsonSerializable(typeof(ListPage<V1ConfigMap>))]
[JsonSerializable(typeof(ListPage<Corev1Event>))]
[JsonSerializable(typeof(ListPage<V1Deployment>))]
[JsonSerializable(typeof(ListPage<V1StatefulSet>))]
[JsonSerializable(typeof(ListPage<V1DaemonSet>))]
[JsonSerializable(typeof(ListPage<V1ReplicaSet>))]
[JsonSerializable(typeof(ListPage<V1Job>))]
[JsonSerializable(typeof(ListPage<V2HorizontalPodAutoscaler>))]
[JsonSerializable(typeof(ListPage<V1PodDisruptionBudget>))]
[JsonSerializable(typeof(ListPage<V1EndpointSlice>))]
[JsonSerializable(typeof(ListPage<V1Lease>))]
[JsonSerializable(typeof(ListPage<V1CustomResourceDefinition>))]
[JsonSerializable(typeof(ListPage<BlueGreen>))]
[JsonSerializable(typeof(ListPage<Switchover>))]
[JsonSerializable(typeof(ListPage<SwitchoverApproval>))]
[JsonSerializable(typeof(ListPage<PredictiveAutoscaler>))]
internal sealed partial class ClusterJsonContext : JsonSerializerContext;
