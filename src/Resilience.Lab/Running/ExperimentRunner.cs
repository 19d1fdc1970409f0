using System.Globalization;
using System.Text.Json;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Agent;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Drills;
using Resilience.Lab.Experiments;
using Resilience.Lab.Hosting;
using Resilience.Lab.Reporting;
using Resilience.LoadGenerator;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.Lab.Running;

/// <param name="Detection">events or polling: how the watcher of this cluster finds faults; said in the report.</param>
/// <param name="StandardApiOnly">Drills use nothing that only the embedded cluster has.</param>
/// <param name="Pause">Called with a speaker's note; returns when the speaker goes on. Null: nobody speaks.</param>
internal sealed record RunOptions(int Seed, string Detection, Func<string, CancellationToken, Task>? Pause, bool StandardApiOnly = false)
{
    /// <summary>Where the load comes from; null: this process.</summary>
    public ILoadSource? Load { get; init; }
}

/// <summary>One run of one experiment on a cluster that is ready: steady state, load and drills, recovery, report.</summary>
internal sealed class ExperimentRunner(LabCluster cluster, Uri page, Experiment experiment, RunOptions options, Action<string> say)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SteadyFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestTalk = TimeSpan.FromMinutes(45);
    private const int LedgerPageSize = 500;
    private const int MaxDecisions = 5_000;
    private readonly TimeProvider _time = cluster.Time;
    private readonly ILoadSource _source = options.Load ?? new OwnLoad(cluster.Time);
    private readonly RunJournal _journal = new(say, cluster.Time);
    private readonly List<InjectedFault> _faults = [];
    private readonly ReplicaMeter _replicas = new();

    /// <summary>Null without an agent, or with one that runs on the wall clock and was there before.</summary>
    private readonly AgentStart? _agent = AgentStart.IsNeeded(experiment) ? new(cluster, experiment.Load.Course!, experiment.Cluster.TimeScale) : null;

    public async Task<RunReport> RunAsync(CancellationToken stop)
    {
        say(experiment.Variant is { } variant ? $"{experiment.Name}, {variant.Name}: {variant.Title}" : $"{experiment.Name}: {experiment.Title}");
        await CheckSteadyStateAsync(stop).ConfigureAwait(false);
        var calibrated = await new CpuCalibration(cluster, page, experiment, options.Seed, say).RunAsync(stop).ConfigureAwait(false);
        if (_agent is not null)
        {
            await _agent.PrepareAsync(stop).ConfigureAwait(false);
            say("the scaling agent is Ready");
        }

        var before = await cluster.ActiveSlotAsync(stop).ConfigureAwait(false);
        _journal.StartedAt = _time.GetUtcNow();
        var watch = await ClusterWatch.StartAsync(cluster, _journal, experiment.Overlay == LabStackOptions.Intelligent, stop).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            var ready = Names.Slots.ToDictionary(slot => slot, slot => watch.Count(slot).Ready);
            await SpeakAsync($"{experiment.Description} Hypothesis: {experiment.Hypothesis}", stop).ConfigureAwait(false);
            var (load, abort) = await LoadAndHurtAsync(watch, calibrated, stop).ConfigureAwait(false);
            var decisions = await DecisionsAsync(stop).ConfigureAwait(false);
            var recovery = await WaitForRecoveryAsync(watch, ready, before, stop).ConfigureAwait(false);
            await SpeakAsync("The run is over; the report says what users saw.", stop).ConfigureAwait(false);
            var facts = new RunFacts(experiment, options, cluster.Kind, load, [.. _faults], watch.Moves, _journal.InOrder(), _replicas, recovery,
                watch.Scalings, watch.CapacityRps(recovery.ActiveAtEnd), watch.Desired(recovery.ActiveAtEnd), abort)
            {
                Decisions = decisions,
            };
            return ReportBuilder.Build(facts);
        }
    }

    /// <summary>Nothing is hurt that is not well: a short light load must be answered without an error.</summary>
    private async Task CheckSteadyStateAsync(CancellationToken stop)
    {
        var light = experiment.Load with { Rps = Math.Min(50, experiment.Load.Rps), Steps = [], Course = null };
        var run = await _source.StartAsync(LoadPlans.For(light, experiment.Cluster.TimeScale, page, options.Seed, SteadyFor), stop).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            var result = await run.Completion.WaitAsync(stop).ConfigureAwait(false);
            if (result.Failed > 0 || result.Ok == 0)
            {
                throw new LabException(
                    $"the steady state does not hold: {result.Failed} of {result.Scheduled} requests to {page} failed before any fault",
                    "\"./lab status\" shows the cluster; a busy machine can also be the cause.");
            }
        }

        say($"steady state holds: {experiment.Hypothesis}");
    }

    private async Task<(LoadResult Load, string? Abort)> LoadAndHurtAsync(ClusterWatch watch, IReadOnlyList<string> calibrated, CancellationToken stop)
    {
        var spec = experiment.Load;
        var planned = options.Pause is null ? spec.Duration : spec.Duration + LongestTalk;
        var run = await _source.StartAsync(LoadPlans.For(spec, experiment.Cluster.TimeScale, page, options.Seed, planned), stop).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            var clock = new RunClock(_time, run.StartedAt);
            _journal.StartedAt = run.StartedAt;
            _journal.Add(run.StartedAt, "load", Describe(spec));
            foreach (var target in calibrated)
            {
                _journal.Add(run.StartedAt, "note", target);
            }

            if (_agent is not null)
            {
                await _agent.BeginAsync(run.StartedAt, stop).ConfigureAwait(false);
                _journal.Add("note", $"the scaling agent begins with {spec.Course!.HistoryDays} recorded days");
            }

            using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var crew = new DrillCrew(new ClusterDrillTarget(cluster, options.StandardApiOnly), _time);
            await using (crew.ConfigureAwait(false))
            {
                var acting = Task.WhenAll([.. experiment.Drills.Select(drill => HurtAsync(crew, drill, clock, end.Token)), NotesAsync(clock, end.Token), StepsAsync(clock, end.Token)]);
                var abort = await WatchOverAsync(run, clock, watch, acting, stop).ConfigureAwait(false);
                await end.CancelAsync().ConfigureAwait(false);
                await acting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
                if (abort is not null || options.Pause is not null)
                {
                    run.StopSending();
                }

                return (await run.Completion.WaitAsync(stop).ConfigureAwait(false), abort);
            }
        }
    }

    /// <summary>What the scaling agent decided. A ledger that cannot be read is said and does not spoil the run.</summary>
    private async Task<IReadOnlyList<AgentDecision>> DecisionsAsync(CancellationToken stop)
    {
        if (experiment.Overlay != LabStackOptions.Intelligent)
        {
            return [];
        }

        try
        {
            var planning = _agent?.Planning ?? new PlanningTime(_journal.StartedAt, 1);
            return [.. (await LedgerAsync(stop).ConfigureAwait(false)).Select(entry => AgentDecision.From(entry, planning))];
        }
        catch (Exception unreadable) when (unreadable is ClusterException or LabException or JsonException)
        {
            _journal.Add("note", $"the scaling agent's ledger could not be read: {unreadable.Message}");
            return [];
        }
    }

    private async Task<IReadOnlyList<EntryView>> LedgerAsync(CancellationToken stop)
    {
        var agent = await AgentClient.FindAsync(cluster.Api, stop).ConfigureAwait(false);
        var found = new List<EntryView>();
        for (var more = true; more && found.Count < MaxDecisions;)
        {
            var page = await agent.ListAsync(new LedgerQuery($"{Names.Namespace}/{Names.PredictiveAutoscaler}", EntryKind.Decision, LedgerPageSize, found.Count == 0 ? 0 : found[^1].Number), stop).ConfigureAwait(false);
            found.AddRange(page.Entries.OrderBy(entry => entry.Number));
            more = page.Entries.Count == LedgerPageSize;
        }

        return found;
    }

    private string Describe(LoadSpec spec)
    {
        var connections = $"{spec.NewConnectionRatio:0%} on new connections{(_source.Kind == JobLoad.Word ? ", from a Job in the cluster" : string.Empty)}";
        return spec.Course is { } course
            ? string.Create(CultureInfo.InvariantCulture, $"load: a day's course from {course.StartsAt:hh\\:mm} on, {spec.Rps:0} requests/s at first, for {Durations.Text(spec.Duration)} in which {(spec.Duration * experiment.Cluster.TimeScale).TotalHours:0.#} h of that day pass; {connections}")
            : $"load: {spec.Rps:0.#} requests/s for {Durations.Text(spec.Duration)}, {connections}";
    }

    /// <summary>Until the load's time is over; counts pods and keeps an eye on the abort conditions.</summary>
    private async Task<string?> WatchOverAsync(ILoadRun run, RunClock clock, ClusterWatch watch, Task acting, CancellationToken stop)
    {
        var guard = new AbortGuard(experiment.Abort);
        while (clock.Elapsed < experiment.Load.Duration)
        {
            await Task.Delay(Tick, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (acting.IsFaulted || stop.IsCancellationRequested)
            {
                await acting.ConfigureAwait(false);
            }

            stop.ThrowIfCancellationRequested();
            if (run.Completion.IsFaulted)
            {
                _ = await run.Completion.ConfigureAwait(false);
            }

            _replicas.Sample(clock.Elapsed, watch.Count("blue"), watch.Count("green"));
            var seen = run.Snapshot();
            if (guard.Check(seen.Elapsed, seen.Ok, seen.Failed) is { } reason)
            {
                _journal.Add("abort", $"aborted: {reason}; all drills are undone");
                return reason;
            }
        }

        return null;
    }

    private async Task HurtAsync(DrillCrew crew, DrillSpec spec, RunClock clock, CancellationToken stop)
    {
        await clock.WaitUntilAsync(spec.At, stop).ConfigureAwait(false);
        if (options.Pause is not null)
        {
            var paused = _time.GetTimestamp();
            await SpeakAsync($"Next: {spec.Fault} on the {spec.Target} slot - {FaultCatalog.Find(spec.Fault).Description}.", stop).ConfigureAwait(false);
            clock.Pause(_time.GetElapsedTime(paused));
        }

        var drills = await crew.StartAsync(spec.Fault, spec.Target, spec.Parameters, spec.For, stop).ConfigureAwait(false);
        foreach (var drill in drills)
        {
            _journal.Add(drill.StartedAt, "fault", $"fault: {drill.Fault} of {drill.Slot}{(spec.For > TimeSpan.Zero ? $" for {Durations.Text(spec.For)}" : string.Empty)} ({FaultCatalog.Find(spec.Fault).Description})");
            lock (_faults)
            {
                _faults.Add(new InjectedFault(drill.Fault, drill.Slot, drill.StartedAt, drill.StartedAt + spec.For));
            }
        }

        if (spec.For > TimeSpan.Zero)
        {
            await clock.WaitUntilAsync(spec.At + spec.For, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var drill in drills)
            {
                await crew.RestoreAsync(drill).ConfigureAwait(false);
                _journal.Add("restore", $"undone: {drill.Fault} of {drill.Slot}");
            }
        }
    }

    private async Task NotesAsync(RunClock clock, CancellationToken stop)
    {
        foreach (var note in experiment.Notes.Where(_ => options.Pause is not null).OrderBy(note => note.At))
        {
            await clock.WaitUntilAsync(note.At, stop).ConfigureAwait(false);
            _journal.Add("note", note.Text);
        }
    }

    private async Task StepsAsync(RunClock clock, CancellationToken stop)
    {
        foreach (var step in experiment.Load.Steps)
        {
            await clock.WaitUntilAsync(step.At, stop).ConfigureAwait(false);
            _journal.Add("load", $"load changes to {step.Rps:0.#} requests/s");
        }
    }

    /// <summary>Both slots have at least the Ready pods they began with.</summary>
    private async Task<RecoveryReport> WaitForRecoveryAsync(ClusterWatch watch, Dictionary<string, int> before, string activeBefore, CancellationToken stop)
    {
        var waiting = _time.GetTimestamp();
        var healed = _faults.Count == 0 ? _time.GetUtcNow() : _faults.Max(fault => fault.Until);
        while (Names.Slots.Any(slot => watch.Count(slot).Ready < before[slot]) && _time.GetElapsedTime(waiting) < RecoveryLimit)
        {
            await Task.Delay(Tick, _time, stop).ConfigureAwait(false);
        }

        var recovered = Names.Slots.All(slot => watch.Count(slot).Ready >= before[slot]);
        var backAt = _replicas.Samples.Count == 0 ? null : _replicas.BackSince(before["blue"], before["green"]);
        var seconds = backAt is { } back ? Math.Max(0, back - (healed - _journal.StartedAt).TotalSeconds) : (_time.GetUtcNow() - healed).TotalSeconds;
        return new RecoveryReport(recovered, recovered ? Math.Round(seconds, 1) : null, activeBefore, await cluster.ActiveSlotAsync(stop).ConfigureAwait(false));
    }

    private async Task SpeakAsync(string note, CancellationToken stop)
    {
        if (options.Pause is { } pause)
        {
            await pause(note, stop).ConfigureAwait(false);
        }
    }
}
