using Resilience.Lab.Experiments;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Running;

/// <summary>An experiment's load in the words of the load generator.</summary>
internal static class LoadPlans
{
    public static LoadPlan For(LoadSpec load, Uri page, int seed, TimeSpan duration) => new()
    {
        Url = new Uri(page, load.Path),
        Profile = load.Steps.Count == 0
            ? LoadProfile.Constant(load.Rps)
            : LoadProfile.Steps([new RatePoint(TimeSpan.Zero, load.Rps), .. load.Steps.Select(step => new RatePoint(step.At, step.Rps))]),
        Duration = duration,
        Arrivals = load.Arrivals == "poisson" ? Arrivals.Poisson : Arrivals.Constant,
        Seed = seed,
        NewConnectionRatio = load.NewConnectionRatio,
        Timeout = load.Timeout,
    };
}
