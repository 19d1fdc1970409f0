using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Resilience.ClusterAccess.Resources;

/// <summary>
/// Forecasts one service's demand and keeps its replica floor ahead of it. Every duration and instant is read on the agent's
/// planning clock, which in an experiment may run faster than the wall clock.
/// </summary>
[KubernetesEntity(Group = ResilienceApi.Group, ApiVersion = ResilienceApi.Version, Kind = KubeKind, PluralName = "predictiveautoscalers")]
public sealed class PredictiveAutoscaler : IKubernetesObject<V1ObjectMeta>, ISpec<PredictiveAutoscalerSpec>, IStatus<PredictiveAutoscalerStatus?>
{
    public const string KubeKind = "PredictiveAutoscaler";

    public string ApiVersion { get; set; } = ResilienceApi.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    public PredictiveAutoscalerSpec Spec { get; set; } = new();

    public PredictiveAutoscalerStatus? Status { get; set; }
}

/// <summary>What people ask for. A null means the schema's default.</summary>
public sealed record PredictiveAutoscalerSpec
{
    /// <summary><c>Auto</c>, or <c>Observe</c>: decide and say so, write no floor.</summary>
    public string? Mode { get; init; }

    public ScaleTargetSpec Target { get; set; } = new();

    public DemandSpec Demand { get; set; } = new();

    /// <summary>Requests per second that one replica serves well, or <c>learn</c>.</summary>
    public IntOrString? CapacityPerReplica { get; init; }

    /// <summary>Time from a request for replicas to their service, such as <c>2m</c>, or <c>learn</c>.</summary>
    public string? Lead { get; init; }

    public FloorSpec? Floor { get; init; }

    public PriceSpec? Price { get; init; }

    /// <summary>What people know and no forecast can.</summary>
    public IReadOnlyList<PlannedEventSpec>? Calendar { get; init; }
}

/// <summary>What is scaled: exactly one of the three, in the same namespace.</summary>
public sealed record ScaleTargetSpec
{
    /// <summary>Demand is the sum of both slots; the active slot gets the floor, the other <see cref="StandbyPercent"/> of it.</summary>
    public string? BlueGreen { get; init; }

    /// <summary>A HorizontalPodAutoscaler whose minReplicas is the floor.</summary>
    public string? Autoscaler { get; init; }

    /// <summary>A Deployment without an autoscaler: its replicas are the floor.</summary>
    public string? Deployment { get; init; }

    /// <summary>Standby floor as a share of the active one, 0 to 100.</summary>
    public int? StandbyPercent { get; init; }
}

/// <summary>Where demand is read and on what grid.</summary>
public sealed record DemandSpec
{
    /// <summary><c>Scrape</c> (the pods' own metrics) or <c>Prometheus</c>.</summary>
    public string? Source { get; init; }

    /// <summary>Grid step; must divide a day, 1 s to 1 h.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Interval { get; init; }

    public ScrapeSpec? Scrape { get; init; }

    public PrometheusSpec? Prometheus { get; init; }

    /// <summary>Zone whose local time demand follows, such as <c>Europe/Berlin</c>.</summary>
    public string? TimeZone { get; init; }

    /// <summary>ConfigMap in the same namespace with recorded demand (key <c>demand.csv</c>: time, requests per second), read once when nothing is known yet.</summary>
    public string? History { get; init; }
}

/// <summary>Reading each pod's metrics endpoint.</summary>
public sealed record ScrapeSpec
{
    public int? Port { get; init; }

    public string? Path { get; init; }

    /// <summary>Counter of requests that users asked for, served or not, as Prometheus names it.</summary>
    public string? Metric { get; init; }
}

/// <summary>Asking a Prometheus server.</summary>
public sealed record PrometheusSpec
{
    /// <summary>Base address, such as <c>http://prometheus.monitoring:9090</c>.</summary>
    public string? Url { get; init; }

    /// <summary>PromQL whose answer is one number: requests per second that users asked for, over both slots.</summary>
    public string? Query { get; init; }

    /// <summary>PromQL for the share of requests that were refused, 0 to 1; helps to learn the capacity.</summary>
    public string? RejectedQuery { get; init; }

    /// <summary>PromQL for the 95th percentile of latency in seconds; helps to learn the capacity.</summary>
    public string? LatencyQuery { get; init; }

    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Timeout { get; init; }
}

