using System.Text.Json.Nodes;
using Resilience.Lab.Hosting;

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
    /// <summary>Folder of <c>k8s/</c> that is applied: traditional (watcher and HPA) or intelligent (the scaling agent too).</summary>
    public string Overlay { get; init; } = LabStackOptions.Traditional;

    public ClusterSpec Cluster { get; init; } = ClusterSpec.Default;

    public SloSpec Slo { get; init; } = SloSpec.Default;

    /// <summary>The same load on clusters that differ; empty: one run.</summary>
    public IReadOnlyList<VariantSpec> Variants { get; init; } = [];

    /// <summary>What must hold between variants.</summary>
    public IReadOnlyList<ComparisonSpec> Comparisons { get; init; } = [];

    /// <summary>Which of the variants this is; null before one was chosen, or without any.</summary>
    public VariantSpec? Variant { get; init; }

    /// <summary>The experiment as one of its variants runs it.</summary>
    public Experiment As(VariantSpec variant) => this with
    {
        Variant = variant,
        Variants = [],
        Comparisons = [],
        Overlay = variant.Overlay ?? Overlay,
        Setup = Setup.With(variant.Setup),
        Expectations = [.. Expectations, .. variant.Expectations],
    };

    /// <summary>
    /// The same experiment at another length. Steps, drills and notes keep their share of it. A day's course passes as fast as
    /// before, so that the factor between the clocks stays what it is: less, or more, of the day is seen.
    /// </summary>
    public Experiment WithDuration(TimeSpan duration)
    {
        var factor = duration / Load.Duration;
        var said = Load.Course is null
            ? $"(Load of {duration.TotalSeconds:0.#} s instead of {Load.Duration.TotalSeconds:0.#} s; every time is {factor:0.##} of what is said.)"
            : $"(Load of {duration.TotalSeconds:0.#} s instead of {Load.Duration.TotalSeconds:0.#} s: {(factor < 1 ? "less" : "more")} of the day is seen.)";
        return this with
        {
            // The description speaks of the shipped times.
            Description = duration == Load.Duration ? Description : $"{Description} {said}",
            Load = Load with
            {
                Duration = duration,
                WarmUp = Load.Course is null ? Load.WarmUp * factor : Load.WarmUp,
                Steps = [.. Load.Steps.Select(step => step with { At = step.At * factor })],
            },
            Drills = [.. Drills.Select(drill => drill with { At = drill.At * factor, For = drill.For * factor })],
            Notes = [.. Notes.Select(note => note with { At = note.At * factor })],
        };
    }

    /// <summary>Another run of the same experiment: seed 1 has the day as it is written, each further one another day of the same kind.</summary>
    public Experiment WithSeed(int seed)
    {
        if (Load.Course is not { } course)
        {
            return this;
        }

        var drawn = course with { Seed = course.Seed + seed - 1 };
        return this with { Load = Load with { Course = drawn, Rps = new DayCourse(drawn).RateAt(TimeSpan.Zero) } };
    }

    /// <param name="rps">Rate at the start, or a day's highest without its bursts.</param>
    public Experiment WithRate(double rps)
    {
        var factor = rps / (Load.Course?.HighRps ?? Load.Rps);
        return this with
        {
            Load = Load with
            {
                Rps = Load.Rps * factor,
                Course = Load.Course is { } course ? course with { LowRps = course.LowRps * factor, HighRps = course.HighRps * factor } : null,
                Steps = [.. Load.Steps.Select(step => step with { Rps = step.Rps * factor })],
            },
        };
    }
}

/// <summary>The embedded cluster that a run gets.</summary>
/// <param name="TimeScale">How much faster the controllers' periods and windows pass than the wall clock.</param>
/// <param name="NodeCpu">Cores that the node claims to have.</param>
/// <param name="HpaSyncPeriod">On the compressed clock, as a controller manager is told it.</param>
/// <param name="MetricsResolution">On the compressed clock, as metrics-server is told it.</param>
internal sealed record ClusterSpec(double TimeScale, int NodeCpu, TimeSpan HpaSyncPeriod, TimeSpan MetricsResolution)
{
    public static ClusterSpec Default { get; } = new(1, 8, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(15));
}

