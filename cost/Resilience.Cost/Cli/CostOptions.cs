using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Resilience.Cost.Model;

namespace Resilience.Cost.Cli;

/// <summary>The options; each checks its own range and says in one line what it would have liked.</summary>
internal sealed class CostOptions
{
    private const int MostReplicas = 100_000;

    public Option<string[]> Strategies { get; } = new("--strategy", "-s")
    {
        Description = "Strategy to price; repeat or separate with commas. Default: all that the inputs allow. "
            + $"Known: {string.Join(", ", StrategyNames.All)}.",
        HelpName = "name",
        AllowMultipleArgumentsPerToken = true,
    };

    public Option<string> Baseline { get; } = new("--baseline", "-b")
    {
        Description = "Strategy that savings are measured against.",
        HelpName = "name",
        DefaultValueFactory = _ => StrategyNames.AlwaysOnBoth,
    };

    public Option<FileInfo?> Prices { get; } = new("--prices")
    {
        Description = "Price file. Default: the shipped cost/prices.json.",
        HelpName = "file",
    };

    public Option<string?> PriceSet { get; } = new("--price-set")
    {
        Description = "Set in the price file: teaching, opencost or opencost-spot in the shipped one. Default: the one the file names.",
        HelpName = "name",
    };

    public Option<decimal?> Cpu { get; } = Checked(
        "--cpu", "quantity", "CPU request of one pod. Default: 100m.", Quantity.Cores, "a CPU quantity above 0 such as 100m or 0.5");

    public Option<decimal?> Memory { get; } = Checked(
        "--memory", "quantity", "Memory request of one pod; a blended price includes it. Default: 128Mi.",
        Quantity.Gib, "a memory quantity above 0 such as 128Mi or 1Gi");

    public Option<int?> Replicas { get; } = Whole(
        "--replicas", "Pods of one slot sized for the peak: what always-on runs all the time. Default: 10, or what the replay needed at most.",
        1, MostReplicas);

    public Option<int?> OffPeakReplicas { get; } = Whole(
        "--off-peak-replicas", "Pods that suffice outside the peak hours. Default: 40% of --replicas, rounded up, or what the replay needed then.",
        0, MostReplicas);

    public Option<decimal?> PeakHours { get; } = Checked(
        "--peak-hours", "h", "Hours a day at peak. Default: 8.", HoursOfDay, "a number of hours from 0 to 24");

    public Option<int?> PeakDays { get; } = Whole("--peak-days", "Days a week with a peak, from Monday. Default: 7.", 1, 7);

    public Option<decimal?> OnHours { get; } = Checked(
        "--on-hours", "h", "Hours a day that scale-to-zero is up. Default: 12.", HoursOfDay, "a number of hours from 0 to 24");

    public Option<int?> OnDays { get; } = Whole("--on-days", "Days a week that scale-to-zero is up, from Monday. Default: 5.", 1, 7);

    public Option<decimal?> OffHoursRequests { get; } = Checked(
        "--off-hours-requests", "%", "Share of requests that arrive while scale-to-zero is down and are lost. Default: 0, or the replay's share.",
        Quantity.Percent, "a percentage from 0 to 100");

    public Option<decimal?> StandbyPercent { get; } = Checked(
        "--standby-percent", "%", "Size of the warm standby relative to the active slot, in whole pods rounded up. Default: 50.",
        Quantity.Percent, "a percentage from 0 to 100");

    public Option<decimal?> Requests { get; } = Checked(
        "--requests", "n", "Requests a month that the full service answers well. Default: 100000000, or the replay's demand.",
        Quantity.Amount, "a number from 0 up");

    public Option<TimeSpan?> Overlap { get; } = Checked(
        "--overlap", "time", "How long both slots run at full size in a failover. Default: 5m.",
        Quantity.Duration, "a duration such as 90s, 5m or 1h");

    public Option<int?> Failovers { get; } = Whole("--failovers", "Failovers a month. Default: 4.", 0, 1_000_000);

