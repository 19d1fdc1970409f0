using System.Globalization;
using k8s.Models;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>Whether a decision is carried out.</summary>
internal enum ScalerMode
{
    Auto,
    Observe,
}

/// <summary>Kind of what is scaled.</summary>
internal enum TargetKind
{
    BlueGreen,
    Autoscaler,
    Deployment,
}

/// <summary>What is scaled, in the namespace of the PredictiveAutoscaler.</summary>
/// <param name="StandbyPercent">Standby floor as a share of the active one, 0 to 100; BlueGreens only.</param>
internal sealed record TargetReference(TargetKind Kind, string Name, int StandbyPercent)
{
    public override string ToString() => $"{(Kind == TargetKind.Autoscaler ? "HorizontalPodAutoscaler" : Kind.ToString())} {Name}";
}

/// <summary>A spec that has been checked. Durations and instants are on the planning clock.</summary>
internal sealed record ScalerSettings
{
    public ScalerMode Mode { get; init; } = ScalerMode.Auto;

    public TargetReference Target { get; init; } = new(TargetKind.BlueGreen, "", 50);

    /// <summary>As written, for the source of demand.</summary>
    public DemandSpec Demand { get; init; } = new();

    /// <summary>Grid step.</summary>
    public TimeSpan Interval { get; init; } = DemandTarget.DefaultInterval;

    /// <summary>Null: UTC.</summary>
    public TimeZoneInfo? Zone { get; init; }

    /// <summary>Requests per second of one replica; null: learn.</summary>
    public double? Capacity { get; init; }

    /// <summary>Null: learn.</summary>
    public TimeSpan? Lead { get; init; }

    /// <summary>The policy of the active slot. Its price is that of a replica with its share of standby, so that the budget covers both.</summary>
    public FloorPolicy Policy { get; init; } = new();

    /// <summary>USD of one replica for one hour.</summary>
    public double PricePerReplicaHour { get; init; } = new FloorPolicy().PricePerReplicaHour;

    public TimeSpan DropGuardWithin => Policy.DropGuard?.Within ?? TimeSpan.Zero;
}

/// <summary>Turns a PredictiveAutoscaler's spec into settings. What the spec leaves out has the schema's default, which is also the code's.</summary>
/// <param name="Settings">Usable even with an objection, so that the mode is known.</param>
/// <param name="Objection">Why the spec cannot be used: names the field, the value and what is accepted. Null when it can.</param>
internal sealed record PredictiveAutoscalerRules(ScalerSettings Settings, string? Objection)
{
    private const int MaxPlannedEvents = 64;

    /// <summary>Steps that a forecast reaches at most.</summary>
    public const int MaxLeadSteps = 288;

    public static PredictiveAutoscalerRules Read(PredictiveAutoscalerSpec spec)
    {
        var reader = new Reader();
        var settings = reader.Settings(spec);
        return new(settings, reader.Objection);
    }

    private sealed class Reader
    {
        private static readonly ScalerSettings Defaults = new();

        public string? Objection { get; private set; }

        public ScalerSettings Settings(PredictiveAutoscalerSpec spec)
        {
            var mode = Word("mode", spec.Mode, Defaults.Mode);
            var target = Target(spec.Target);
            Demand(spec.Demand);
            var interval = Interval(spec.Demand.Interval);
            var price = Real("price.perReplicaHour", spec.Price?.PerReplicaHour, Defaults.PricePerReplicaHour, 1e-6, 1e6);
            var standby = target.Kind == TargetKind.BlueGreen ? target.StandbyPercent : 0;
            var policy = Policy(spec, price * (1 + (standby / 100.0)));
            Refuse(policy.MinReplicas == 0 && spec.Demand.Source is not "Prometheus",
                "floor.min 0 needs demand.source Prometheus: nobody counts requests on pods that do not run");
            return new()
            {
                Mode = mode,
                Target = target,
                Demand = spec.Demand with { Interval = interval },
                Interval = interval,
                Zone = Zone(spec.Demand.TimeZone),
                Capacity = Capacity(spec.CapacityPerReplica),
                Lead = Lead(spec.Lead, interval),
                Policy = policy,
                PricePerReplicaHour = price,
            };
        }

