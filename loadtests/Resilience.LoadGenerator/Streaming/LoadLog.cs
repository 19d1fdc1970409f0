using System.Net.Sockets;

namespace Resilience.LoadGenerator.Streaming;

/// <summary>
/// Runs a plan and tells every request in lines, as it happens: the log of a pod is the one way out of it that every cluster
/// has. Whoever reads the lines (<see cref="LoadLogReader"/>) has the run as if it had run there, however it ends.
/// </summary>
public static class LoadLog
{
    /// <summary>Requests that one run may tell: some 8 bytes each, with what goes around them below the 10 MiB at which a kubelet rotates a log.</summary>
    public const int MostRequests = 600_000;

    /// <summary>Exit code when there was no load.</summary>
    public const int Refused = 2;

    private const int ClockLines = 40;
    private static readonly TimeSpan ClockPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Requests that a plan asks for.</summary>
    public static double RequestsOf(LoadPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Profile.RequestsBefore(plan.Duration);
    }

    /// <summary>The plan as <see cref="WriteAsync"/> takes it.</summary>
    public static string Plan(LoadPlan plan) => PlanDocument.Write(plan);

    /// <param name="plan">JSON; see <see cref="PlanDocument"/>.</param>
    /// <param name="output">Each line is flushed by itself.</param>
    /// <param name="clock">Of the load and of the lines.</param>
    /// <param name="stop">Ends the load early; the lines end in order all the same.</param>
    /// <returns>0, or <see cref="Refused"/>.</returns>
    /// <exception cref="IOException">Nobody reads any more.</exception>
    public static async Task<int> WriteAsync(string? plan, TextWriter output, TimeProvider clock, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(output);
        var lines = new Lines(output, clock);
        try
        {
            var read = PlanDocument.Read(plan ?? string.Empty);
            for (var i = 0; i < ClockLines && !stop.IsCancellationRequested; i++)
            {
                await lines.WriteAsync(new() { Kind = LoadLine.Clock, N = 0, Us = 0 }).ConfigureAwait(false);
                await Task.Delay(ClockPause, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            var run = await LoadRun.StartAsync(read, clock, stop).ConfigureAwait(false);
            await using (run.ConfigureAwait(false))
            {
                await lines.WriteAsync(new() { Kind = LoadLine.Started, N = 0, Us = 0, ZeroUs = lines.NowUs - Us(run.Elapsed), At = run.StartedAt }).ConfigureAwait(false);
                await TellAsync(run, lines, clock).ConfigureAwait(false);
            }

            return 0;
        }
        catch (Exception wrong) when (wrong is FormatException or SocketException or OperationCanceledException)
        {
            await lines.WriteAsync(new() { Kind = LoadLine.Refused, N = 0, Us = 0, Problem = wrong.Message }).ConfigureAwait(false);
            return Refused;
        }
    }

    private static async Task TellAsync(LoadRun run, Lines lines, TimeProvider clock)
    {
        var told = 0;
        while (!run.Completion.IsCompleted)
        {
            await Task.WhenAny(run.Completion, Task.Delay(Pause, clock, CancellationToken.None)).ConfigureAwait(false);
            told = await TellAsync(run, lines, told).ConfigureAwait(false);
        }

        var result = await run.Completion.ConfigureAwait(false);
        told = await TellAsync(run, lines, told).ConfigureAwait(false);
        await lines.WriteAsync(new() { Kind = LoadLine.Ended, N = 0, Us = 0, DurationUs = Us(result.Duration), Total = told, Generator = result.Generator }).ConfigureAwait(false);
    }

    /// <summary>What is new, in as many lines as it takes; one at least, for a reader has to know that this lives.</summary>
    private static async Task<int> TellAsync(LoadRun run, Lines lines, int told)
    {
        while (true)
        {
            var (samples, slots) = run.RecordedSince(told, LoadLine.MostRequests);
            await lines.WriteAsync(new()
            {
                Kind = LoadLine.Requests, N = 0, Us = 0, InFlight = run.InFlight, Slots = slots, Samples = SampleCodec.Encode(samples), Generator = run.Generator(),
            }).ConfigureAwait(false);
            told += samples.Count;
            if (samples.Count < LoadLine.MostRequests)
            {
                return told;
            }
        }
    }

    private static long Us(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Numbers the lines and stamps them.</summary>
    private sealed class Lines(TextWriter output, TimeProvider clock)
    {
        private readonly long _origin = clock.GetTimestamp();
        private int _next;

        public long NowUs => Us(clock.GetElapsedTime(_origin));

        public async Task WriteAsync(LoadLine line)
        {
            await output.WriteLineAsync((line with { N = _next++, Us = NowUs }).ToJson()).ConfigureAwait(false);
            await output.FlushAsync().ConfigureAwait(false);
        }
    }
}
