using NBomber.Contracts;
using NBomber.CSharp;
using Resilience.LoadGenerator;

namespace Resilience.LoadTests;

/// <summary>A course of load in NBomber's words.</summary>
internal static class Simulations
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>
    /// One simulation for each straight line between two points of the profile; jumps take no time and so need none. NBomber's rates are whole
    /// numbers of requests per second, and a ramp starts where the simulation before it ended.
    /// </summary>
    /// <param name="profile">Points in order of time.</param>
    /// <param name="duration">Length of the run; the last rate holds until then.</param>
    public static LoadSimulation[] Of(LoadProfile profile, TimeSpan duration)
    {
        var simulations = new List<LoadSimulation>();
        var points = profile.Points;
        var rate = 0;
        for (var i = 0; i < points.Count && points[i].At < duration; i++)
        {
            var from = points[i];
            var to = i + 1 < points.Count ? points[i + 1] : new RatePoint(duration, from.Rps);
            if (to.At <= from.At)
            {
                continue;
            }

            var end = to.At < duration ? to.At : duration;
            var (start, target) = (Whole(from.Rps), Whole(profile.RateAt(end - TimeSpan.FromTicks(1))));
            if (start != rate && start != target)
            {
                // A ramp begins at the rate before it; the shortest step there makes it begin at its own.
                var step = end - from.At < Second ? end - from.At : Second;
                simulations.Add(Simulation.Inject(start, Second, step));
                from = new RatePoint(from.At + step, from.Rps);
            }

            if (end > from.At)
            {
                simulations.Add(start == target
                    ? Simulation.Inject(start, Second, end - from.At)
                    : Simulation.RampingInject(target, Second, end - from.At));
            }

            rate = target;
        }

        return [.. simulations];
    }

    private static int Whole(double rps) => (int)Math.Round(rps, MidpointRounding.AwayFromZero);
}
