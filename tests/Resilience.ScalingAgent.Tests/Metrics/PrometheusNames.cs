using System.Text.RegularExpressions;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

/// <summary>An instrument as docs/metrics.md lists it.</summary>
/// <param name="Kind">counter, gauge or histogram.</param>
public sealed partial record DocumentedInstrument(string Name, string Kind, string Unit)
{
    /// <summary>Names of its samples on a metrics page; <see cref="SpellingTests"/> holds them against the real exporter.</summary>
    public IEnumerable<string> SampleNames
    {
        get
        {
            var name = Name.Replace('.', '_') + Suffix;
            return Kind switch
            {
                "counter" => [name + "_total"],
                "histogram" => [name + "_bucket", name + "_sum", name + "_count"],
                _ => [name],
            };
        }
    }

    private string Suffix => Unit switch
    {
        "s" => "_seconds",
        _ when Unit.EndsWith("}/s", StringComparison.Ordinal) => "_per_second",
        _ when Unit.EndsWith("}/h", StringComparison.Ordinal) => "_per_hour",
        _ => "",
    };

    public static IReadOnlyList<DocumentedInstrument> All { get; } =
        [.. File.ReadLines(Path.Combine(Repository.Root, "docs", "metrics.md")).Select(line => Row().Match(line)).Where(match => match.Success)
            .Select(match => new DocumentedInstrument(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value))];

    [GeneratedRegex(@"^\| `([a-z0-9_.]+)` \| (counter|gauge|histogram) \| (\S+) \|")]
    private static partial Regex Row();
}