    public Option<decimal?> ForecastError { get; } = Checked(
        "--forecast-error", "%", "How wrong the bad forecast of the what-if is. Default: 20.",
        Quantity.Percent, "a percentage from 0 to 100");

    public Option<TimeSpan?> ForecastErrorTime { get; } = Checked(
        "--forecast-error-time", "time", "For how long it is wrong. Default: 1h.", Quantity.Duration, "a duration such as 30m or 1h");

    public Option<decimal?> ReplicaRps { get; } = Checked(
        "--replica-rps", "n", "Requests a second that one pod answers within the SLO. Default: 50.", Quantity.Amount, "a number from 0 up");

    public Option<FileInfo?> Replay { get; } = new("--replay", "-r")
    {
        Description = "decisions.csv of a replay (t_utc,demand,requested,ready,capacity,violation) or a timeline (t_utc,replicas): "
            + "prices the predictive strategies, and sizes the others for the same load.",
        HelpName = "csv",
    };

    public Option<bool> CapacityPerPod { get; } = new("--capacity-per-pod")
    {
        Description = "The capacity column holds what one ready pod answers in an interval, not all of them.",
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON and nothing else on stdout." };

    public Option<bool> Csv { get; } = new("--csv") { Description = "Print CSV, one row per strategy, and nothing else on stdout." };

    public Option<FileInfo?> Focus { get; } = new("--focus")
    {
        Description = "Also write the month in the columns of FOCUS 1.2; SubAccountId is the strategy.",
        HelpName = "csv",
    };

    public Option<DateOnly?> PeriodStart { get; } = new("--period-start")
    {
        Description = "First day of the FOCUS billing period. Default: the first of the month of the prices.",
        HelpName = "yyyy-MM-dd",
        CustomParser = Parser("--period-start", Quantity.Day, "a date like 2026-11-01"),
    };

    public Option<bool> Explain { get; } = new("--explain", "-e")
    {
        Description = "Also print every formula with its inputs (on stderr with --json or --csv).",
    };

    public Option<decimal?> ReplicaSeconds { get; } = Checked(
        "--replica-seconds", "s", "Sum over all pods of their seconds of existence.",
        Quantity.Amount, "a number from 0 up", required: true);

    public Option<decimal?> GoodRequests { get; } = Checked<decimal>(
        "--good-requests", "n", "Requests that met the SLO.",
        text => Quantity.Amount(text) is { } n && n == decimal.Truncate(n) ? n : null, "a whole number from 0 up", required: true);

    public IReadOnlyList<Option> OfReport =>
    [
        Strategies, Baseline, Prices, PriceSet, Cpu, Memory, Replicas, OffPeakReplicas, PeakHours, PeakDays, OnHours, OnDays, OffHoursRequests,
        StandbyPercent, Requests, Overlap, Failovers, ForecastError, ForecastErrorTime, ReplicaRps,
        Replay, CapacityPerPod, Json, Csv, Focus, PeriodStart, Explain,
    ];

    public IReadOnlyList<Option> OfMeasure => [ReplicaSeconds, GoodRequests, Prices, PriceSet, Cpu, Memory, Json];

    private static decimal? HoursOfDay(string text) => Quantity.Amount(text) is { } hours and <= 24m ? hours : null;

    private static Option<int?> Whole(string name, string description, int least, int most) => Checked<int>(
        name,
        "n",
        description,
        text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) && n >= least && n <= most ? n : null,
        FormattableString.Invariant($"a whole number from {least} to {most}"));

    private static Option<T?> Checked<T>(
        string name, string helpName, string description, Func<string, T?> parse, string wanted, bool required = false)
        where T : struct =>
        new(name) { Description = description, HelpName = helpName, Required = required, CustomParser = Parser(name, parse, wanted) };

    private static Func<ArgumentResult, T?> Parser<T>(string name, Func<string, T?> parse, string wanted)
        where T : struct => result =>
    {
        var text = result.Tokens[^1].Value;
        var value = parse(text);
        if (value is null)
        {
            result.AddError($"{name} must be {wanted}, not \"{text}\"");
        }

        return value;
    };
}
