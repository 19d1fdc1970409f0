using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Resilience.Lab.Status;

/// <summary>The status as a table for terminals and as lines for everything else.</summary>
internal static class StatusView
{
    public static IRenderable Table(LabStatus status, string? footer)
    {
        var table = new Table().RoundedBorder().Expand();
        _ = table.AddColumns("slot", "traffic", "ready", "healthy", "autoscaler", "drill");
        foreach (var slot in status.Slots)
        {
            var colour = slot.Name == "blue" ? "dodgerblue1" : "green3";
            _ = table.AddRow(
                $"[{colour}]{slot.Name}[/]",
                slot.Name == status.Active ? $"[bold {colour}]active[/]" : "[grey]standby[/]",
                slot.Ready < slot.Desired || slot.Desired == 0 ? $"[red]{slot.Ready}/{slot.Desired}[/]" : $"{slot.Ready}/{slot.Desired}",
                slot.Healthy switch { true => "yes", false => "[red]no[/]", null => "[grey]-[/]" },
                Markup.Escape(slot.Autoscaler ?? "-"),
                slot.Drill is null ? "-" : $"[yellow]{Markup.Escape(slot.Drill)}[/]");
        }

        return new Rows([table, .. Lines(status, footer).Select(line => new Text(line))]);
    }

    /// <summary>Without a terminal: one line for the state, so that a log shows each change once.</summary>
    public static string Line(LabStatus status)
    {
        var slots = status.Slots.Select(slot => $"{slot.Name} {slot.Ready}/{slot.Desired}{(slot.Drill is null ? string.Empty : $" (drill: {slot.Drill})")}");
        return $"active {status.Active ?? "none"}, phase {status.Phase}, {string.Join(", ", slots)}, watcher {status.Watcher.Ready}/{status.Watcher.Desired}";
    }

    public static IEnumerable<string> Lines(LabStatus status, string? footer)
    {
        var seenBefore = status.Watcher is { Ready: 0, Leader: null } && status.Message is { Length: > 0 } ? " (no watcher is Ready: this is what the last one saw)" : string.Empty;
        yield return $"phase     {status.Phase}{(status.Message is { Length: > 0 } message ? $": {message}" : string.Empty)}{seenBefore}";
        yield return status.LastSwitch is { } last
            ? string.Create(CultureInfo.InvariantCulture, $"last move {last.Time?.ToLocalTime():HH:mm:ss.fff} {last.From} -> {last.To} ({last.Kind}): {last.Reason}")
            : "last move none";
        yield return $"watcher   {status.Watcher.Ready}/{status.Watcher.Desired} Ready, leader {status.Watcher.Leader ?? "none"}";
        if (footer is not null)
        {
            yield return footer;
        }
    }
}
