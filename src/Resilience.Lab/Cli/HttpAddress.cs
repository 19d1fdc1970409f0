using System.Diagnostics.CodeAnalysis;

namespace Resilience.Lab.Cli;

/// <summary>An address that people type.</summary>
internal static class HttpAddress
{
    /// <returns>False for what is no absolute http or https address.</returns>
    public static bool TryParse(string? typed, [NotNullWhen(true)] out Uri? address) =>
        Uri.TryCreate(typed, UriKind.Absolute, out address) && address.Scheme is "http" or "https";
}
