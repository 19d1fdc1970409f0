namespace Resilience.LoadGenerator;

/// <summary>A course of load by name.</summary>
/// <param name="Name">As it is asked for on a command line.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Create">From the highest rate in requests/s and the length of the run.</param>
public sealed record NamedProfile(string Name, string Description, Func<double, TimeSpan, LoadProfile> Create);

/// <summary>The courses of load that every generator of this repository offers under the same names, so that their results compare.</summary>
public static class ProfileCatalog
{
    public static IReadOnlyList<NamedProfile> All { get; } =
    [
        new("steady", "The same rate all the time.", static (rps, _) => LoadProfile.Constant(rps)),
        new("ramp", "From a tenth of the rate to the whole, in a straight line.", static (rps, length) => LoadProfile.Ramp(rps / 10, rps, length)),
        new("spike", "A quarter of the rate, and all of it at once during the middle fifth.", static (rps, length) => LoadProfile.Spike(rps / 4, rps, length * 0.4, length * 0.2)),
        new("scaling", "A tenth, half, all, half and a tenth of the rate, a fifth of the time each: up and down for an autoscaler.", Staircase),
        new("diurnal", "A day's swing between a tenth of the rate and the whole.", static (rps, length) => LoadProfile.Diurnal(rps / 10, rps, length, length)),
    ];

    /// <returns>Null for an unknown name.</returns>
    public static NamedProfile? Find(string name) => All.FirstOrDefault(profile => profile.Name == name);

    private static LoadProfile Staircase(double rps, TimeSpan length) => LoadProfile.Steps(
        new RatePoint(TimeSpan.Zero, rps / 10),
        new RatePoint(length * 0.2, rps / 2),
        new RatePoint(length * 0.4, rps),
        new RatePoint(length * 0.6, rps / 2),
        new RatePoint(length * 0.8, rps / 10));
}
