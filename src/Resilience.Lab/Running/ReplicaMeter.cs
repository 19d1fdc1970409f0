namespace Resilience.Lab.Running;

/// <summary>Pods of both slots at one moment of the load.</summary>
internal readonly record struct ReplicaSample(double Seconds, SlotCount Blue, SlotCount Green)
{
    public SlotCount Of(string slot) => slot == "blue" ? Blue : Green;
}

/// <summary>Measures pod time: what ran, for how long.</summary>
internal sealed class ReplicaMeter
{
    private readonly List<ReplicaSample> _samples = [];

    public IReadOnlyList<ReplicaSample> Samples => _samples;

    public int PeakReady => _samples.Count == 0 ? 0 : _samples.Max(sample => Math.Max(sample.Blue.Ready, sample.Green.Ready));

    public void Sample(TimeSpan at, SlotCount blue, SlotCount green) => _samples.Add(new ReplicaSample(at.TotalSeconds, blue, green));

    /// <summary>Pods of both slots times the seconds they existed, from one second of the load until another.</summary>
    public double ReplicaSeconds(double from = 0, double until = double.MaxValue) => Integral(sample => sample.Blue.Pods + sample.Green.Pods, from, until);

    /// <summary>Pods that no node had room for, times the seconds they waited.</summary>
    public double UnschedulableSeconds(double from = 0) => Integral(sample => sample.Blue.Unschedulable + sample.Green.Unschedulable, from, double.MaxValue);

    /// <summary>The longest time in which the load was more than the slot's Ready pods can do, until enough of them were Ready.</summary>
    /// <param name="load">Requests per second at a second of the load.</param>
    /// <param name="capacity">Requests per second that one pod can do.</param>
    /// <returns>Null when the load never was too much, or never was carried again.</returns>
    public double? ScaleUpLatency(Func<double, double> load, double capacity, string slot, double from = 0)
    {
        double? longest = null;
        double? over = null;
        foreach (var sample in _samples.Where(sample => sample.Seconds >= from))
        {
            if (sample.Of(slot).Ready * capacity < load(sample.Seconds))
            {
                over ??= sample.Seconds;
            }
            else if (over is { } since)
            {
                longest = Math.Max(longest ?? 0, Math.Round(sample.Seconds - since, 1));
                over = null;
            }
        }

        return longest;
    }

    /// <summary>All seconds in which the load was more than the slot's Ready pods can do.</summary>
    /// <inheritdoc cref="ScaleUpLatency"/>
    public double ShortSeconds(Func<double, double> load, double capacity, string slot, double from = 0) =>
        Math.Round(Integral(sample => sample.Of(slot).Ready * capacity < load(sample.Seconds) ? 1 : 0, from, double.MaxValue), 1);

    /// <summary>Since when both slots have had this many Ready pods without a break; null when they do not have them at the end.</summary>
    public double? BackSince(int blue, int green)
    {
        var missing = _samples.FindLastIndex(sample => sample.Blue.Ready < blue || sample.Green.Ready < green);
        return missing == _samples.Count - 1 ? null : _samples[missing + 1].Seconds;
    }

    /// <summary>The last sample of a second; of nothing when there is none yet.</summary>
    public ReplicaSample At(int second) => _samples.LastOrDefault(sample => sample.Seconds <= second + 0.999);

    /// <summary>What was true of a sample holds until the next one.</summary>
    private double Integral(Func<ReplicaSample, double> value, double from, double until)
    {
        var sum = 0.0;
        for (var i = 1; i < _samples.Count; i++)
        {
            var end = Math.Min(until, _samples[i].Seconds);
            sum += value(_samples[i - 1]) * Math.Max(0, end - Math.Max(from, _samples[i - 1].Seconds));
        }

        return sum;
    }
}
