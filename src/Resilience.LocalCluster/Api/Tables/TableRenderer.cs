using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.CustomResources;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Tables;

/// <param name="Priority">0 is always shown, 1 only with <c>-o wide</c>.</param>
internal sealed record TableColumn(string Name, string Type, string Format, int Priority, string Description = "");

/// <summary>How one kind is shown in rows.</summary>
internal sealed record TableLayout(IReadOnlyList<TableColumn> Columns, Func<StoredObject, DateTimeOffset, JsonArray> Cells);

/// <summary>Renders <c>as=Table</c>: the server decides the columns, kubectl only aligns them.</summary>
internal sealed class TableRenderer(CustomResourceRegistry customResources, TimeProvider clock)
{
    /// <param name="includeObject">None, Metadata (the default) or Object.</param>
    /// <param name="listMetadata">Of a list; null for a single object or a watch event.</param>
    public byte[] Render(
        ResourceType type, IReadOnlyList<StoredObject> items, string metaVersion, string? includeObject, JsonObject? listMetadata, bool withColumns = true)
    {
        var layout = LayoutOf(type);
        var now = clock.GetUtcNow();
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JsonExtensions.Compact.Encoder }))
        {
            json.WriteStartObject();
            json.WriteString("kind", "Table");
            json.WriteString("apiVersion", $"meta.k8s.io/{metaVersion}");
            json.WritePropertyName("metadata");
            (listMetadata ?? new JsonObject { ["resourceVersion"] = items.Count == 1 ? items[0].Metadata.String("resourceVersion") : "" }).WriteTo(json);
            json.WritePropertyName("columnDefinitions");
            WriteColumns(json, withColumns ? layout.Columns : null);
            json.WriteStartArray("rows");
            foreach (var item in items)
            {
                json.WriteStartObject();
                json.WritePropertyName("cells");
                layout.Cells(item, now).WriteTo(json);
                WriteObject(json, item, metaVersion, includeObject);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteColumns(Utf8JsonWriter json, IReadOnlyList<TableColumn>? columns)
    {
        if (columns is null)
        {
            json.WriteNullValue();   // the second event of a watch on: the columns are known
            return;
        }

        json.WriteStartArray();
        foreach (var column in columns)
        {
            json.WriteStartObject();
            json.WriteString("name", column.Name);
            json.WriteString("type", column.Type);
            json.WriteString("format", column.Format);
            json.WriteString("description", column.Description);
            json.WriteNumber("priority", column.Priority);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteObject(Utf8JsonWriter json, StoredObject item, string metaVersion, string? includeObject)
    {
        switch (includeObject)
        {
            case "None":
                break;
            case "Object":
                json.WritePropertyName("object");
                json.WriteRawValue(item.Utf8.Span, skipInputValidation: true);
                break;
            default:
                json.WritePropertyName("object");
                json.WriteStartObject();
                json.WriteString("kind", "PartialObjectMetadata");
                json.WriteString("apiVersion", $"meta.k8s.io/{metaVersion}");
                json.WritePropertyName("metadata");
                item.Metadata.WriteTo(json);
                json.WriteEndObject();
                break;
        }
    }

    private TableLayout LayoutOf(ResourceType type) =>
        customResources.Find(type)?.Layout ?? BuiltInTables.For(type);
}
