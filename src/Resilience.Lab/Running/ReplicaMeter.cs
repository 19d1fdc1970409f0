namespace Resilience.Lab.Running;

/// <summary>Measures pod time: what ran, for how long.</summary>
internal sealed class ReplicaMeter
{
    private readonly List<(double Seconds, int Blue, int Green, int BlueReady, int GreenReady)> _samples = [];
    private double _replicaSeconds;

    public IReadOnlyList<(double Seconds, int Blue, int Green, int BlueReady, int GreenReady)> Samples => _samples;

    public double ReplicaHours => _replicaSeconds / 3600;

    public int PeakReady => _samples.Count == 0 ? 0 : _samples.Max(sample => Math.Max(sample.BlueReady, sample.GreenReady));

    public void Sample(TimeSpan at, SlotCount blue, SlotCount green)
    {
        if (_samples.Count > 0)
        {
            var last = _samples[^1];
            _replicaSeconds += (last.Blue + last.Green) * Math.Max(0, at.TotalSeconds - last.Seconds);
        }

        _samples.Add((at.TotalSeconds, blue.Pods, green.Pods, blue.Ready, green.Ready));
    }

    /// <summary>From a rise of the load until as many pods of the slot were Ready as the run reached.</summary>
    /// <returns>Null when no pod was added after the rise.</returns>
    public double? ScaleUpLatency(TimeSpan rise, string slot)
    {
        int Ready((double Seconds, int Blue, int Green, int BlueReady, int GreenReady) sample) => slot == "blue" ? sample.BlueReady : sample.GreenReady;
        var after = _samples.Where(sample => sample.Seconds >= rise.TotalSeconds).ToArray();
        if (after.Length == 0 || after.Max(Ready) is var peak && peak <= Ready(after[0]))
        {
            return null;
        }

        return Math.Round(after.First(sample => Ready(sample) == peak).Seconds - rise.TotalSeconds, 1);
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
