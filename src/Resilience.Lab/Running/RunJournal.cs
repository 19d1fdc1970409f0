using System.Globalization;
using Resilience.Lab.Reporting;

namespace Resilience.Lab.Running;

/// <summary>The story of a run as it happens: each entry goes to the report and, as one line, to whoever watches.</summary>
internal sealed class RunJournal(Action<string> say, TimeProvider time)
{
    private readonly List<TimelineEntry> _entries = [];
    private readonly Lock _gate = new();

    /// <summary>Zero of the story: when the load began.</summary>
    public DateTimeOffset StartedAt { get; set; }

    public void Add(string kind, string text) => Add(time.GetUtcNow(), kind, text);

    public void Add(DateTimeOffset at, string kind, string text)
    {
        var seconds = Math.Round((at - StartedAt).TotalSeconds, 3);
        lock (_gate)
        {
            _entries.Add(new TimelineEntry(seconds, kind, text));
        }

        say(string.Create(CultureInfo.InvariantCulture, $"t={seconds,5:0.0}s  {text}"));
    }

    public IReadOnlyList<TimelineEntry> InOrder()
    {
        lock (_gate)
        {
            return [.. _entries.OrderBy(entry => entry.AtSeconds)];
        }
    }
}
