using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Resilience.Web.Faults;

/// <summary><c>GET|PUT|DELETE /faults</c> on the management port, for the holder of <c>FAULTS_TOKEN</c>.</summary>
internal static class FaultEndpoints
{
    // Not Authorization: an API server strips that header when it proxies to a pod.
    private const string TokenHeader = "X-Fault-Token";
    private const int BodyLimitBytes = 4_096;

    public static void Map(WebApplication app, FaultState faults, string token)
    {
        var expected = Encoding.UTF8.GetBytes(token);
        app.MapGet("/faults", Guarded(expected, context => WriteAsync(context, faults))).RequireManagementPort();
        app.MapPut("/faults", Guarded(expected, context => PutAsync(context, faults))).RequireManagementPort();
        app.MapDelete("/faults", Guarded(expected, context =>
        {
            faults.Heal();
            return WriteAsync(context, faults);
        })).RequireManagementPort();
    }

    private static RequestDelegate Guarded(byte[] expected, RequestDelegate inner) => context =>
    {
        var given = Encoding.UTF8.GetBytes(context.Request.Headers[TokenHeader].ToString());
        return CryptographicOperations.FixedTimeEquals(given, expected)
            ? inner(context)
            : Problem.WriteAsync(context, StatusCodes.Status401Unauthorized, $"The header {TokenHeader} is missing or wrong.");
    };

    private static async Task PutAsync(HttpContext context, FaultState faults)
    {
        if (await ReadBodyAsync(context) is not { } body)
        {
            await Problem.WriteAsync(context, StatusCodes.Status413PayloadTooLarge, $"A fault set has at most {BodyLimitBytes} bytes.");
            return;
        }

        FaultSet? asked;
        try
        {
            asked = JsonSerializer.Deserialize(body.Span, FaultJson.Default.FaultSet);
        }
        catch (JsonException ex)
        {
            await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, $"The body is not a fault set: {ex.Message}");
            return;
        }

        if (asked is null || asked.Problems() is { Count: > 0 })
        {
            await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "The fault set is out of bounds.", asked?.Problems());
            return;
        }

        if (asked.Crash)
        {
            // The one who asked learns that it was accepted.
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            await context.Response.CompleteAsync();
        }

        faults.Set(asked);
        await (asked.Crash ? Task.CompletedTask : WriteAsync(context, faults));
    }

    private static async Task<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpContext context)
    {
        var buffer = new byte[BodyLimitBytes + 1];
        var length = await context.Request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, context.RequestAborted);
        return length <= BodyLimitBytes ? (ReadOnlyMemory<byte>?)buffer.AsMemory(0, length) : null;
    }

    private static async Task WriteAsync(HttpContext context, FaultState faults)
    {
        var current = faults.Current with { ForSeconds = faults.HealsIn is { } left ? Math.Round(Math.Max(0, left.TotalSeconds), 3) : null };
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(current, FaultJson.Default.FaultSet), context.RequestAborted);
    }
}
