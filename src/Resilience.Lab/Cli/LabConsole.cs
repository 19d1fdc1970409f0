using Spectre.Console;

namespace Resilience.Lab.Cli;

/// <summary>Where a command speaks: with <c>--json</c> stdout carries JSON only and everything else goes to stderr.</summary>
internal sealed class LabConsole(bool json, TextWriter output, TextWriter error)
{
    private readonly Lock _gate = new();
    private IAnsiConsole? _ansi;

    public bool Json { get; } = json;

    /// <summary>True when a person watches a terminal, so a live table may redraw in place.</summary>
    public bool Interactive { get; } = !json && !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Made on first use: <c>--help</c> must not pay for terminal detection.</summary>
    public IAnsiConsole Ansi => _ansi ??= AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Json ? error : output) });

    public static LabConsole Standard(bool json) => new(json, Console.Out, Console.Error);

    /// <summary>A line of progress or result for people.</summary>
    public void Say(string line)
    {
        lock (_gate)
        {
            (Json ? error : output).WriteLine(line);
        }
    }

    /// <summary>A line that always goes to stderr.</summary>
    public void Warn(string line)
    {
        lock (_gate)
        {
            error.WriteLine(line);
        }
    }

    /// <summary>The answer for programs: call it once, at the end.</summary>
    public void WriteJson(string document)
    {
        lock (_gate)
        {
            output.WriteLine(document);
        }
    }
}
