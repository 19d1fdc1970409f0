using System.Text;
using System.Text.Json;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>One value of a series.</summary>
/// <param name="UnixSeconds">Instant of evaluation.</param>
/// <param name="Value">May be NaN or infinite.</param>
internal readonly record struct PrometheusPoint(double UnixSeconds, double Value);

/// <summary>An answer of Prometheus's HTTP API, version 1, to a query.</summary>
/// <param name="Error">What the server says is wrong with the query or with itself; null on success.</param>
/// <param name="Kind"><c>scalar</c>, <c>vector</c>, <c>matrix</c> or <c>string</c>; empty on error.</param>
/// <param name="Series">One for each label set; a scalar is one series of one point.</param>
/// <param name="Warnings">Reasons why the answer may be partial.</param>
internal sealed record PrometheusAnswer(string? Error, string Kind, IReadOnlyList<IReadOnlyList<PrometheusPoint>> Series, IReadOnlyList<string> Warnings)
{
    /// <returns>Null when the text is not such an answer.</returns>
    public static PrometheusAnswer? Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            return root.GetProperty("status").GetString() switch
            {
                "success" => Success(root),
                "error" => new($"{Text(root, "errorType")}: {Text(root, "error")}".ReplaceLineEndings(" "), "", [], []),
                _ => null,
            };
        }
        catch (Exception ex) when (ex is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private static PrometheusAnswer Success(JsonElement root)
    {
        var data = root.GetProperty("data");
        var kind = data.GetProperty("resultType").GetString() ?? "";
        var result = data.GetProperty("result");
        IReadOnlyList<IReadOnlyList<PrometheusPoint>> series = kind switch
        {
            "scalar" => [[Point(result)]],
            "vector" => [.. result.EnumerateArray().Select(one => (IReadOnlyList<PrometheusPoint>)[Point(one.GetProperty("value"))])],
            "matrix" => [.. result.EnumerateArray().Select(one => (IReadOnlyList<PrometheusPoint>)[.. one.GetProperty("values").EnumerateArray().Select(Point)])],
            "string" => [],
            _ => throw new FormatException(kind),
        };
        var warnings = root.TryGetProperty("warnings", out var found) && found.ValueKind == JsonValueKind.Array
            ? found.EnumerateArray().Select(one => one.ToString().ReplaceLineEndings(" ")).ToList()
            : [];
        return new(null, kind, series, warnings);
    }

    private static PrometheusPoint Point(JsonElement pair) =>
        ExpositionParser.TryNumber(Encoding.UTF8.GetBytes(pair[1].GetString() ?? ""), out var value)
            ? new(pair[0].GetDouble(), value)
            : throw new FormatException("not a number");

    private static string Text(JsonElement root, string name) => root.TryGetProperty(name, out var value) ? value.ToString() : "";
}
