namespace Resilience.FailoverWatcher.Cluster;

/// <summary>Comparisons of equality-based selectors.</summary>
internal static class Selectors
{
    public static bool Same(IEnumerable<KeyValuePair<string, string>>? left, IReadOnlyDictionary<string, string> right) =>
        left is not null && left.Count() == right.Count && left.All(pair => right.TryGetValue(pair.Key, out var value) && value == pair.Value);

    public static bool Match(IReadOnlyDictionary<string, string> selector, IDictionary<string, string>? labels) =>
        labels is not null && selector.Count > 0 && selector.All(pair => labels.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
