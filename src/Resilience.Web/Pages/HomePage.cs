using System.Text;
using System.Text.Encodings.Web;

namespace Resilience.Web.Pages;

/// <summary><c>GET /</c>: one self-contained page. Prepared once: only its script asks for anything that changes.</summary>
internal sealed class HomePage
{
    private readonly byte[] _html;

    public HomePage(WebSettings settings)
    {
        using var reader = new StreamReader(typeof(HomePage).Assembly.GetManifestResourceStream("Resilience.Web.Pages.home.html")!);
        _html = Encoding.UTF8.GetBytes(reader.ReadToEnd()
            .Replace("{{slot}}", HtmlEncoder.Default.Encode(settings.Slot), StringComparison.Ordinal)
            .Replace("{{pod}}", HtmlEncoder.Default.Encode(settings.Pod), StringComparison.Ordinal)
            .Replace("{{version}}", HtmlEncoder.Default.Encode(settings.Version), StringComparison.Ordinal));
    }

    public async Task<bool> ServeAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = _html.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";
        await response.Body.WriteAsync(_html, context.RequestAborted);
        return true;
    }
}
