using System.Globalization;
using System.Text;

namespace Resilience.Cost.Tests;

/// <summary>A reader of RFC 4180 text, independent of the writer under test.</summary>
internal static class CsvTable
{
    public static IReadOnlyList<CsvLine> Parse(string text)
    {
        var lines = Lines(text).ToArray();
        Assert.All(lines, line => Assert.Equal(lines[0].Count, line.Count));
        return [.. lines.Skip(1).Select(line => new CsvLine(lines[0].Zip(line).ToDictionary(pair => pair.First, pair => pair.Second)))];
    }

    private static IEnumerable<List<string>> Lines(string text)
    {
        var (line, field, quoted) = (new List<string>(), new StringBuilder(), false);
        for (var index = 0; index < text.Length; index++)
        {
            var letter = text[index];
            if (quoted && letter == '"' && index + 1 < text.Length && text[index + 1] == '"')
            {
                field.Append('"');
                index++;
            }
            else if (letter == '"')
            {
                quoted = !quoted;
            }
            else if (!quoted && letter is ',' or '\n')
            {
                line.Add(field.ToString());
                field.Clear();
                if (letter == '\n')
                {
                    yield return line;
                    line = [];
                }
            }
            else
            {
                field.Append(letter);
            }
        }
    }
}

internal sealed record CsvLine(IReadOnlyDictionary<string, string> Fields)
{
    public string this[string name] => Fields[name];

    public decimal Number(string name) => decimal.Parse(Fields[name], CultureInfo.InvariantCulture);
}