/// <summary>A second is outside the SLO when more than <paramref name="ErrorRatio"/> of its requests failed or its p95 was above <paramref name="P95Ms"/>.</summary>
internal sealed record SloSpec(double ErrorRatio, double P95Ms)
{
    public static SloSpec Default { get; } = new(0.01, 500);
}

/// <summary>One way to run an experiment: what differs from the others.</summary>
/// <param name="Overlay">Null: the experiment's.</param>
internal sealed record VariantSpec(string Name, string Title, string? Overlay, SetupSpec Setup, IReadOnlyList<ExpectationSpec> Expectations);

/// <summary>A figure of one variant held against the same figure of another.</summary>
/// <param name="Less">True: strictly less; false: no more.</param>
internal sealed record ComparisonSpec(string Name, string Metric, string Of, bool Less, string Than);

/// <summary>The load: an open model, arrivals do not wait for answers. All times are on the wall clock.</summary>
/// <param name="Rps">Requests per second at the start; with no steps, all the time.</param>
/// <param name="NewConnectionRatio">Share of requests that open a connection of their own, 0 to 1.</param>
/// <param name="Steps">Changes of rate, in time order.</param>
internal sealed record LoadSpec(double Rps, TimeSpan Duration, string Arrivals, double NewConnectionRatio, TimeSpan Timeout, string Path, IReadOnlyList<LoadStep> Steps)
{
    /// <summary>Time at the start in which autoscalers and pods settle; it counts for no figure of scaling, cost or SLO.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>The course of a day instead of steps.</summary>
    public CourseSpec? Course { get; init; }
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
    /// <summary>CPU request of every container by Deployment name, such as 100m.</summary>
    public IReadOnlyDictionary<string, string> Cpu { get; init; } = new Dictionary<string, string>();

    /// <summary>CPU target by name of the HPA and its Deployment, in percent of a pod's modelled capacity; what that is in CPU is measured before the run.</summary>
    public IReadOnlyDictionary<string, double> CpuTargetOfCapacity { get; init; } = new Dictionary<string, double>();

    public static SetupSpec None { get; } =
        new(new Dictionary<string, int>(), new Dictionary<string, IReadOnlyDictionary<string, string>>(), []);

    /// <summary>This setup and another on top of it, which has the last word.</summary>
    public SetupSpec With(SetupSpec other)
    {
        var env = Env.ToDictionary();
        foreach (var (name, variables) in other.Env)
        {
            var merged = env.GetValueOrDefault(name)?.ToDictionary() ?? [];
            foreach (var (variable, value) in variables)
            {
                merged[variable] = value;
            }

            env[name] = merged;
        }

        return new SetupSpec(Over(Replicas, other.Replicas), env, [.. Patches, .. other.Patches])
        {
            Cpu = Over(Cpu, other.Cpu),
            CpuTargetOfCapacity = Over(CpuTargetOfCapacity, other.CpuTargetOfCapacity),
        };
    }

    private static Dictionary<string, T> Over<T>(IReadOnlyDictionary<string, T> below, IReadOnlyDictionary<string, T> above)
    {
        var merged = below.ToDictionary();
        foreach (var (name, value) in above)
        {
            merged[name] = value;
        }

        return merged;
    }
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
internal sealed record ExpectationSpec(string Name, string Metric, Comparison Comparison, double Value, string? Text)
{
    /// <summary>The kind of cluster whose promise it is, embedded or kubernetes; null: of both. A kubelet sees and tells later than the embedded cluster does.</summary>
    public string? Cluster { get; init; }
}

internal enum Comparison
{
    AtMost,
    AtLeast,
    Equal,
    Is,
}

/// <summary>What a speaker says at a moment of the run; shown with <c>--narrate</c>.</summary>
internal sealed record NoteSpec(TimeSpan At, string Text);