        private TargetReference Target(ScaleTargetSpec spec)
        {
            List<(TargetKind Kind, string? Name)> named =
                [(TargetKind.BlueGreen, spec.BlueGreen), (TargetKind.Autoscaler, spec.Autoscaler), (TargetKind.Deployment, spec.Deployment)];
            named.RemoveAll(target => string.IsNullOrEmpty(target.Name));
            Refuse(named.Count != 1, $"target must name exactly one of blueGreen, autoscaler and deployment, not {named.Count}");
            var standby = Whole("target.standbyPercent", spec.StandbyPercent, Defaults.Target.StandbyPercent, 0, 100);
            return named.Count == 0 ? Defaults.Target : new(named[0].Kind, named[0].Name!, standby);
        }

        private void Demand(DemandSpec spec)
        {
            Refuse(spec.Source is not (null or "Scrape" or "Prometheus"), $"demand.source must be Scrape or Prometheus, not '{spec.Source}'");
            var url = spec.Prometheus?.Url;
            if (spec.Source == "Prometheus")
            {
                Refuse(!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"),
                    $"demand.prometheus.url must be an http or https address such as http://prometheus.monitoring:9090, not '{url}'");
                Refuse(string.IsNullOrWhiteSpace(spec.Prometheus?.Query), "demand.prometheus.query must be a PromQL expression whose answer is one number");
            }
            _ = Time("demand.prometheus.timeout", spec.Prometheus?.Timeout, TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
            _ = Whole("demand.scrape.port", spec.Scrape?.Port, 9090, 1, 65535);
            Refuse(spec.Scrape?.Path is { } path && (path.Length == 0 || path[0] != '/' || path.Any(letter => letter is <= ' ' or > '~')),
                $"demand.scrape.path must begin with / and hold no spaces or control characters, not '{spec.Scrape?.Path}'");
        }

        private TimeSpan Interval(TimeSpan? value)
        {
            var interval = Time("demand.interval", value, Defaults.Interval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
            var divides = interval > TimeSpan.Zero && TimeSpan.TicksPerDay % interval.Ticks == 0;
            Refuse(!divides, $"demand.interval must divide a day, such as 1m or 5m, not {DurationConverter.Format(interval)}");
            return divides ? interval : Defaults.Interval;
        }

        private TimeZoneInfo? Zone(string? name)
        {
            if (string.IsNullOrEmpty(name) || name == "UTC")
            {
                return null;
            }
            if (TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
            {
                return zone;
            }
            Refuse(true, $"demand.timeZone must be a zone of this system's time zone database such as Europe/Berlin, not '{name}'");
            return null;
        }

        private double? Capacity(IntOrString? value)
        {
            if ((string?)value is not { Length: > 0 } text || text == "learn")
            {
                return null;
            }
            if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var capacity) && capacity is > 0 and <= 1e9)
            {
                return capacity;
            }
            Refuse(true, $"capacityPerReplica must be learn, or requests per second above 0 up to 1e9, not '{text}'");
            return null;
        }

        private TimeSpan? Lead(string? text, TimeSpan interval)
        {
            if (string.IsNullOrEmpty(text) || text == "learn")
            {
                return null;
            }
            var longest = interval * MaxLeadSteps;
            if (DurationConverter.TryParse(text, out var lead) && lead > TimeSpan.Zero && lead <= longest)
            {
                return lead;
            }
            Refuse(true, $"lead must be learn, or a duration above 0 up to {MaxLeadSteps} intervals ({DurationConverter.Format(longest)}), not '{text}'");
            return null;
        }

        private FloorPolicy Policy(PredictiveAutoscalerSpec spec, double pricePerFloor)
        {
            var floor = spec.Floor ?? new();
            var defaults = Defaults.Policy;
            var within = Real("floor.withinCapacityPercent", floor.WithinCapacityPercent, defaults.Quantile * 100, 50, 99.99);
            var min = Whole("floor.min", floor.Min, defaults.MinReplicas, 0, 10_000);
            var max = Whole("floor.max", floor.Max, defaults.MaxReplicas, 1, 10_000);
            Refuse(min > max, string.Create(CultureInfo.InvariantCulture, $"floor.min {min} exceeds floor.max {max}"));
            var policy = new FloorPolicy
            {
                // A percentage such as 97.5 is meant exactly; 97.5 / 100 need not be.
                Quantile = Math.Round(within / 100, 10),
                Hold = Time("floor.hold", floor.Hold, defaults.Hold, TimeSpan.Zero, TimeSpan.FromDays(1)),
                MinReplicas = Math.Min(min, max),
                MaxReplicas = max,
                MaxRise = floor.MaxRise is { } rise ? Whole("floor.maxRise", rise, rise, 1, 10_000) : null,
                MaxFall = floor.MaxFall is { } fall ? Whole("floor.maxFall", fall, fall, 1, 10_000) : null,
                DropGuard = Guard(floor.DropGuard),
                KeepWithoutForecast = Time("floor.keepWithoutForecast", floor.KeepWithoutForecast, defaults.KeepWithoutForecast, TimeSpan.Zero, TimeSpan.FromDays(1)),
                PricePerReplicaHour = pricePerFloor,
                MonthlyBudget = spec.Price?.MonthlyBudget is { } budget ? Real("price.monthlyBudget", budget, budget, 0.01, 1e9) : null,
                Calendar = Calendar(spec.Calendar),
            };
            CheckWhole(policy);
            return policy;
        }

        private DropGuard? Guard(DropGuardSpec? spec) => spec is null ? null : new(
            Whole("floor.dropGuard.fallPercent", spec.FallPercent, (int)(DropGuard.Default.Fall * 100), 1, 99) / 100.0,
            Time("floor.dropGuard.within", spec.Within, DropGuard.Default.Within, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            Time("floor.dropGuard.hold", spec.Hold, DropGuard.Default.Hold, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)));

        private List<PlannedEvent> Calendar(IReadOnlyList<PlannedEventSpec>? events)
        {
            Refuse(events?.Count > MaxPlannedEvents, $"calendar must hold at most {MaxPlannedEvents} events, not {events?.Count}");
            return [.. (events ?? []).Take(MaxPlannedEvents).Select(planned =>
                new PlannedEvent(planned.Name, planned.From, planned.To, planned.Replicas, planned.Blackout ?? false))];
        }

        /// <summary>What only the policy as a whole can say: events that make sense, a budget that the minimum fits.</summary>
        private void CheckWhole(FloorPolicy policy)
        {
            try
            {
                policy.Validate();
            }
            catch (ArgumentException impossible)
            {
                var field = impossible.Message.StartsWith("planned event", StringComparison.Ordinal) ? "calendar: "
                    : impossible.Message.StartsWith("monthly budget", StringComparison.Ordinal) ? "price.monthlyBudget: " : "floor: ";
                Refuse(true, field + impossible.Message);
            }
        }

        private TEnum Word<TEnum>(string field, string? text, TEnum fallback)
            where TEnum : struct, Enum
        {
            if (text is null)
            {
                return fallback;
            }
            // Names only: Enum.TryParse would also take numbers.
            if (char.IsAsciiLetter(text.FirstOrDefault()) && Enum.TryParse<TEnum>(text, ignoreCase: false, out var value))
            {
                return value;
            }
            Refuse(true, $"{field} must be one of {string.Join(", ", Enum.GetNames<TEnum>())}, not '{text}'");
            return fallback;
        }

        private TimeSpan Time(string field, TimeSpan? value, TimeSpan fallback, TimeSpan least, TimeSpan most)
        {
            var time = value ?? fallback;
            Refuse(time < least || time > most,
                $"{field} must be from {DurationConverter.Format(least)} to {DurationConverter.Format(most)}, not {DurationConverter.Format(time)}");
            return time;
        }

        private int Whole(string field, int? value, int fallback, int least, int most)
        {
            var number = value ?? fallback;
            Refuse(number < least || number > most, string.Create(CultureInfo.InvariantCulture, $"{field} must be from {least} to {most}, not {number}"));
            return Math.Clamp(number, least, most);
        }

        private double Real(string field, double? value, double fallback, double least, double most)
        {
            var number = value ?? fallback;
            var isWrong = !(number >= least && number <= most);
            Refuse(isWrong, string.Create(CultureInfo.InvariantCulture, $"{field} must be from {least} to {most}, not {number}"));
            return isWrong ? fallback : number;
        }

        private void Refuse(bool isWrong, string objection) => Objection ??= isWrong ? "spec." + objection + "." : null;
    }
}
