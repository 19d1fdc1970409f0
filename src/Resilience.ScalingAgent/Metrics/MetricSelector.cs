using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>A counter and which of its label sets count, as PromQL writes it: <c>http_requests_total{handler="/",code!~"3.."}</c>.</summary>
internal sealed partial class MetricSelector
{
    private const int MaxLength = 1_024;

    private readonly IReadOnlyList<Matcher> _matchers;

    private MetricSelector(string name, IReadOnlyList<Matcher> matchers) => (Name, _matchers) = (name, matchers);

    /// <summary>Name of the samples.</summary>
    public string Name { get; }

    /// <summary>An absent label counts as empty, as in PromQL.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels) => _matchers.All(matcher => matcher.Matches(labels.GetValueOrDefault(matcher.Label, "")));

    /// <param name="problem">What is wrong, as the end of a sentence that begins with the text.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out MetricSelector? selector, [NotNullWhen(false)] out string? problem)
    {
        selector = null;
        var match = text.Length <= MaxLength ? Whole().Match(text) : Match.Empty;
        if (!match.Success)
        {
            problem = "is not a metric's name with an optional selector, such as http_requests_total{handler=\"/\"}";
            return false;
        }

        var matchers = new List<Matcher>();
        foreach (Capture capture in match.Groups["matcher"].Captures)
        {
            var part = One().Match(capture.Value);
            var value = Escape().Replace(part.Groups["value"].Value, found => found.Value == "\\n" ? "\n" : found.Value[1..]);
            try
            {
                matchers.Add(Matcher.Of(part.Groups["label"].Value, part.Groups["operator"].Value, value));
            }
            catch (Exception ex) when (ex is ArgumentException or NotSupportedException)
            {
                problem = $"has a pattern that cannot be used: {value}";
                return false;
            }
        }

        selector = new(match.Groups["name"].Value, matchers);
        problem = null;
        return true;
    }

    [GeneratedRegex("""^\s*(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{\s*((?<matcher>[a-zA-Z_][a-zA-Z0-9_]*\s*(=~|!~|!=|=)\s*"([^"\\]|\\.)*")\s*(,\s*|(?=\})))*\})?\s*$""", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Whole();

    [GeneratedRegex("""^(?<label>[a-zA-Z0-9_]+)\s*(?<operator>=~|!~|!=|=)\s*"(?<value>.*)"$""", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.Singleline)]
    private static partial Regex One();

    [GeneratedRegex("""\\[\\"n]""")]
    private static partial Regex Escape();

    private sealed record Matcher(string Label, bool Wanted, string Value, Regex? Pattern)
    {
        // Anchored like PromQL's, and without backtracking: the pattern is somebody's input and runs for every line of every page.
        public static Matcher Of(string label, string sign, string value) =>
            new(label, sign[0] != '!', value, sign[^1] == '~' ? new($"^(?:{value})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant) : null);

        public bool Matches(string value) => (Pattern?.IsMatch(value) ?? value == Value) == Wanted;
    }
}
