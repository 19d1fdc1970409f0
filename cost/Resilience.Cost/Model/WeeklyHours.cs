namespace Resilience.Cost.Model;

/// <summary>The same hours on the first days of every week, Monday first, in UTC.</summary>
/// <param name="HoursPerDay">0 to 24.</param>
/// <param name="DaysPerWeek">1 (Monday) to 7.</param>
/// <param name="StartHour">First hour of the day, 0 to 23; hours past midnight stay with the day they began on.</param>
public sealed record WeeklyHours(decimal HoursPerDay, int DaysPerWeek, int StartHour = 0)
{
    private const decimal HoursOfWeek = 168m;

    /// <summary>Hours of a month of <paramref name="monthHours"/> that fall inside.</summary>
    public decimal InMonth(decimal monthHours) => monthHours * HoursPerDay * DaysPerWeek / HoursOfWeek;

    public bool Contains(DateTimeOffset instant)
    {
        var sinceStart = instant.ToUniversalTime().AddHours(-StartHour);
        var day = ((int)sinceStart.DayOfWeek + 6) % 7;
        return day < DaysPerWeek && (decimal)sinceStart.TimeOfDay.Ticks / TimeSpan.TicksPerHour < HoursPerDay;
    }
}
