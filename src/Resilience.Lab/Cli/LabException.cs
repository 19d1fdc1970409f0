namespace Resilience.Lab.Cli;

/// <summary>Ends a command with one clear line for the person who typed it; no stack trace is shown.</summary>
/// <param name="message">What went wrong, without a full stop at the end.</param>
/// <param name="next">What to do about it: shown after the message.</param>
/// <param name="exitCode">See <see cref="ExitCode"/>.</param>
internal sealed class LabException(string message, string? next = null, int exitCode = ExitCode.CouldNotRun) : Exception(message)
{
    public string? Next { get; } = next;

    public int ExitCode { get; } = exitCode;

    public string Line => Next is null ? $"lab: {Message}." : $"lab: {Message}. {Next}";
}

/// <summary>Exit codes of every command; scripts rely on them.</summary>
internal static class ExitCode
{
    public const int Pass = 0;
    public const int ExpectationFailed = 1;
    public const int CouldNotRun = 2;
    public const int Interrupted = 130;
}
