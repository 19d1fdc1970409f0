namespace Resilience.Lab.Cli;

/// <summary>Finds the name a person most likely meant.</summary>
internal static class Suggest
{
    /// <summary>The nearest known name, or null when none is near enough to be a typing slip.</summary>
    public static string? Nearest(string typed, IEnumerable<string> known)
    {
        var wanted = typed.Trim().ToLowerInvariant();
        var limit = Math.Max(2, wanted.Length / 3);
        return known
            .Select(name => (name, distance: Distance(wanted, name.ToLowerInvariant())))
            .Where(candidate => candidate.distance <= limit || IsPrefix(wanted, candidate.name))
            .OrderBy(candidate => candidate.distance)
            .ThenBy(candidate => candidate.name, StringComparer.Ordinal)
            .Select(candidate => candidate.name)
            .FirstOrDefault();
    }

    /// <summary>One error for an unknown name: what was typed, what was probably meant, what exists.</summary>
    /// <param name="where">Said after the name.</param>
    public static LabException Unknown(string what, string typed, IReadOnlyCollection<string> known, string? where = null)
    {
        var nearest = Nearest(typed, known);
        var hint = nearest is null ? string.Empty : $"Did you mean \"{nearest}\"? ";
        return new LabException($"there is no {what} \"{typed}\"{(where is null ? string.Empty : $" {where}")}", $"{hint}Known: {string.Join(", ", known)}.");
    }

    /// <summary>Edits (insert, delete, replace, swap of neighbours) between two words.</summary>
    public static int Distance(string left, string right)
    {
        var rows = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
        {
            rows[i, 0] = i;
        }

        for (var j = 0; j <= right.Length; j++)
        {
            rows[0, j] = j;
        }

        for (var i = 1; i <= left.Length; i++)
        {
            for (var j = 1; j <= right.Length; j++)
            {
                var replaced = rows[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replaced, 1 + Math.Min(rows[i - 1, j], rows[i, j - 1]));
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[left.Length, right.Length];
    }

    private static bool IsPrefix(string typed, string name) =>
        typed.Length >= 3 && name.StartsWith(typed, StringComparison.OrdinalIgnoreCase);
}
