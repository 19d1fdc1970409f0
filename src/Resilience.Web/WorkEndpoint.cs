using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace Resilience.Web;

/// <summary><c>GET /work?ms=&amp;n=</c>: real CPU work of a bounded size, for autoscalers to react to.</summary>
internal sealed class WorkEndpoint(WebSettings settings, TimeProvider clock)
{
    private const int MaxMilliseconds = 1_000;
    private const int MaxRounds = 100_000;
    private const int DefaultRounds = 500;

    /// <returns>False when the request was refused as bad.</returns>
    public async Task<bool> ServeAsync(HttpContext context)
    {
        var errors = new Dictionary<string, string[]>(0);
        var milliseconds = Bounded(context, "ms", 0, MaxMilliseconds, errors);
        var rounds = Bounded(context, "n", context.Request.Query.ContainsKey("ms") ? 0 : DefaultRounds, MaxRounds, errors);
        if (errors.Count > 0)
        {
            await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "The amount of work is out of bounds.", errors);
            return false;
        }

        var done = Work(TimeSpan.FromMilliseconds(milliseconds), rounds, context.RequestAborted);
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("slot", settings.Slot);
        json.WriteString("pod", settings.Pod);
        json.WriteNumber("ms", milliseconds);
        json.WriteNumber("n", done);
        json.WriteEndObject();
        return true;
    }

    private static int Bounded(HttpContext context, string name, int fallback, int max, Dictionary<string, string[]> errors)
    {
        if (context.Request.Query[name] is not { Count: > 0 } given)
        {
            return fallback;
        }

        if (given.Count == 1 && int.TryParse(given[0], NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= max)
        {
            return value;
        }

        errors[name] = [$"must be one whole number from 0 to {max}"];
        return 0;
    }

    /// <summary>Hashes for at least the given time and number of rounds, unless the client goes away.</summary>
    private int Work(TimeSpan time, int rounds, CancellationToken aborted)
    {
        Span<byte> state = stackalloc byte[SHA256.HashSizeInBytes];
        var started = clock.GetTimestamp();
        var done = 0;
        while ((done < rounds || clock.GetElapsedTime(started) < time) && !aborted.IsCancellationRequested)
        {
            SHA256.HashData(state, state);
            done++;
        }

        return done;
    }
}
