using System.Globalization;
using System.Text.RegularExpressions;

namespace Resilience.Runbooks.Tests;

/// <summary>One command block of a runbook and what the runbook promises it to show.</summary>
/// <param name="Heading">The nearest heading above the block, to say in a failure where to look.</param>
/// <param name="Line">1-based line of the opening fence.</param>
/// <param name="Script">The block, run by bash in the repository root.</param>
/// <param name="Checks">Patterns that the output (both streams) must match.</param>
/// <param name="Within">How long a read-only command may be repeated until its checks hold; zero runs it once.</param>
/// <param name="ExitCode">The exit code the runbook promises.</param>
/// <param name="Background">The name of a second terminal that goes on running; null for an ordinary command.</param>
/// <param name="Stops">The second terminal to end with Ctrl-C instead of running a script; null otherwise.</param>
/// <param name="Awaits">The second terminal that ends by itself, and whose whole output the checks are for; null otherwise.</param>
internal sealed record RunbookStep(
    string Heading, int Line, string Script, IReadOnlyList<Regex> Checks, TimeSpan Within, int ExitCode,
    string? Background, string? Stops = null, string? Awaits = null)
{
    public override string ToString() => $"line {Line} ({Heading}): {Script.Split('\n')[0]}";
}

/// <summary>
/// Reads the command blocks of a runbook. A block is a <c>bash</c> fence; the HTML comments that follow it say what a test
/// checks, so that a reader of the rendered page sees only the prose:
/// <code>
/// &lt;!-- check: REGEX --&gt;      output must match (multi-line mode; several allowed)
/// &lt;!-- within: 30s --&gt;       repeat a read-only command until the checks hold
/// &lt;!-- exit: 1 --&gt;           promised exit code, default 0
/// &lt;!-- background: NAME --&gt;  runs in its own terminal; the checks apply to what it has printed so far
/// &lt;!-- stop: NAME --&gt;        stands alone: Ctrl-C in that terminal
/// &lt;!-- ends: NAME --&gt;        stands alone: that terminal ends by itself; the checks that follow are for all it printed
/// </code>
/// </summary>
internal static partial class RunbookReader
{
    private static readonly TimeSpan RegexTimeout = TimeSpan.FromSeconds(2);

    /// <exception cref="FormatException">A fence is not closed, or a comment names an unknown key or an unreadable value.</exception>
    public static IReadOnlyList<RunbookStep> Read(string markdown)
    {
        var steps = new List<RunbookStep>();
        var heading = "";
        var lines = markdown.ReplaceLineEndings("\n").Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (line.StartsWith('#'))
            {
                heading = line.TrimStart('#', ' ');
            }
            else if (line.TrimEnd() == "```bash")
            {
                var close = Array.FindIndex(lines, i + 1, l => l.TrimEnd() == "```");
                if (close < 0)
                {
                    throw new FormatException($"line {i + 1}: the bash block is never closed");
                }

                steps.Add(new(heading, i + 1, string.Join('\n', lines[(i + 1)..close]), [], TimeSpan.Zero, 0, null));
                i = close;
            }
            else if (Comment().Match(line) is { Success: true } comment)
            {
                Apply(steps, heading, i + 1, comment.Groups["key"].Value, comment.Groups["value"].Value);
            }
        }

        return steps;
    }

    private static void Apply(List<RunbookStep> steps, string heading, int line, string key, string value)
    {
        if (key is "stop" or "ends")
        {
            steps.Add(new(heading, line, "", [], TimeSpan.Zero, 0, null, Stops: key == "stop" ? value : null, Awaits: key == "ends" ? value : null));
            return;
        }

        if (steps.Count == 0)
        {
            throw new FormatException($"line {line}: '{key}' stands before any command");
        }

        var last = steps[^1];
        steps[^1] = key switch
        {
            "check" => last with { Checks = [.. last.Checks, new Regex(value, RegexOptions.Multiline, RegexTimeout)] },
            "within" => last with { Within = ParseSeconds(value, line) },
            "exit" => last with { ExitCode = int.Parse(value, CultureInfo.InvariantCulture) },
            "background" => last with { Background = value },
            _ => throw new FormatException($"line {line}: unknown key '{key}'; expected check, within, exit, background, stop or ends"),
        };
    }

    private static TimeSpan ParseSeconds(string value, int line) =>
        value.EndsWith('s') && double.TryParse(value[..^1], CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"line {line}: '{value}' is no number of seconds like 30s");

    [GeneratedRegex(@"^<!--\s*(?<key>[a-z]+):\s*(?<value>.*?)\s*-->\s*$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Comment();
}
