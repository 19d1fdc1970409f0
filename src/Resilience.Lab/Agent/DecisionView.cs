using System.Globalization;
using Resilience.ScalingAgent.Ledger;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Resilience.Lab.Agent;

/// <summary>One decision in words and tables: what was known, what was expected, what else was possible, what was done, what came of it.</summary>
internal static class DecisionView
{
    public static IRenderable Of(EntryView entry, DecisionRecord decision, OutcomeRecord? outcome) => new Rows([
        .. Heading(entry, decision),
        .. Section("What was known", Inputs(decision)),
        .. Section("What was expected", Forecast(decision)),
        .. Models(decision.Forecast),
        .. Section("What else was possible", [Candidates(decision)]),
        .. Section("Rules that changed the floor", Lines(Rules(decision))),
        .. Section("What was written", Lines(Writes(decision))),
        .. Section("What came of it", Lines(Outcome(outcome))),
    ]);

    /// <summary>The sentence of an entry that fits in a row of a table.</summary>
    public static string Sentence(EntryView entry)
    {
        try
        {
            return entry.Kind switch
            {
                EntryKind.Decision => DecisionRecord.From(entry.Body).Reason,
                EntryKind.Outcome => $"of {entry.Refers}: {OutcomeRecord.From(entry.Body).Summary}",
                EntryKind.Checkpoint => Checkpoint(entry),
                _ => NoticeRecord.From(entry.Body).Message,
            };
        }
        catch (System.Text.Json.JsonException)
        {
            return "cannot be read: " + entry.Body.GetRawText();
        }
    }

    private static string Checkpoint(EntryView entry) => System.Text.Json.JsonSerializer.Deserialize(entry.Body, LedgerJson.Default.CheckpointRecord) is { } said
        ? string.Create(CultureInfo.InvariantCulture, $"{said.Dropped} old entries up to {said.UpTo} were dropped.")
        : "-";

    private static IEnumerable<IRenderable> Heading(EntryView entry, DecisionRecord decision)
    {
        yield return new Markup($"[bold]Decision {entry.Number}[/] of {Markup.Escape($"{entry.Namespace}/{entry.Name}")} ({Markup.Escape(decision.Target)}), {Figures.Instant(decision.At)}"
            + (decision.TimeScale == 1 ? "" : $", on a clock {Figures.Number(decision.TimeScale)} times as fast as the wall's"));
        yield return new Markup($"[bold]{Markup.Escape(decision.Reason)}[/]");
        if (decision.GivenUp is { } givenUp)
        {
            yield return new Markup($"[yellow]Given up for the budget: {Markup.Escape(givenUp)}.[/]");
        }
    }

    private static IEnumerable<IRenderable> Section(string title, IEnumerable<IRenderable> content) => [new Text(""), new Markup($"[bold underline]{title}[/]"), .. content];

    private static IEnumerable<IRenderable> Lines(IEnumerable<string> lines) => lines.Select(line => new Text(line));

    private static IEnumerable<IRenderable> Inputs(DecisionRecord decision)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Row(string name, string value) => grid.AddRow(new Text(name), new Text(value));
        Row("mode", decision.Mode + (decision.ActiveSlot is { } slot ? $", active slot {slot}" : ""));
        Row("demand", $"{Figures.Number(decision.Demand)} requests/s over {Figures.Seconds(decision.IntervalSeconds)}" + (decision.DemandProblem is { } problem ? $" ({problem.TrimEnd('.')})" : ""));
        Row("capacity", $"{Figures.Number(decision.Capacity.PerReplica)} requests/s per replica ({decision.Capacity.Basis})");
        Row("lead", $"{Figures.Seconds(decision.Lead.Seconds)} from a request for replicas to their service ({decision.Lead.Basis})");
        Row("SLO", $"demand must fit the capacity in {Figures.Percent(decision.SloQuantile)} of intervals");
        Row("money", Money(decision.Cost));
        if (decision.PodsWithoutRoom > 0)
        {
            Row("no room", $"{decision.PodsWithoutRoom} pods that no node had room for");
        }

        foreach (var planned in decision.PlannedEvents)
        {
            Row("calendar", $"{planned.Name}, {Figures.Instant(planned.From)} to {Figures.Instant(planned.To)}: {(planned.Blackout ? "no change" : $"at least {planned.Replicas} replicas")}");
        }

