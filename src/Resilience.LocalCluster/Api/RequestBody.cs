using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;
using YamlDotNet.Core;

namespace Resilience.LocalCluster.Api;

/// <summary>Reads request bodies of the three media types clients send.</summary>
internal static class RequestBody
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = 128 };

    public static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim();

    /// <summary>A whole object in JSON, YAML or protobuf (for the few kinds kubectl creates that way).</summary>
    public static async Task<JsonObject> ObjectAsync(HttpContext context, string expectedKind)
    {
        var bytes = await BytesAsync(context).ConfigureAwait(false);
        var media = MediaType(context.Request);
        try
        {
            switch (media)
            {
                case "" or "application/json":
                    return JsonNode.Parse(bytes, documentOptions: Options) as JsonObject ?? throw Unrecognised(expectedKind, "json parse error: not an object");
                case "application/yaml":
                    return Yaml.Read(Encoding.UTF8.GetString(bytes)) as JsonObject ?? throw Unrecognised(expectedKind, "yaml parse error: not an object");
                case "application/vnd.kubernetes.protobuf":
                    return Protobuf.Decode(bytes) ?? throw UnsupportedType("application/json, application/yaml");
                default:
                    throw UnsupportedType("application/json, application/yaml, application/vnd.kubernetes.protobuf");
            }
        }
        catch (JsonException ex)
        {
            throw Unrecognised(expectedKind, $"json parse error: {ex.Message}");
        }
        catch (YamlException ex)
        {
            throw Unrecognised(expectedKind, $"yaml parse error: {ex.Message}");
        }
    }

    /// <summary>Null when there is no body.</summary>
    public static async Task<JsonObject?> OptionalObjectAsync(HttpContext context, string expectedKind) =>
        context.Request.ContentLength is 0 || (context.Request.ContentLength is null && !HasBody(context)) ? null
            : await ObjectAsync(context, expectedKind).ConfigureAwait(false);

    public static async Task<byte[]> BytesAsync(HttpContext context)
    {
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return bytes;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Parses a patch of one of the JSON types.</summary>
    public static JsonNode Patch(byte[] bytes, bool yaml)
    {
        try
        {
            var node = yaml ? Yaml.Read(Encoding.UTF8.GetString(bytes)) : JsonNode.Parse(bytes, documentOptions: Options);
            return node ?? throw StatusException.BadRequest("error decoding patch: unexpected end of JSON input");
        }
        catch (JsonException ex)
        {
            throw StatusException.BadRequest($"error decoding patch: {ex.Message}");
        }
        catch (YamlException ex)
        {
            throw StatusException.BadRequest($"error decoding YAML: {ex.Message}");
        }
    }

    private static bool HasBody(HttpContext context) =>
        context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    private static StatusException Unrecognised(string kind, string why) =>
        StatusException.BadRequest($"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; {why}");

    private static StatusException UnsupportedType(string accepted) =>
        StatusException.UnsupportedMediaType($"the body of the request was in an unknown format - accepted media types include: {accepted}");
}
