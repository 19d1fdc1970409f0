using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s;

namespace Resilience.ClusterAccess.Api;

/// <summary>
/// The serializer settings of KubernetesClient, shared so that its generated metadata and converters serve our own
/// reading of watch lines. KubernetesClient keeps them internal; its configuration hook hands out the instance.
/// </summary>
public static class ClusterJson
{
    public static JsonSerializerOptions Options { get; } = Capture();

    /// <summary>Type metadata for <typeparamref name="T"/>; throws when a type cannot be (de)serialised.</summary>
    internal static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Capture()
    {
        JsonSerializerOptions? captured = null;
        KubernetesJson.AddJsonOptions(options =>
        {
            captured = options;
            if (!options.IsReadOnly)
            {
                // Reasons are sentences for people: '>' and '\'' stay readable in kubectl's output.
                options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
            }
        });
        return captured!;
    }
}
