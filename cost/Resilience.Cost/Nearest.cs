namespace Resilience.Cost;

/// <summary>Finds the name a person most likely meant.</summary>
internal static class Nearest
{
    /// <summary>One line for an unknown name: what was typed, what was probably meant, what exists.</summary>
    public static CostInputException Unknown(string what, string typed, IEnumerable<string> known, string? place = null)
    {
        var names = known.ToArray();
        var hint = To(typed, names) is { } nearest ? $"did you mean \"{nearest}\"? " : string.Empty;
        var prefix = place is null ? string.Empty : $"{place}: ";
        return new CostInputException($"{prefix}there is no {what} \"{typed}\"; {hint}known: {string.Join(", ", names)}");
    }

    /// <summary>The nearest known name, or null when every one differs in more than about a third of its letters.</summary>
    public static string? To(string typed, IReadOnlyList<string> known)
    {
        var wanted = typed.Trim().ToUpperInvariant();
        var best = known
            .Select(name => (Name: name, Edits: Edits(wanted, name.ToUpperInvariant())))
            .OrderBy(candidate => candidate.Edits)
            .FirstOrDefault();
        if (best.Name is not null && best.Edits <= Math.Max(2, wanted.Length / 3))
        {
            return best.Name;
        }

        return wanted.Length < 3 ? null : known.FirstOrDefault(name => name.Contains(wanted, StringComparison.OrdinalIgnoreCase));
    }

    private static int Edits(string left, string right)
    {
        var previous = Enumerable.Range(0, right.Length + 1).ToArray();
        foreach (var (letter, row) in left.Select((letter, index) => (letter, index + 1)))
        {
            var current = new int[right.Length + 1];
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var replace = previous[column - 1] + (letter == right[column - 1] ? 0 : 1);
                current[column] = Math.Min(replace, 1 + Math.Min(previous[column], current[column - 1]));
            }

            previous = current;
        }

        return previous[^1];
    }
}