/// <summary>What a floor may risk and how it may move.</summary>
public sealed record FloorSpec
{
    /// <summary>The SLO budget: percent of intervals whose demand must fit the capacity, such as <c>97.5</c>.</summary>
    public double? WithinCapacityPercent { get; init; }

    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Hold { get; init; }

    public int? Min { get; init; }

    public int? Max { get; init; }

    /// <summary>Replicas the floor may rise by in one decision.</summary>
    public int? MaxRise { get; init; }

    /// <summary>Replicas the floor may fall by in one decision.</summary>
    public int? MaxFall { get; init; }

    /// <summary>Null: sudden falls are followed.</summary>
    public DropGuardSpec? DropGuard { get; init; }

    /// <summary>Time the last floor is kept when there is no forecast.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? KeepWithoutForecast { get; init; }
}

/// <summary>Holds the floor after demand fell by a share within a time.</summary>
public sealed record DropGuardSpec
{
    public int? FallPercent { get; init; }

    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Within { get; init; }

    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Hold { get; init; }
}

/// <summary>Money.</summary>
public sealed record PriceSpec
{
    /// <summary>USD of one replica for one hour.</summary>
    public double? PerReplicaHour { get; init; }

    /// <summary>USD for one calendar month (UTC); null: no limit.</summary>
    public double? MonthlyBudget { get; init; }
}

/// <summary>A declared peak (with replicas) or a blackout (without).</summary>
public sealed record PlannedEventSpec
{
    public string Name { get; set; } = "";

    public DateTimeOffset From { get; init; }

    public DateTimeOffset To { get; init; }

    /// <summary>Fewest replicas of the active slot meanwhile.</summary>
    public int? Replicas { get; init; }

    /// <summary>The floor does not change meanwhile.</summary>
    public bool? Blackout { get; init; }
}

/// <summary>What the agent saw and decided last: a projection, never read back to decide.</summary>
public sealed record PredictiveAutoscalerStatus
{
    public long? ObservedGeneration { get; init; }

    /// <summary>What is scaled, such as <c>BlueGreen web</c>.</summary>
    public string? Target { get; init; }

    /// <summary>Floor in force; null when the reactive autoscaler is alone.</summary>
    public int? Floor { get; init; }

    /// <summary>Sentence that explains the floor.</summary>
    public string? Reason { get; init; }

    /// <summary>Number of the newest decision in the ledger: <c>lab explain NUMBER</c>.</summary>
    public long? Decision { get; init; }

    public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>Requests per second in the newest interval.</summary>
    public double? Demand { get; init; }

    public ForecastStatus? Forecast { get; init; }

    public CapacityStatus? Capacity { get; init; }

    /// <summary>Seconds from a request for replicas to their service.</summary>
    public double? LeadSeconds { get; init; }

    public CostStatus? Cost { get; init; }

    public IReadOnlyList<V1Condition>? Conditions { get; init; }
}

/// <summary>The newest forecast: the highest demand that is expected until the lead is over.</summary>
public sealed record ForecastStatus
{
    /// <summary><c>Silent</c>, <c>Warming</c>, <c>Young</c> or <c>Full</c>.</summary>
    public string? Stage { get; init; }

    public double? P50 { get; init; }

    public double? P99 { get; init; }

    public string? Champion { get; init; }

    /// <summary>Share of the pool, 0 to 1.</summary>
    public double? ChampionShare { get; init; }

    /// <summary>1 - error / error of repeating the last value.</summary>
    public double? SkillAgainstNaive { get; init; }

    /// <summary>Share of recent outcomes at or below their 99% quantile.</summary>
    public double? Coverage99 { get; init; }
}

/// <summary>What a replica can serve and how that is known.</summary>
public sealed record CapacityStatus
{
    public double? PerReplica { get; init; }

    /// <summary><c>given</c>, <c>saturation</c>, <c>latency knee</c>, <c>cpu</c>, <c>highest seen</c> or <c>unknown</c>.</summary>
    public string? Basis { get; init; }
}

/// <summary>USD.</summary>
public sealed record CostStatus
{
    public double? PerHour { get; init; }

    public double? MonthToDate { get; init; }

    public double? MonthProjected { get; init; }

    public double? PerMillionGood { get; init; }
}
