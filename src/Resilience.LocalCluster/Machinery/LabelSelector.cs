using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>A label selector, from a query string (<c>a=b,c in (d,e),!f</c>) or from an object's <c>selector</c>.</summary>
internal sealed class LabelSelector
{
    public static readonly LabelSelector Everything = new([]);

    private readonly IReadOnlyList<Requirement> _requirements;

    private LabelSelector(IReadOnlyList<Requirement> requirements) => _requirements = requirements;

    private enum Operator
    {
        In,
        NotIn,
        Exists,
        Absent,
        Greater,
        Less,
    }

    public bool IsEverything => _requirements.Count == 0;

    /// <exception cref="StatusException">400, worded as the real parser words it.</exception>
    public static LabelSelector Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return Everything;
        }

        var tokens = new Tokens(text);
        var requirements = new List<Requirement>();
        while (true)
        {
            requirements.Add(ParseRequirement(tokens));
            var next = tokens.Next();
            if (next.Length == 0)
            {
                return new(requirements);
            }

            if (next != ",")
            {
                throw StatusException.BadRequest($"found '{next}', expected: ',' or 'end of string'");
            }
        }
    }

    /// <summary>metav1.LabelSelector: null selects nothing, empty everything.</summary>
    public static LabelSelector? From(JsonObject? selector)
    {
        if (selector is null)
        {
            return null;
        }

        var requirements = new List<Requirement>();
        foreach (var (key, value) in selector.Object("matchLabels") ?? [])
        {
            requirements.Add(new(key, Operator.In, [value.String() ?? ""]));
        }

        foreach (var expression in selector.Array("matchExpressions") ?? [])
        {
            var values = (expression.Array("values") ?? []).Select(static v => v.String() ?? "").ToList();
            requirements.Add(new(expression.String("key") ?? "", expression.String("operator") switch
            {
                "In" => Operator.In,
                "NotIn" => Operator.NotIn,
                "Exists" => Operator.Exists,
                _ => Operator.Absent,
            }, values));
        }

        return new(requirements);
    }

    /// <summary>A Service's selector: a plain map; null where the Service has none and selects nothing.</summary>
    public static LabelSelector? FromMap(JsonObject? labels) => labels is null or { Count: 0 } ? null
        : new([.. labels.Select(static l => new Requirement(l.Key, Operator.In, [l.Value.String() ?? ""]))]);

    public bool Matches(JsonObject? labels)
    {
        foreach (var requirement in _requirements)
        {
            var value = labels.String(requirement.Key);
            var fits = requirement.Operator switch
            {
                Operator.In => value is not null && requirement.Values.Contains(value),
                Operator.NotIn => value is null || !requirement.Values.Contains(value),
                Operator.Exists => value is not null,
                Operator.Absent => value is null,
                Operator.Greater => long.TryParse(value, out var number) && number > long.Parse(requirement.Values[0], null),
                _ => long.TryParse(value, out var number) && number < long.Parse(requirement.Values[0], null),
            };
            if (!fits)
            {
                return false;
            }
        }

        return true;
    }

    public bool Matches(StoredObject item) => _requirements.Count == 0 || Matches(item.Metadata["labels"] as JsonObject);

    /// <summary>The query form, keys in order, as scale.status.selector shows it.</summary>
    public override string ToString() => string.Join(',', _requirements.OrderBy(static r => r.Key, StringComparer.Ordinal).Select(static r => r.Operator switch
    {
        Operator.In when r.Values.Count == 1 => $"{r.Key}={r.Values[0]}",
        Operator.In => $"{r.Key} in ({string.Join(',', r.Values)})",
        Operator.NotIn => $"{r.Key} notin ({string.Join(',', r.Values)})",
        Operator.Exists => r.Key,
        Operator.Absent => $"!{r.Key}",
        Operator.Greater => $"{r.Key}>{r.Values[0]}",
        _ => $"{r.Key}<{r.Values[0]}",
    }));

    private static Requirement ParseRequirement(Tokens tokens)
    {
        var first = tokens.Next();
        if (first == "!")
        {
            return new(Identifier(tokens.Next()), Operator.Absent, []);
        }

        if (first.Length == 0 || Tokens.IsSymbol(first))
        {
            throw StatusException.BadRequest($"found '{first}', expected: !, identifier, or 'end of string'");
        }

        var key = Identifier(first);
        if (tokens.Peek() is "" or ",")
        {
            return new(key, Operator.Exists, []);
        }

        var relation = tokens.Next();
        switch (relation)
        {
            case "=" or "==" or "!=":
                var value = tokens.Peek() is "" or "," ? "" : tokens.Next();
                return new(key, relation == "!=" ? Operator.NotIn : Operator.In, [value]);
            case "in" or "notin":
                return new(key, relation == "in" ? Operator.In : Operator.NotIn, Values(tokens));
            case ">" or "<" or "gt" or "lt":
                var bound = tokens.Next();
                return long.TryParse(bound, out _)
                    ? new(key, relation is ">" or "gt" ? Operator.Greater : Operator.Less, [bound])
                    : throw StatusException.BadRequest($"for 'Gt', 'Lt' operators, the value must be an integer");
            default:
                throw StatusException.BadRequest($"unable to parse requirement: found '{relation}', expected: in, notin, =, ==, !=, gt, lt");
        }
    }

    private static List<string> Values(Tokens tokens)
    {
        var open = tokens.Next();
        if (open != "(")
        {
            throw StatusException.BadRequest($"unable to parse requirement: found '{open}' expected: '('");
        }

        var values = new List<string>();
        while (true)
        {
            var token = tokens.Next();
            switch (token)
            {
                case ")":
                    return values.Count == 0 ? [""] : values;
                case ",":
                    continue;
                case "":
                    throw StatusException.BadRequest("unable to parse requirement: found '', expected: ',', or ')'");
                default:
                    values.Add(token);
                    continue;
            }
        }
    }

    private static string Identifier(string text) => text.Length > 0 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '/')
        ? text
        : throw StatusException.BadRequest(
            $"unable to parse requirement: <nil>: Invalid value: \"{text}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");

    private sealed record Requirement(string Key, Operator Operator, IReadOnlyList<string> Values);

    private sealed class Tokens(string text)
    {
        private int _position;

        public static bool IsSymbol(string token) => token is "=" or "==" or "!=" or "!" or "," or "(" or ")" or "<" or ">";

        public string Peek()
        {
            var position = _position;
            var token = Next();
            _position = position;
            return token;
        }

        public string Next()
        {
            while (_position < text.Length && char.IsWhiteSpace(text[_position]))
            {
                _position++;
            }

            if (_position == text.Length)
            {
                return "";
            }

            var start = _position;
            if (Symbol(text[_position]))
            {
                _position++;
                if (_position < text.Length && text[_position] == '=' && text[start] is '=' or '!')
                {
                    _position++;
                }

                return text[start.._position];
            }

            while (_position < text.Length && !Symbol(text[_position]) && !char.IsWhiteSpace(text[_position]))
            {
                _position++;
            }

            return text[start.._position];
        }

        private static bool Symbol(char c) => c is '=' or '!' or ',' or '(' or ')' or '<' or '>';
    }
}
