using System.Globalization;

namespace Resilience.Testing;

/// <summary>Whether SIGINT can be tested here at all.</summary>
public static class Interrupts
{
    /// <summary>For a skip.</summary>
    public const string WhyNot = "SIGINT is ignored here; run the tests in the foreground";

    /// <summary>A shell without job control starts background jobs with SIGINT ignored, and children inherit that.</summary>
    /// <remarks>/proc/self/status has "SigIgn: 0000000000001002": bit n-1 stands for signal n.</remarks>
    public static bool AreIgnored => OperatingSystem.IsLinux()
        && File.ReadLines("/proc/self/status").First(static line => line.StartsWith(Field, StringComparison.Ordinal)) is { } line
        && (ulong.Parse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & Interrupt) != 0;

    private const string Field = "SigIgn:";
    private const ulong Interrupt = 1 << 1;
}
