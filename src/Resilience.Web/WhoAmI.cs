using System.Globalization;
using System.Text.Json;

namespace Resilience.Web;

/// <summary><c>GET /api/whoami</c>: which slot and pod answers, for the page's polling and for scripts.</summary>
internal sealed class WhoAmI(WebSettings settings, TimeProvider clock)
{
    public async Task<bool> ServeAsync(HttpContext context)
    {
        // A kept-alive connection stays with the pod that accepted it, whatever the Service's selector says meanwhile. Closing after
        // each answer makes the next question go where traffic goes now.
        context.Response.Headers.Connection = "close";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("slot", settings.Slot);
        json.WriteString("pod", settings.Pod);
        json.WriteString("version", settings.Version);
        json.WriteString("time", clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        json.WriteEndObject();
        return true;
    }
}
