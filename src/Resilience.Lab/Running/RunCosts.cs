using System.Globalization;
using Resilience.Lab.Reporting;
using MeasuredCost = Resilience.Cost.Model.MeasuredCost;
using PodRate = Resilience.Cost.Model.PodRate;

namespace Resilience.Lab.Running;

/// <summary>A change of the pods wanted on a slot.</summary>
internal sealed record ObservedScaling(DateTimeOffset At, string Slot, int From, int To);

/// <summary>What the pods of a run cost, as a whole and around each scaling event.</summary>
/// <param name="from">Second of the load from which on it is counted.</param>
internal sealed class RunCosts(ReplicaMeter replicas, IReadOnlyList<SecondReport> seconds, double from = 0)
{
    private static readonly PodRate Rate = PodRate.Default;

    /// <param name="times">Seconds of the scaling events, in order.</param>
    public CostReport Report(IReadOnlyList<double> times)
    {
        var whole = Rate.Measure((decimal)replicas.ReplicaSeconds(from), Good(from, double.MaxValue));
        return new CostReport(
            Math.Round((double)whole.Usd, 8),
            Rounded(whole),
            times.Count == 0 ? null : Between(from, times[0]),
            times.Count == 0 ? null : Between(times[^1], seconds.Count),
            string.Create(CultureInfo.InvariantCulture, $"measured pod time of both slots at {Rate.Prices.CpuCoreHour} USD per vCPU-hour and {Rate.Shape.CpuCores} vCPU per pod; an estimate, not a bill"));
    }

    public IReadOnlyList<ScalingEventReport> Price(IReadOnlyList<ObservedScaling> scalings, IReadOnlyList<double> times) =>
    [
        .. scalings.Select((scaling, i) => new ScalingEventReport(
            times[i], scaling.Slot, scaling.From, scaling.To,
            Between(i == 0 ? from : times[i - 1], times[i]),
            Between(times[i], i + 1 < times.Count ? times[i + 1] : seconds.Count))),
    ];

    private double? Between(double since, double until) => Rounded(Rate.Measure((decimal)replicas.ReplicaSeconds(since, until), Good(since, until)));

    /// <summary>Good answers between two instants; those of a second that is cut are taken as spread evenly over it.</summary>
    private long Good(double since, double until) =>
        (long)Math.Round(seconds.Sum(second => second.Ok * Math.Max(0, Math.Min(until, second.Second + 1) - Math.Max(since, second.Second))));

    private static double? Rounded(MeasuredCost cost) => cost.UsdPerMillionGoodRequests is { } usd ? Math.Round((double)usd, 4) : null;
}
