using System.Globalization;
using System.Text;
using static Resilience.Lab.Reporting.HtmlParts;

namespace Resilience.Lab.Reporting;

/// <summary>The sections of a report that speak of scaling.</summary>
internal static class ScalingHtml
{
    /// <summary>Rows of the table of decisions: those that changed the floor or say something unusual, at most so many.</summary>
    private const int MaxDecisions = 60;

    /// <summary>The load grew beyond what the first pods can do, or somebody scaled.</summary>
    public static bool Applies(RunReport run) => run.Scaling.ShortOfCapacitySeconds is not null || run.Decisions.Count > 0;

    public static string Slo(RunReport run) => string.Create(CultureInfo.InvariantCulture, $"more than {run.Slo.ErrorRatio:0.##%} errors or a p95 above {run.Slo.P95Ms:0} ms");

    public static void Charts(StringBuilder page, RunReport run)
    {
        if (!Applies(run))
        {
            return;
        }

        Chart(page, "Demand and capacity", "What users asked for, and what the Ready pods of the active slot can do. Red: a second outside the SLO. Grey: the warm-up, which does not count.",
            ScalingCharts.DemandAndCapacity(run), ("ink", "demand"), ("green", "capacity"), ("bad", "outside the SLO"));
        Chart(page, "Pods wanted and Ready", "The floor is the agent's; the HPA may want more.",
            ScalingCharts.Replicas(run), ("blue", "Ready"), ("muted", "wanted (dotted)"), ("accent", "floor (dashed)"), ("bad", "without room on the node"));
        if (run.Decisions.Any(decision => decision.P50 is not null))
        {
            Chart(page, "Forecast and what came", "Each forecast at the time that it speaks of. p99: 99 of 100 outcomes should lie below it.",
                ScalingCharts.Forecast(run), ("ink", "what came"), ("accent", "p50"), ("muted", "p99"));
        }

        Chart(page, "Price of the pods", "Pods of both slots at the price named below.", ScalingCharts.Price(run), ("amber", "USD per hour"));
    }

    /// <summary>Why the agent did what it did, where it changed its mind or gave something up.</summary>
    public static void Decisions(StringBuilder page, RunReport run)
    {
        if (run.Decisions.Count == 0)
        {
            return;
        }

        var scaling = run.Scaling;
        _ = page.Append(CultureInfo.InvariantCulture, $"<section><h2>What the scaling agent decided</h2><p class=\"small\">{run.Decisions.Count} decisions; forecast error {Share(scaling.ForecastWape)} of the demand (WAPE), {Share(scaling.ForecastCoverage99)} of the outcomes at or below p99. Shown are those that changed the floor or gave something up.</p>")
            .Append("<table><tr><th>at</th><th>decision</th><th>floor</th><th>reason</th><th>risk</th><th>given up</th></tr>");
        foreach (var decision in Telling(run.Decisions).Take(MaxDecisions))
        {
            Row(page, Clocks.Both(decision.AtSeconds, run.TimeScale), $"{decision.Number}", $"{decision.Floor?.ToString(CultureInfo.InvariantCulture) ?? "none"}", decision.Reason ?? string.Empty, Share(decision.Risk), Given(decision));
        }

        _ = page.Append("</table></section>");
    }

    private static IEnumerable<DecisionReport> Telling(IReadOnlyList<DecisionReport> decisions)
    {
        DecisionReport? last = null;
        foreach (var decision in decisions)
        {
            if (last is null || last.Floor != decision.Floor || (last.GivenUp is null) != (decision.GivenUp is null) || last.PodsWithoutRoom != decision.PodsWithoutRoom)
            {
                yield return decision;
            }

            last = decision;
        }
    }

    private static string Given(DecisionReport decision) => (decision.GivenUp, decision.PodsWithoutRoom) switch
    {
        (null, 0) => string.Empty,
        (null, var waiting) => $"no room for {waiting} pods",
        (var given, 0) => given,
        var (given, waiting) => $"{given}; no room for {waiting} pods",
    };

    private static string Share(double? share) => share is { } known ? known.ToString("0.#%", CultureInfo.InvariantCulture) : "-";
}
