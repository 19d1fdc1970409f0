using System.Globalization;

namespace Resilience.Lab.Reporting;

/// <summary>Says which clock a time is on: an experiment's day may pass faster than the wall clock.</summary>
internal static class Clocks
{
    /// <summary>One sentence for the head of a report.</summary>
    public static string Note(double timeScale) => timeScale == 1
        ? "All times are on the wall clock."
        : string.Create(CultureInfo.InvariantCulture, $"Compressed time: in 1 s of the wall clock {Span(timeScale)} of the experiment's day pass (factor {timeScale:0.##}), for the HPA's and the agent's periods alike. Times here are on the wall clock unless they name the day.");

    public static string AxisTitle(double timeScale) => timeScale == 1 ? "seconds of load" : $"seconds of load, wall clock (1 s is {Span(timeScale)} of the day)";

    /// <summary>A wall-clock time, with what it stands for when time is compressed.</summary>
    public static string Both(double wallSeconds, double timeScale) => timeScale == 1
        ? string.Create(CultureInfo.InvariantCulture, $"{wallSeconds:0.#} s")
        : string.Create(CultureInfo.InvariantCulture, $"{wallSeconds:0.#} s ({Span(wallSeconds * timeScale)} of the day)");

    /// <summary>Seconds in the unit that a person would use.</summary>
    public static string Span(double seconds) => seconds switch
    {
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.#} s"),
        < 7_200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.#} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3_600:0.#} h"),
    };
}
