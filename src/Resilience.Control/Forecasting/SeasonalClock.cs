namespace Resilience.Control.Forecasting;

/// <summary>
/// Tells which position on the grid is "the same time yesterday" for people rather than for UTC: with a time zone, days of 23
/// and 25 hours keep breakfast at breakfast.
/// </summary>
public sealed class SeasonalClock
{
    private readonly DateTimeOffset _start;
    private readonly TimeSpan _interval;
    private readonly TimeZoneInfo? _zone;
    private readonly int _startPhase;

    /// <param name="start">Start of the interval at absolute position 0.</param>
    /// <param name="interval">Grid step; divides a day.</param>
    /// <param name="zone">Zone whose local time demand follows; null follows UTC.</param>
    public SeasonalClock(DateTimeOffset start, TimeSpan interval, TimeZoneInfo? zone = null)
    {
        _start = start;
        _interval = interval;
        _zone = zone is { SupportsDaylightSavingTime: true } ? zone : null;
        StepsPerDay = (int)(TimeSpan.FromDays(1).Ticks / interval.Ticks);
        var local = start.UtcDateTime + (zone?.BaseUtcOffset ?? TimeSpan.Zero);
        _startPhase = (int)(local.TimeOfDay.Ticks / interval.Ticks);
        StartDayOfWeek = (int)local.DayOfWeek;
    }

    public int StepsPerDay { get; }

    private int StartDayOfWeek { get; }

    /// <summary>Step of the local day, 0 to <see cref="StepsPerDay"/> - 1, at an absolute position.</summary>
    public int Phase(long position) => (int)(Local(position) % StepsPerDay);

    /// <summary>Step of the local week (Sunday first) at an absolute position.</summary>
    public int WeekPhase(long position) => (int)((Local(position) + ((long)StartDayOfWeek * StepsPerDay)) % (7L * StepsPerDay));

    /// <summary>Absolute position of the same local time <paramref name="days"/> earlier.</summary>
    public long SameTimeBefore(long position, int days)
    {
        var before = position - ((long)days * StepsPerDay);
        return _zone is null ? before : before + Shift(position) - Shift(before);
    }

    private long Local(long position)
    {
        var local = position + _startPhase + (_zone is null ? 0 : Shift(position));
        return local >= 0 ? local : local + (7L * StepsPerDay * (1 - (local / (7L * StepsPerDay))));
    }

    /// <summary>Daylight shift in steps at an absolute position.</summary>
    private long Shift(long position) =>
        (_zone!.GetUtcOffset(_start + (_interval * position)) - _zone.BaseUtcOffset).Ticks / _interval.Ticks;
}
