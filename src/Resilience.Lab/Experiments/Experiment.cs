using System.Text.Json.Nodes;

namespace Resilience.Lab.Experiments;

/// <summary>One experiment: a hypothesis about the steady state, load, faults on a clock, and what must hold afterwards.</summary>
/// <param name="Source">File the experiment was read from, for messages.</param>
internal sealed record Experiment(
    string Name,
    string Title,
    string Description,
    string Hypothesis,
    LoadSpec Load,
    SetupSpec Setup,
    IReadOnlyList<DrillSpec> Drills,
    AbortSpec Abort,
    IReadOnlyList<ExpectationSpec> Expectations,
    IReadOnlyList<NoteSpec> Notes,
    string Source)
{
    /// <summary>The same experiment squeezed or stretched to another length: drills, steps and notes keep their share of it.</summary>
    public Experiment WithDuration(TimeSpan duration)
    {
        var factor = duration / Load.Duration;
        return this with
        {
            // The description speaks of the shipped times.
            Description = duration == Load.Duration ? Description : $"{Description} (Load of {duration.TotalSeconds:0.#} s instead of {Load.Duration.TotalSeconds:0.#} s; every time is {factor:0.##} of what is said.)",
            Load = Load with
            {
                Duration = duration,
                Steps = [.. Load.Steps.Select(step => step with { At = step.At * factor })],
            },
            Drills = [.. Drills.Select(drill => drill with { At = drill.At * factor, For = drill.For * factor })],
            Notes = [.. Notes.Select(note => note with { At = note.At * factor })],
        };
    }

    public Experiment WithRate(double rps)
    {
        var factor = rps / Load.Rps;
        return this with { Load = Load with { Rps = rps, Steps = [.. Load.Steps.Select(step => step with { Rps = step.Rps * factor })] } };
    }
}

/// <summary>The load: an open model, arrivals do not wait for answers.</summary>
/// <param name="Rps">Requests per second at the start; with no steps, all the time.</param>
/// <param name="NewConnectionRatio">Share of requests that open a connection of their own, 0 to 1.</param>
/// <param name="Steps">Changes of rate, in time order.</param>
internal sealed record LoadSpec(double Rps, TimeSpan Duration, string Arrivals, double NewConnectionRatio, TimeSpan Timeout, string Path, IReadOnlyList<LoadStep> Steps)
{
    /// <summary>The asked-for requests per second at a second of the load.</summary>
    public double RateAt(double second) => Steps.LastOrDefault(step => step.At.TotalSeconds <= second)?.Rps ?? Rps;
}

/// <summary>From <paramref name="At"/> on, the rate is <paramref name="Rps"/>.</summary>
internal sealed record LoadStep(TimeSpan At, double Rps);

/// <summary>What differs from the shipped manifests before anything is applied.</summary>
/// <param name="Replicas">Deployment name to replicas.</param>
/// <param name="Env">Container environment by Deployment name.</param>
/// <param name="Patches">JSON merge patches by object.</param>
internal sealed record SetupSpec(
    IReadOnlyDictionary<string, int> Replicas,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Env,
    IReadOnlyList<ManifestPatch> Patches)
{
    public static SetupSpec None { get; } =
        new(new Dictionary<string, int>(), new Dictionary<string, IReadOnlyDictionary<string, string>>(), []);
}

internal sealed record ManifestPatch(string Kind, string Name, JsonObject Merge);

/// <param name="Fault">A name from <see cref="Drills.FaultCatalog"/>.</param>
/// <param name="Target">blue, green, active, standby, both or leader; active and standby are looked up when the drill starts.</param>
/// <param name="For">Zero: the fault happens once and nothing is held.</param>
/// <param name="Parameters">Numbers the fault takes, such as latencyMs.</param>
internal sealed record DrillSpec(string Fault, string Target, TimeSpan At, TimeSpan For, IReadOnlyDictionary<string, double> Parameters);

/// <summary>When to stop hurting: the drills are undone at once and the verdict is "aborted".</summary>
internal sealed record AbortSpec(double ErrorRatioAbove, TimeSpan ErrorRatioOver, TimeSpan NoReplyFor);

/// <param name="Metric">A name from <see cref="Running.ExpectationMetrics"/>.</param>
internal sealed record ExpectationSpec(string Name, string Metric, Comparison Comparison, double Value, string? Text);

internal enum Comparison
{
    AtMost,
    AtLeast,
    Equal,
    Is,
}

/// <summary>What a speaker says at a moment of the run; shown with <c>--narrate</c>.</summary>
internal sealed record NoteSpec(TimeSpan At, string Text);
