namespace Resilience.Control.Scaling;

/// <summary>
/// The horizontal pod autoscaler as a replay sees it: a metric without lag, the default tolerance of 10%, and the default
/// scale-down stabilisation of five minutes. Flattering to the autoscaler: a real one sees its metric late.
/// </summary>
internal sealed class ReplayAutoscaler(double target, int minReplicas, int maxReplicas, TimeSpan interval)
{
    private const double Tolerance = 0.1;
    private readonly int[] _recommended = new int[Math.Max(1, (int)(TimeSpan.FromMinutes(5).Ticks / interval.Ticks))];
    private int _replicas;
    private int _next;

    /// <param name="load">Demand in units of one replica's capacity; NaN keeps what there is.</param>
    public int Decide(double load)
    {
        if (double.IsNaN(load))
        {
            return _replicas;
        }

        var ratio = _replicas == 0 ? double.PositiveInfinity : load / (_replicas * target);
        var wanted = Math.Abs(ratio - 1) <= Tolerance ? _replicas : (int)Math.Ceiling((load / target) - 1e-9);
        _recommended[_next++ % _recommended.Length] = wanted;
        foreach (var recent in _recommended)
        {
            wanted = wanted < _replicas ? Math.Max(wanted, Math.Min(_replicas, recent)) : wanted;
        }

        return _replicas = Math.Clamp(wanted, minReplicas, maxReplicas);
    }
}
