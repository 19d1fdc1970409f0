namespace Resilience.Simulation;

/// <summary>What happened, counted: a simulation in which nothing happens proves nothing.</summary>
internal sealed class Coverage
{
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    public int this[string what] => _counts.GetValueOrDefault(what);

    public void Count(string what) => _counts[what] = this[what] + 1;

    public void Add(Coverage other)
    {
        foreach (var (what, count) in other._counts)
        {
            _counts[what] = this[what] + count;
        }
    }

    public override string ToString() => string.Join(", ", _counts.Select(c => $"{c.Key} {c.Value}"));
}
