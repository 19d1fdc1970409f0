using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Publishing;

/// <summary>Bodies of the status patches. Pure: what is there already comes in, what is to be there goes out.</summary>
internal static class StatusProjection
{
    private const int HistoryLength = 20;

    /// <summary>The status of a BlueGreen; <paramref name="moves"/> are merged into the history that is there.</summary>
    public static JsonObject BlueGreen(BlueGreen current, FailoverStatus status, IReadOnlyList<SwitchTiming> moves, DateTimeOffset now)
    {
        var body = new JsonObject
        {
            ["observedGeneration"] = current.Metadata.Generation,
            ["active"] = status.Active?.Name(),
            ["phase"] = status.InvalidSpec is not null ? "Invalid" : status.Mode == FailoverMode.Paused ? "Paused" : status.Phase.ToString(),
            ["message"] = status.Message,
            ["suppressedUntil"] = Time(status.SuppressedUntil),
            ["conditions"] = Conditions(current, status, now),
        };
        if (status.InvalidSpec is null)
        {
            body["slots"] = new JsonObject { ["blue"] = Slot(status.Blue), ["green"] = Slot(status.Green) };
            body["lastSwitch"] = status.LastSwitch is { } last ? Told(current, last) : null;
            body["history"] = History(current, moves);
        }
        return new() { ["status"] = body };
    }

    /// <summary>The status of a Switchover: the phase, and a step list that grows by one with every phase.</summary>
    public static JsonObject Switchover(Switchover current, SwitchoverProgress progress)
    {
        var steps = new JsonArray();
        foreach (var step in current.Status?.Steps ?? [])
        {
            steps.Add(Step(step.Name, step.StartedAt, step.FinishedAt ?? progress.Since, step.Message));
        }
        steps.Add(Step(progress.Phase.ToString(), progress.Since, progress.IsFinal ? progress.Since : null, progress.Message));
        return new()
        {
            ["status"] = new JsonObject
            {
                ["observedGeneration"] = current.Metadata.Generation,
                ["phase"] = progress.Phase.ToString(),
                ["message"] = progress.Message,
                ["startedAt"] = Time(current.Status?.StartedAt ?? progress.Since),
                ["finishedAt"] = progress.IsFinal ? Time(progress.Since) : null,
                ["steps"] = steps,
            },
        };
    }

    private static JsonArray History(BlueGreen current, IReadOnlyList<SwitchTiming> moves)
    {
        var history = new JsonArray();
        var told = new HashSet<string>(StringComparer.Ordinal);
        foreach (var move in moves)
        {
            told.Add(Time(move.Switch.At)!);
            history.Add(Told(current, move));
        }
        foreach (var known in current.Status?.History ?? [])
        {
            if (history.Count < HistoryLength && told.Add(Time(known.Time) ?? ""))
            {
                history.Add(Switch(known));
            }
        }
        return history;
    }

    /// <summary>A new leader knows that a move was made, but not how long its steps took: what its predecessor wrote about that is kept.</summary>
    private static JsonObject Told(BlueGreen current, SwitchTiming move) =>
        move.DetectedAt is null && current.Status?.History?.FirstOrDefault(known => Time(known.Time) == Time(move.Switch.At)) is { } known ? Switch(known) : Switch(move);

    private static JsonObject Slot(SlotSummary slot) => new()
    {
        ["ready"] = slot.Ready, ["desired"] = slot.Desired, ["healthy"] = slot.Healthy, ["summary"] = string.Create(CultureInfo.InvariantCulture, $"{slot.Ready}/{slot.Desired}"),
    };

    private static JsonObject Switch(SwitchTiming timing) => Switch(new SwitchStatus
    {
        Time = timing.Switch.At,
        Kind = FailoverMetrics.Lower(timing.Switch.Kind),
        From = timing.Switch.From.Name(),
        To = timing.Switch.To.Name(),
        Reason = timing.Switch.Reason,
        DetectedAt = timing.DetectedAt,
        DecidedAt = timing.DecidedAt,
        PatchedAt = timing.PatchedAt,
        DetectMilliseconds = timing.DetectMilliseconds,
        DecideMilliseconds = timing.DecideMilliseconds,
        PatchMilliseconds = timing.PatchMilliseconds,
    });

    private static JsonObject Switch(SwitchStatus move) => new()
    {
        ["time"] = Time(move.Time),
        ["kind"] = move.Kind,
        ["from"] = move.From,
        ["to"] = move.To,
        ["reason"] = move.Reason,
        ["detectedAt"] = Time(move.DetectedAt),
        ["decidedAt"] = Time(move.DecidedAt),
        ["patchedAt"] = Time(move.PatchedAt),
        ["detectMilliseconds"] = Rounded(move.DetectMilliseconds),
        ["decideMilliseconds"] = Rounded(move.DecideMilliseconds),
        ["patchMilliseconds"] = Rounded(move.PatchMilliseconds),
    };

    private static JsonObject Step(string name, DateTimeOffset? started, DateTimeOffset? finished, string? message) => new()
    {
        ["name"] = name, ["startedAt"] = Time(started), ["finishedAt"] = Time(finished), ["message"] = message,
    };

    private static JsonArray Conditions(BlueGreen current, FailoverStatus status, DateTimeOffset now)
    {
        var active = status.Active switch { Control.Failover.Slot.Blue => status.Blue, Control.Failover.Slot.Green => status.Green, _ => null };
        var standby = status.Active switch { Control.Failover.Slot.Blue => status.Green, Control.Failover.Slot.Green => status.Blue, _ => null };
        var conditions = new JsonArray
        {
            Condition(current, "SpecValid", status.InvalidSpec is null, status.InvalidSpec is null ? "Accepted" : "Refused", status.InvalidSpec ?? "", now),
        };
        if (status.InvalidSpec is null)
        {
            conditions.Add(Condition(current, "Serving", active?.Ready > 0, active?.Ready > 0 ? "PodsServing" : "NoPodServing", status.Message ?? "", now));
            conditions.Add(Condition(current, "Redundant", standby?.Healthy == true, standby?.Healthy == true ? "StandbyHealthy" : "StandbyNotHealthy",
                standby is null ? "" : $"{standby.Ready} of {standby.Desired} standby pods serve.", now));
            conditions.Add(Condition(current, "Degraded", status.Active is null, status.Active is null ? nameof(DecisionReason.SelectorUnknown) : "SelectorKnown",
                status.Active is null ? "The Service selector matches neither slot." : "", now));
        }
        return conditions;
    }

    private static JsonObject Condition(BlueGreen current, string type, bool isTrue, string reason, string message, DateTimeOffset now)
    {
        var value = isTrue ? "True" : "False";
        V1Condition? known = current.Status?.Conditions?.FirstOrDefault(condition => condition.Type == type);
        var since = known?.Status == value ? new DateTimeOffset(DateTime.SpecifyKind(known.LastTransitionTime, DateTimeKind.Utc)) : now;
        return new()
        {
            ["type"] = type, ["status"] = value, ["reason"] = reason, ["message"] = message, ["observedGeneration"] = current.Metadata.Generation,
            ["lastTransitionTime"] = since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        };
    }

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static double? Rounded(double? milliseconds) => milliseconds is { } value ? Math.Round(value, 3) : null;
}
