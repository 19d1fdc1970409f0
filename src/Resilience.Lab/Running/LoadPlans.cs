using Resilience.Lab.Experiments;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Running;

/// <summary>An experiment's load in the words of the load generator.</summary>
internal static class LoadPlans
{
    /// <summary>Distance of the points of a day's course, on the experiment's clock.</summary>
    private static readonly TimeSpan CourseStep = TimeSpan.FromSeconds(30);

    public static LoadPlan For(LoadSpec load, double timeScale, Uri page, int seed, TimeSpan duration) => new()
    {
        Url = new Uri(page, load.Path),
        Profile = Profile(load, timeScale, duration),
        Duration = duration,
        Arrivals = load.Arrivals == "poisson" ? Arrivals.Poisson : Arrivals.Constant,
        Seed = seed,
        NewConnectionRatio = load.NewConnectionRatio,
        Timeout = load.Timeout,
    };

    /// <summary>The asked-for rate on the wall clock.</summary>
    public static LoadProfile Profile(LoadSpec load, double timeScale, TimeSpan duration) => load switch
    {
        { Course: { } course } => Day(new DayCourse(course), course.Shape, timeScale, duration),
        { Steps.Count: 0 } => LoadProfile.Constant(load.Rps),
        _ => LoadProfile.Steps([new RatePoint(TimeSpan.Zero, load.Rps), .. load.Steps.Select(step => new RatePoint(step.At, step.Rps))]),
    };

    private static LoadProfile Day(DayCourse course, string shape, double timeScale, TimeSpan duration)
    {
        var points = (int)Math.Ceiling(duration * timeScale / CourseStep);
        return LoadProfile.FromPoints(shape, Enumerable.Range(0, points + 1).Select(i => new RatePoint(CourseStep * i / timeScale, course.RateAt(CourseStep * i))));
    }
}
