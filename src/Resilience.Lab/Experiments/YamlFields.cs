using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Resilience.Lab.Experiments;

/// <summary>Reads one YAML mapping strictly: every error names file and line and says what was expected; unread keys are errors.</summary>
internal sealed class YamlFields
{
    private readonly string _file;
    private readonly YamlMappingNode _map;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    private YamlFields(string file, YamlMappingNode map)
    {
        _file = file;
        _map = map;
    }

    public static YamlFields Parse(string file, TextReader text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(text);
        }
        catch (YamlException broken)
        {
            throw new LabException($"{file}:{broken.Start.Line}: this is not YAML: {broken.Message.TrimEnd('.')}", "Expected keys and values like \"name: outage\".");
        }
        catch (InvalidOperationException)
        {
            // YamlDotNet's scanner gives up this way on some unclosed brackets, without saying where.
            throw new LabException($"{file}: this is not YAML: a bracket or a quote is not closed", "Expected keys and values like \"name: outage\".");
        }

        return stream.Documents switch
        {
            [] => throw new LabException($"{file}:1: the file is empty", "Expected an experiment; \"./lab experiments\" lists some to copy."),
            [{ RootNode: YamlMappingNode map }] => new YamlFields(file, map),
            [{ RootNode: var other }] => throw new LabException($"{file}:{other.Start.Line}: expected keys and values, found {Describe(other)}"),
            _ => throw new LabException($"{file}:{stream.Documents[1].RootNode.Start.Line}: expected one document, found a second"),
        };
    }

    public string Text(string key) => OptionalText(key) ?? throw Missing(key, "text");

    public string? OptionalText(string key) => Find(key) switch
    {
        null => null,
        YamlScalarNode { Value: { Length: > 0 } value } => value.Trim(),
        var other => throw Error(other, key, "text"),
    };

    public string OneOf(string key, string fallback, IReadOnlyCollection<string> allowed)
    {
        var node = Find(key);
        if (node is null)
        {
            return fallback;
        }

        if (node is YamlScalarNode { Value: { } value } && allowed.Contains(value))
        {
            return value;
        }

        var nearest = node is YamlScalarNode { Value: { } typed } ? Suggest.Nearest(typed, allowed) : null;
        var hint = nearest is null ? null : $"Did you mean \"{nearest}\"?";
        throw Error(node, key, $"one of {string.Join(", ", allowed)}", hint);
    }

    public double Number(string key, double? fallback, double min, double max)
    {
        var node = Find(key);
        if (node is null)
        {
            return fallback ?? throw Missing(key, "a number");
        }

        if (node is YamlScalarNode { Value: { } text }
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }

        throw Error(node, key, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));
    }

    public TimeSpan Time(string key, TimeSpan? fallback)
    {
        var node = Find(key);
        return node switch
        {
            null => fallback ?? throw Missing(key, "a time like 20s"),
            YamlScalarNode { Value: { } text } when Durations.TryParse(text, out var value) => value,
            _ => throw Error(node, key, "a time like 250ms, 20s or 2m"),
        };
    }

    public int Whole(string key, int? fallback, int min, int max)
    {
        var value = Number(key, fallback, min, max);
        return value == Math.Floor(value) ? (int)value : throw Error(key, string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}"));
    }

    /// <summary>A time of day such as 09:30.</summary>
    public TimeSpan TimeOfDay(string key, TimeSpan? fallback)
    {
        var node = Find(key);
        return node switch
        {
            null => fallback ?? throw Missing(key, "a time of day like 09:30"),
            YamlScalarNode { Value: { } text } when TimeSpan.TryParseExact(text, @"hh\:mm", CultureInfo.InvariantCulture, out var time) => time,
            _ => throw Error(node, key, "a time of day like 09:30"),
        };
    }

    public bool Flag(string key, bool fallback) => OneOf(key, fallback ? "true" : "false", ["true", "false"]) == "true";

    public bool Has(string key) => Find(key) is not null;

    public YamlFields? Map(string key) => Find(key) switch
    {
        null => null,
        YamlMappingNode map => new YamlFields(_file, map),
        var other => throw Error(other, key, "keys and values"),
    };

    public IReadOnlyList<YamlFields> Maps(string key) => Find(key) switch
    {
        null => [],
        YamlSequenceNode list => [.. list.Children.Select(child => child is YamlMappingNode map
            ? new YamlFields(_file, map)
            : throw Error(child, key, "a list of \"- key: value\" items"))],
        var other => throw Error(other, key, "a list of \"- key: value\" items"),
    };

    /// <summary>Any YAML below a key as JSON, for patches.</summary>
    public JsonObject Json(string key) => Find(key) switch
    {
        null => throw Missing(key, "keys and values"),
        YamlMappingNode map => (JsonObject)YamlJson.Convert(map)!,
        var other => throw Error(other, key, "keys and values"),
    };

    /// <summary>All keys of a mapping whose names are free, such as Deployment names.</summary>
    public IReadOnlyList<string> Keys()
    {
        var keys = _map.Children.Keys.Select(key => ((YamlScalarNode)key).Value ?? string.Empty).ToArray();
        _known.UnionWith(keys);
        return keys;
    }

    /// <summary>Call when everything known was read: a key nobody asked for is a slip, never ignored.</summary>
    public void RejectUnknown()
    {
        foreach (var key in _map.Children.Keys)
        {
            var name = (key as YamlScalarNode)?.Value ?? key.ToString();
            if (!_known.Contains(name))
            {
                var nearest = Suggest.Nearest(name, _known);
                var hint = nearest is null ? string.Empty : $"Did you mean \"{nearest}\"? ";
                throw new LabException($"{_file}:{key.Start.Line}: unknown key \"{name}\"", $"{hint}Expected: {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
            }
        }
    }

    public LabException Error(string key, string expected, string? hint = null) => Error(Find(key) ?? _map, key, expected, hint);

    private LabException Error(YamlNode node, string key, string expected, string? hint = null) =>
        new($"{_file}:{node.Start.Line}: \"{key}\": expected {expected}, found {Describe(node)}", hint);

    private LabException Missing(string key, string expected) =>
        new($"{_file}:{_map.Start.Line}: the key \"{key}\" is missing", $"Expected {expected}.");

    private YamlNode? Find(string key)
    {
        _known.Add(key);
        return _map.Children.TryGetValue(new YamlScalarNode(key), out var node) ? node : null;
    }

    private static string Describe(YamlNode node) => node switch
    {
        YamlScalarNode { Value: null or "" } => "nothing",
        YamlScalarNode scalar => $"\"{scalar.Value}\"",
        YamlSequenceNode => "a list",
        _ => "keys and values",
    };
}
