using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.CustomResources;

/// <summary>
/// Validates a custom resource against its schema and words failures as the real server does. CEL rules
/// (<c>x-kubernetes-validations</c>) are stored and shown, but not evaluated.
/// </summary>
internal static class SchemaValidator
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromMilliseconds(200);

    public static void Validate(JsonNode? value, JsonObject schema, string path, List<StatusCause> causes)
    {
        if (value is null)
        {
            if (schema.Bool("nullable") != true && schema.String("type") is { } wanted)
            {
                causes.Add(WrongType(path, "null", wanted));
            }

            return;
        }

        if (!CheckType(value, schema, path, causes))
        {
            return;
        }

        switch (value)
        {
            case JsonObject fields:
                Object(fields, schema, path, causes);
                break;
            case JsonArray list:
                List(list, schema, path, causes);
                break;
            default:
                Scalar(value, schema, path, causes);
                break;
        }

        Enum(value, schema, path, causes);
        Combinations(value, schema, path, causes);
    }

    private static bool CheckType(JsonNode value, JsonObject schema, string path, List<StatusCause> causes)
    {
        var kind = value.GetValueKind();
        if (schema.Bool("x-kubernetes-int-or-string") == true)
        {
            if (kind == JsonValueKind.String || IsWhole(value))
            {
                return true;
            }

            causes.Add(WrongType(path, Name(value), "integer,string"));
            return false;
        }

        var type = schema.String("type");
        var fits = type switch
        {
            null => true,
            "object" => value is JsonObject,
            "array" => value is JsonArray,
            "string" => kind == JsonValueKind.String,
            "boolean" => kind is JsonValueKind.True or JsonValueKind.False,
            "integer" => IsWhole(value),
            "number" => kind == JsonValueKind.Number,
            _ => true,
        };
        if (!fits)
        {
            causes.Add(WrongType(path, Name(value), type!));
        }

        return fits;
    }

    private static void Object(JsonObject fields, JsonObject schema, string path, List<StatusCause> causes)
    {
        foreach (var required in (schema.Array("required") ?? []).Select(static r => r.String() ?? "").Where(r => !fields.ContainsKey(r)))
        {
            causes.Add(new(Join(path, required), "FieldValueRequired", "Required value"));
        }

        Bound(fields.Count, schema.Long("minProperties"), schema.Long("maxProperties"), path, "properties", fields, causes);
        var properties = schema.Object("properties");
        foreach (var (name, value) in fields)
        {
            if (properties.Object(name) is { } known)
            {
                Validate(value, known, Join(path, name), causes);
            }
            else if (schema.Object("additionalProperties") is { } each)
            {
                Validate(value, each, Join(path, name), causes);
            }
        }
    }

    private static void List(JsonArray list, JsonObject schema, string path, List<StatusCause> causes)
    {
        if (schema.Long("maxItems") is { } most && list.Count > most)
        {
            causes.Add(new(path, "FieldValueTooMany", $"Too many: {list.Count}: must have at most {most} items"));
        }

        Bound(list.Count, schema.Long("minItems"), null, path, "items", list, causes);
        var keys = schema.String("x-kubernetes-list-type") switch
        {
            "map" => (schema.Array("x-kubernetes-list-map-keys") ?? []).Select(static k => k.String() ?? "").ToList(),
            "set" => [],
            _ => null,
        };
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
        {
            var itemPath = $"{path}[{i.ToString(CultureInfo.InvariantCulture)}]";
            if (schema.Object("items") is { } items)
            {
                Validate(list[i], items, itemPath, causes);
            }

            var identity = keys is null ? null : keys.Count == 0 ? list[i]?.ToJsonString() : new JsonObject(
                keys.Select(k => KeyValuePair.Create(k, list[i].At(k)?.DeepClone()))).ToJsonString();
            if (identity is not null && !seen.Add(identity))
            {
                causes.Add(new(itemPath, "FieldValueDuplicate", $"Duplicate value: {identity}"));
            }
        }
    }

    private static void Scalar(JsonNode value, JsonObject schema, string path, List<StatusCause> causes)
    {
        if (value.GetValueKind() == JsonValueKind.Number)
        {
            Number(value, schema, path, causes);
        }
        else if (value.GetValueKind() == JsonValueKind.String)
        {
            Text(value.GetValue<string>(), schema, path, causes);
        }
    }

    private static void Number(JsonNode value, JsonObject schema, string path, List<StatusCause> causes)
    {
        var number = decimal.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);
        void Fail(string what) => causes.Add(new(path, "FieldValueInvalid", $"Invalid value: {value.ToJsonString()}: {path} in body should be {what}"));
        if (Limit(schema, "minimum") is { } least && (number < least || (number == least && schema.Bool("exclusiveMinimum") == true)))
        {
            Fail($"greater than {(schema.Bool("exclusiveMinimum") == true ? "" : "or equal to ")}{least.ToString(CultureInfo.InvariantCulture)}");
        }

        if (Limit(schema, "maximum") is { } most && (number > most || (number == most && schema.Bool("exclusiveMaximum") == true)))
        {
            Fail($"less than {(schema.Bool("exclusiveMaximum") == true ? "" : "or equal to ")}{most.ToString(CultureInfo.InvariantCulture)}");
        }

        if (Limit(schema, "multipleOf") is { } step && step != 0 && number % step != 0)
        {
            Fail($"a multiple of {step.ToString(CultureInfo.InvariantCulture)}");
        }
    }

    private static void Text(string text, JsonObject schema, string path, List<StatusCause> causes)
    {
        var shown = JsonValue.Create(text).ToJsonString(JsonExtensions.Compact);
        void Fail(string what) => causes.Add(new(path, "FieldValueInvalid", $"Invalid value: {shown}: {path} in body {what}"));
        if (schema.Long("maxLength") is { } most && text.Length > most)
        {
            causes.Add(new(path, "FieldValueTooLong", $"Too long: may not be more than {most} bytes"));
        }

        if (schema.Long("minLength") is { } least && text.Length < least)
        {
            Fail($"should be at least {least} chars long");
        }

        if (schema.String("pattern") is { } pattern && !Regex.IsMatch(text, pattern, RegexOptions.ECMAScript, PatternTimeout))
        {
            Fail($"should match '{pattern}'");
        }

        if (schema.String("format") is { } format && !HasFormat(text, format))
        {
            Fail($"must be of type {format}: {shown}");
        }
    }

    private static void Enum(JsonNode value, JsonObject schema, string path, List<StatusCause> causes)
    {
        if (schema.Array("enum") is { } allowed && !allowed.Any(a => JsonNode.DeepEquals(a, value)))
        {
            causes.Add(new(path, "FieldValueNotSupported",
                $"Unsupported value: {value.ToJsonString(JsonExtensions.Compact)}: supported values: {string.Join(", ", allowed.Select(static a => a?.ToJsonString(JsonExtensions.Compact)))}"));
        }
    }

    private static void Combinations(JsonNode value, JsonObject schema, string path, List<StatusCause> causes)
    {
        int Fitting(string keyword) => (schema.Array(keyword) ?? []).OfType<JsonObject>().Count(option =>
        {
            var trial = new List<StatusCause>();
            Validate(value, option, path, trial);
            return trial.Count == 0;
        });
        void Fail(string what) => causes.Add(new(path, "FieldValueInvalid", $"Invalid value: {value.ToJsonString(JsonExtensions.Compact)}: {path} in body {what}"));
        foreach (var part in (schema.Array("allOf") ?? []).OfType<JsonObject>())
        {
            Validate(value, part, path, causes);
        }

        if (schema.Array("oneOf") is not null && Fitting("oneOf") != 1)
        {
            Fail("must validate one and only one schema (oneOf). Found none valid");
        }

        if (schema.Array("anyOf") is not null && schema.Bool("x-kubernetes-int-or-string") != true && Fitting("anyOf") == 0)
        {
            Fail("must validate at least one schema (anyOf)");
        }

        if (schema.Object("not") is { } not)
        {
            var trial = new List<StatusCause>();
            Validate(value, not, path, trial);
            if (trial.Count == 0)
            {
                Fail("must not validate the schema (not)");
            }
        }
    }

    private static void Bound(int count, long? least, long? most, string path, string what, JsonNode value, List<StatusCause> causes)
    {
        if (least is not null && count < least)
        {
            causes.Add(new(path, "FieldValueInvalid", $"Invalid value: {value.ToJsonString()}: {path} in body should have at least {least} {what}"));
        }

        if (most is not null && count > most)
        {
            causes.Add(new(path, "FieldValueTooMany", $"Too many: {count}: must have at most {most} items"));
        }
    }

    private static bool HasFormat(string text, string format) => format switch
    {
        "date-time" => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _) && text.Contains('T', StringComparison.Ordinal),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "duration" => Regex.IsMatch(text, @"^[+-]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$", RegexOptions.None, PatternTimeout) || IsIsoDuration(text),
        "ipv4" => System.Net.IPAddress.TryParse(text, out var four) && four.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork,
        "ipv6" => System.Net.IPAddress.TryParse(text, out var six) && six.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6,
        "uuid" => Guid.TryParse(text, out _),
        "uri" => Uri.TryCreate(text, UriKind.RelativeOrAbsolute, out _),
        _ => true,   // unknown formats are ignored, as on a real server
    };

    private static bool IsIsoDuration(string text)
    {
        try
        {
            _ = XmlConvert.ToTimeSpan(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static decimal? Limit(JsonObject schema, string name) =>
        schema[name] is { } value && decimal.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var limit) ? limit : null;

    private static bool IsWhole(JsonNode value) => value.GetValueKind() == JsonValueKind.Number && value.Long() is not null;

    private static string Name(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => IsWhole(value) ? "integer" : "number",
        _ => "boolean",
    };

    private static StatusCause WrongType(string path, string found, string wanted) =>
        new(path, "FieldValueTypeInvalid", $"Invalid value: \"{found}\": {path} in body must be of type {wanted}: \"{found}\"");

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
