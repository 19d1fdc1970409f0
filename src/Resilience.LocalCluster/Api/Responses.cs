using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api;

internal static class Responses
{
    public const string JsonType = "application/json";

    public static Task JsonAsync(HttpContext context, JsonNode body, int status = 200, string contentType = JsonType) =>
        BytesAsync(context, JsonSerializer.SerializeToUtf8Bytes(body, JsonExtensions.Compact), status, contentType);

    public static async Task BytesAsync(HttpContext context, ReadOnlyMemory<byte> body, int status = 200, string contentType = JsonType)
    {
        if (contentType == JsonType && Negotiation.Of(context.Request)?.Form == ResponseForm.Yaml)
        {
            body = Encoding.UTF8.GetBytes(Yaml.Write(JsonNode.Parse(body.Span)));
            contentType = "application/yaml";
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-cache, private";
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    public static Task TextAsync(HttpContext context, string text, int status = 200)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    public static Task StatusAsync(HttpContext context, StatusException refusal) => JsonAsync(context, refusal.ToStatus(), refusal.Code);

    /// <summary>The Status a completed deletion is answered with.</summary>
    public static JsonObject Success(ResourceType type, string name, string uid)
    {
        var details = StatusException.DetailsOf(type, name);
        details["uid"] = uid;
        return new()
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Success",
            ["details"] = details,
        };
    }

    /// <summary>HTTP Warning headers, which kubectl prints.</summary>
    public static void Warn(HttpContext context, string text) =>
        context.Response.Headers.Append("Warning", $"299 - \"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
}
