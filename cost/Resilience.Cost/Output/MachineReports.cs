using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Cost.Model;

namespace Resilience.Cost.Output;

/// <summary>The report for programs: JSON with every input and figure, CSV with one row per strategy.</summary>
internal static class MachineReports
{
    // Amounts are exact sums; ratios need not carry 28 digits.
    private const int RatioDecimals = 12;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new TrimmedDecimals() },
    };

    public static string ToJson(CostReport report) => JsonSerializer.Serialize(
        new
        {
            SchemaVersion = 1,
            CostModel.MonthHours,
            Prices = report.Rate.Prices,
            Pod = new
            {
                report.Rate.Shape.CpuCores,
                report.Rate.Shape.MemoryGib,
                report.Rate.CpuUsdPerPodHour,
                report.Rate.MemoryUsdPerPodHour,
                report.Rate.UsdPerPodHour,
            },
            report.Scenario,
            Baseline = report.Baseline.Name,
            Strategies = report.Strategies.Select(strategy => Row(report, strategy)),
            report.Standby,
            report.Failovers,
            report.ForecastMiss,
            report.Timeline,
            ReplayForecast = report.Replay,
        },
        Json);

    public static string ToCsv(CostReport report)
    {
        var text = new StringBuilder();
        CsvText.AppendLine(text, [
            "strategy", "baseline", "month_hours", "usd_per_pod_hour", "pod_hours", "usd_per_month",
            "savings_usd", "savings_percent", "good_requests", "usd_per_million_good_requests"]);
        foreach (var strategy in report.Strategies)
        {
            var savings = report.SavingsOf(strategy);
            CsvText.AppendLine(text, [
                strategy.Name,
                report.Baseline.Name,
                Figures.Exact(CostModel.MonthHours),
                Figures.Exact(report.Rate.UsdPerPodHour),
                Figures.Exact(strategy.PodHours),
                Figures.Exact(strategy.Usd),
                Figures.Exact(savings.Usd),
                Figures.Exact(Ratio(savings.Percent)),
                Figures.Exact(strategy.GoodRequests),
                strategy.UsdPerMillionGoodRequests is { } perMillion ? Figures.Exact(Ratio(perMillion)) : null]);
        }

        return text.ToString();
    }

    /// <summary>The same for one measured run.</summary>
    public static string ToJson(PodRate rate, decimal replicaSeconds, long goodRequests) => JsonSerializer.Serialize(
        new
        {
            SchemaVersion = 1,
            rate.Prices,
            Pod = rate.Shape,
            rate.UsdPerPodHour,
            ReplicaSeconds = replicaSeconds,
            GoodRequests = goodRequests,
            Cost = rate.Measure(replicaSeconds, goodRequests),
        },
        Json);

    private static object Row(CostReport report, StrategyCost strategy)
    {
        var savings = report.SavingsOf(strategy);
        return new
        {
            strategy.Name,
            strategy.RunsWhat,
            strategy.Lines,
            strategy.PodHours,
            UsdPerMonth = strategy.Usd,
            SavingsUsd = savings.Usd,
            SavingsPercent = Ratio(savings.Percent),
            strategy.GoodRequests,
            UsdPerMillionGoodRequests = strategy.UsdPerMillionGoodRequests is { } perMillion ? Ratio(perMillion) : (decimal?)null,
        };
    }

    private static decimal Ratio(decimal ratio) => Math.Round(ratio, RatioDecimals, MidpointRounding.ToEven);

    private sealed class TrimmedDecimals : JsonConverter<decimal>
    {
        public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDecimal();

        public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) =>
            writer.WriteRawValue(Figures.Trim(value).ToString(CultureInfo.InvariantCulture));
    }
}
