namespace Resilience.Lab.Running;

/// <summary>Measures pod time: what ran, for how long.</summary>
internal sealed class ReplicaMeter
{
    private readonly List<(double Seconds, int Blue, int Green, int BlueReady, int GreenReady)> _samples = [];

    public IReadOnlyList<(double Seconds, int Blue, int Green, int BlueReady, int GreenReady)> Samples => _samples;

    public int PeakReady => _samples.Count == 0 ? 0 : _samples.Max(sample => Math.Max(sample.BlueReady, sample.GreenReady));

    public void Sample(TimeSpan at, SlotCount blue, SlotCount green) =>
        _samples.Add((at.TotalSeconds, blue.Pods, green.Pods, blue.Ready, green.Ready));

    /// <summary>Pods of both slots times the seconds they existed, from one second of the load until another.</summary>
    public double ReplicaSeconds(double from = 0, double until = double.MaxValue)
    {
        var sum = 0.0;
        for (var i = 1; i < _samples.Count; i++)
        {
            var (start, blue, green, _, _) = _samples[i - 1];
            var end = Math.Min(until, _samples[i].Seconds);
            sum += (blue + green) * Math.Max(0, end - Math.Max(from, start));
        }

        return sum;
    }

    /// <summary>From the first moment in which the load was more than the slot's Ready pods can do, until enough of them were Ready.</summary>
    /// <param name="load">Requests per second at a second of the load.</param>
    /// <param name="capacity">Requests per second that one pod can do.</param>
    /// <returns>Null when the load never was too much, or never was carried again.</returns>
    public double? ScaleUpLatency(Func<double, double> load, double capacity, string slot)
    {
        bool IsEnough((double Seconds, int Blue, int Green, int BlueReady, int GreenReady) sample) =>
            (slot == "blue" ? sample.BlueReady : sample.GreenReady) * capacity >= load(sample.Seconds);

        var over = _samples.FindIndex(sample => !IsEnough(sample));
        var enough = over < 0 ? -1 : _samples.FindIndex(over, IsEnough);
        return enough < 0 ? null : Math.Round(_samples[enough].Seconds - _samples[over].Seconds, 1);
    }

    /// <summary>Since when both slots have had this many Ready pods without a break; null when they do not have them at the end.</summary>
    public double? BackSince(int blue, int green)
    {
        var missing = _samples.FindLastIndex(sample => sample.BlueReady < blue || sample.GreenReady < green);
        return missing == _samples.Count - 1 ? null : _samples[missing + 1].Seconds;
    }

    public (int Blue, int Green) ReadyAt(double seconds)
    {
        var found = _samples.LastOrDefault(sample => sample.Seconds <= seconds + 0.999);
        return (found.BlueReady, found.GreenReady);
    }
}