        return [grid];
    }

    private static string Money(CostRecord cost) =>
        $"{Figures.Dollars(cost.PricePerReplicaHour)} per replica-hour; {Figures.Dollars(cost.PerHour)} per hour now, {Figures.Dollars(cost.MonthToDate)} this month"
        + (cost.MonthProjected is { } projected ? $", {Figures.Dollars(projected)} expected by its end" : "")
        + (cost.MonthlyBudget is { } budget ? $" of a budget of {Figures.Dollars(budget)}" : ", no budget")
        + (cost.PerMillionGood is { } good ? $"; {Figures.Dollars(good)} per million good requests" : "");

    private static IEnumerable<IRenderable> Forecast(DecisionRecord decision)
    {
        var forecast = decision.Forecast;
        if (forecast.WhyNone is { } why)
        {
            return [new Text($"No forecast: {why.TrimEnd('.')} (stage {forecast.Stage}).")];
        }

        var lines = new List<string>
        {
            $"At the end of the lead: p50 {Figures.Number(forecast.P50)}, p90 {Figures.Number(forecast.P90)}, p95 {Figures.Number(forecast.P95)}, p99 {Figures.Number(forecast.P99)} requests/s.",
        };
        if (forecast.Peaks.Count > 0)
        {
            lines.Add("Highest until then: " + string.Join(", ", forecast.Peaks.Select(peak => $"{Figures.Number(peak.Demand)} ({Figures.Percent(peak.Level)} sure)")) + ".");
        }

        lines.Add($"Stage {forecast.Stage}; champion {forecast.Champion ?? "-"} with {Figures.Percent(forecast.ChampionShare)} of the pool; "
            + $"better than repeating the last value by {Figures.Percent(forecast.SkillAgainstNaive)}, than the median by {Figures.Percent(forecast.SkillAgainstMedian)}.");
        lines.AddRange(forecast.Coverage.Select(coverage =>
            $"{Figures.Percent(coverage.Covered)} of the last {coverage.Outcomes} outcomes were at or below what {Figures.Percent(coverage.Quantile)} of them should be."));
        return Lines(lines);
    }

    private static IEnumerable<IRenderable> Models(ForecastRecord forecast)
    {
        if (forecast.Models.Count == 0)
        {
            return [];
        }

        var table = new Table().RoundedBorder().AddColumns("model", "share of the pool", "mean absolute error", "in the pool");
        foreach (var model in forecast.Models)
        {
            _ = table.AddRow(Markup.Escape(model.Name), Figures.Percent(model.Weight), Figures.Number(model.MeanAbsoluteError), model.InPool ? "yes" : "not yet");
        }

        return [table];
    }

    private static IRenderable Candidates(DecisionRecord decision)
    {
        if (decision.Candidates.Count == 0)
        {
            return new Text("Nothing was compared: that takes a forecast.");
        }

        var table = new Table().RoundedBorder().AddColumns("plan", "replicas", "$/h", "risk", "$ per million good", "verdict");
        foreach (var plan in decision.Candidates)
        {
            var chosen = plan.Verdict == "chosen";
            string Cell(string text) => chosen ? $"[bold green]{Markup.Escape(text)}[/]" : Markup.Escape(text);
            _ = table.AddRow(
                Cell(plan.Name), Cell(Figures.Count(plan.Replicas)), Cell(Figures.Dollars(plan.DollarsPerHour)),
                Cell(Figures.Percent(plan.Risk)), Cell(Figures.Dollars(plan.DollarsPerMillionGood)), Cell(plan.Verdict));
        }

        return table;
    }

    private static IEnumerable<string> Rules(DecisionRecord decision) => decision.Adjustments.Count == 0
        ? ["None: the floor is what the SLO asks for."]
        : decision.Adjustments.Select(rule => $"{rule.From} -> {rule.To}  {rule.Rule}: {rule.Because.TrimEnd('.')}.");

    private static IEnumerable<string> Writes(DecisionRecord decision)
    {
        foreach (var write in decision.Writes)
        {
            yield return $"{write.Object} {write.Field}: {Figures.Count(write.From)} -> {write.To} ({write.Result})";
        }

        if (decision.Wake)
        {
            yield return "The Deployment was woken from zero first: an autoscaler does nothing at zero.";
        }

        if (decision.WhyNotWritten is { } why)
        {
            yield return $"Nothing: {why.TrimEnd('.')}.";
        }

        yield return $"Floor before: {Floor(decision.FloorBefore)}; floor decided: {Floor(decision.Floor)}; chance that demand exceeds its capacity: {Figures.Percent(decision.Risk)}.";
    }

    private static string Floor(int? floor) => floor is null ? "none (the reactive autoscaler alone)" : Figures.Count(floor);

    private static IEnumerable<string> Outcome(OutcomeRecord? outcome)
    {
        if (outcome is null)
        {
            yield return "Not known yet: a decision is scored when its lead is over.";
            yield break;
        }

        yield return outcome.Summary;
        yield return $"Peak demand {Figures.Number(outcome.PeakDemand)} requests/s; {Figures.Count(outcome.ReadyReplicas)} replicas Ready, good for {Figures.Number(outcome.ReadyCapacity)}: "
            + outcome.Violated switch { true => "too little.", false => "enough.", null => "whether that was enough is not known." };
        yield return $"Forecast error {Figures.Number(outcome.ForecastError)} ({Figures.Percent(outcome.RelativeError)}); "
            + $"the peak fell at or below the {Figures.Percent(outcome.FellAtQuantile)} level; the floor cost {Figures.Dollars(outcome.FloorCost)}.";
    }
}
