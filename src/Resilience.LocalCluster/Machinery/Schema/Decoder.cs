using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Schema;

/// <summary>What the typed decoder of a real server does to a built-in object: drops null and unknown fields, refuses wrong types.</summary>
internal static class Decoder
{
    /// <summary>Cleans <paramref name="body"/> in place.</summary>
    /// <returns>Paths of fields that the type does not have, in document order.</returns>
    /// <exception cref="FormatException">A value has the wrong type; the message is worded as the real decoder words it.</exception>
    public static IReadOnlyList<string> Decode(JsonObject body, TypeSchema schema)
    {
        var unknown = new List<string>();
        Object(body, schema.AsField(), "", schema.Name, "", unknown);
        return unknown;
    }

    private static void Object(JsonObject value, FieldSchema schema, string path, string owner, string field, List<string> unknown)
    {
        var name = schema.Type?.Name ?? owner;
        foreach (var (key, child) in value.ToList())
        {
            var childPath = path.Length == 0 ? key : $"{path}.{key}";
            if (schema.Field(key) is not { } childSchema)
            {
                if (schema.Type is not null)
                {
                    unknown.Add(childPath);
                    _ = value.Remove(key);
                }

                continue;
            }

            if (child is null)
            {
                if (schema.Kind == FieldKind.Map)
                {
                    value[key] = childSchema.Kind == FieldKind.String ? "" : null;
                }
                else
                {
                    _ = value.Remove(key);
                }

                continue;
            }

            Value(child, childSchema, childPath, name, schema.Kind == FieldKind.Map ? field : Join(field, key), unknown);
        }
    }

    private static void Value(JsonNode value, FieldSchema schema, string path, string owner, string field, List<string> unknown)
    {
        switch (schema.Kind)
        {
            case FieldKind.Any:
                return;
            case FieldKind.Object or FieldKind.Map:
                if (value is not JsonObject child)
                {
                    throw WrongType(value, owner, field, schema.Kind == FieldKind.Map ? "map" : $"v1.{schema.Type?.Name}");
                }

                Object(child, schema, path, owner, field, unknown);
                return;
            case FieldKind.List:
                if (value is not JsonArray list)
                {
                    throw WrongType(value, owner, field, $"[]{GoType(schema.Items!)}");
                }

                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is { } item)
                    {
                        Value(item, schema.Items!, $"{path}[{i.ToString(CultureInfo.InvariantCulture)}]", owner, field, unknown);
                    }
                }

                return;
            default:
                if (!Fits(value, schema.Kind))
                {
                    throw WrongType(value, owner, field, GoType(schema));
                }

                return;
        }
    }

    private static bool Fits(JsonNode value, FieldKind kind)
    {
        var json = value.GetValueKind();
        return kind switch
        {
            FieldKind.String => json == JsonValueKind.String,
            FieldKind.Bytes => json == JsonValueKind.String && IsBase64(value.GetValue<string>()),
            FieldKind.Time or FieldKind.MicroTime => json == JsonValueKind.String && value.Time() is not null,
            FieldKind.Int => value.Int() is not null,
            FieldKind.Int64 => value.Long() is not null,
            FieldKind.Number => json == JsonValueKind.Number,
            FieldKind.Bool => json is JsonValueKind.True or JsonValueKind.False,
            FieldKind.Quantity => json is JsonValueKind.Number || (json == JsonValueKind.String && Quantity.TryParse(value.GetValue<string>(), out _)),
            FieldKind.IntOrString => json == JsonValueKind.String || value.Int() is not null,
            _ => true,
        };
    }

    private static bool IsBase64(string text) => text.Length == 0 || Convert.TryFromBase64String(text, new byte[text.Length], out _);

    private static FormatException WrongType(JsonNode value, string owner, string field, string type)
    {
        var found = value.GetValueKind() switch
        {
            JsonValueKind.String => "string",
            JsonValueKind.Number => value.Long() is null || type is "string" or "bool" ? "number" : $"number {value.ToJsonString()}",
            JsonValueKind.True or JsonValueKind.False => "bool",
            JsonValueKind.Array => "array",
            _ => "object",
        };
        return new($"json: cannot unmarshal {found} into Go struct field {owner}.{field} of type {type}");
    }

    private static string GoType(FieldSchema schema) => schema.Kind switch
    {
        FieldKind.Int => "int32",
        FieldKind.Int64 => "int64",
        FieldKind.Number => "float64",
        FieldKind.Bool => "bool",
        FieldKind.Object => $"v1.{schema.Type?.Name}",
        FieldKind.List => $"[]{GoType(schema.Items!)}",
        FieldKind.Bytes => "[]uint8",
        FieldKind.IntOrString => "int32",
        _ => "string",
    };

    private static string Join(string field, string key) => field.Length == 0 ? key : $"{field}.{key}";
}
