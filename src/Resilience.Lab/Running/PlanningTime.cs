namespace Resilience.Lab.Running;

/// <summary>The scaling agent's planning clock as the lab sets it: equal to the wall clock at one instant, and faster from there on.</summary>
/// <param name="AgreesAt">When both clocks agree.</param>
/// <param name="Scale">Planning seconds per wall second.</param>
internal sealed record PlanningTime(DateTimeOffset AgreesAt, double Scale)
{
    /// <summary>From this factor on a date of one's own can be reached from an instant that is not too long ago.</summary>
    private const double DatedFrom = 10;

    /// <summary>
    /// A clock on which the load begins at its time of day on the next 2 January, so that a time means the same to the experiment and
    /// to the agent, and a monthly budget the same whenever the experiment is run: both clocks must then have agreed in the past.
    /// </summary>
    public static PlanningTime For(DateTimeOffset loadStart, TimeSpan timeOfDay, double scale)
    {
        if (scale < DatedFrom)
        {
            return new PlanningTime(loadStart, scale);
        }

        var begins = new DateTimeOffset(loadStart.UtcDateTime.Year + 1, 1, 2, 0, 0, 0, TimeSpan.Zero) + timeOfDay;
        return new PlanningTime(loadStart - ((begins - loadStart) / (scale - 1)), scale);
    }

    public DateTimeOffset At(DateTimeOffset wall) => AgreesAt + ((wall - AgreesAt) * Scale);

    public DateTimeOffset WallAt(DateTimeOffset planned) => AgreesAt + ((planned - AgreesAt) / Scale);
}
