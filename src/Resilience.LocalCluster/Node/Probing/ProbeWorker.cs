using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Resilience.LocalCluster.Node.Probing;

/// <summary>
/// Repeats one probe of one container and counts towards its thresholds. The first attempt comes at once (after initialDelay),
/// the next ones each period; <see cref="Trigger"/> asks for one in between, as a kubelet does after the startup probe succeeded.
/// </summary>
internal sealed class ProbeWorker(
    ProbeSpec spec, JsonObject container, string address, NetworkProber prober, TimeProvider clock, ProbeWorker.Report report)
{
    private readonly Channel<bool> _trigger = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <param name="healthy">The new verdict once a threshold is reached; null while it is still open.</param>
    internal delegate void Report(ProbeSpec spec, bool? healthy, ProbeOutcome outcome);

    public void Trigger() => _ = _trigger.Writer.TryWrite(true);

    /// <summary>Runs until cancelled; <paramref name="enabled"/> holds attempts back (before the startup probe succeeded).</summary>
    public async Task RunAsync(Func<bool> enabled, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(spec.InitialDelay, clock, cancellationToken).ConfigureAwait(false);
            var (successes, failures) = (0, 0);
            while (true)
            {
                var started = clock.GetTimestamp();
                if (enabled())
                {
                    var outcome = await prober.ProbeAsync(spec, container, address, cancellationToken).ConfigureAwait(false);
                    (successes, failures) = outcome.Success ? (successes + 1, 0) : (0, failures + 1);
                    bool? healthy = successes >= spec.SuccessThreshold ? true : failures >= spec.FailureThreshold ? false : null;
                    report(spec, healthy, outcome);
                }

                await NextAsync(spec.Period - clock.GetElapsedTime(started), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The container ended.
        }
    }

    private async Task NextAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var due = Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, clock, either.Token);
        var asked = _trigger.Reader.ReadAsync(either.Token).AsTask();
        _ = await Task.WhenAny(due, asked).ConfigureAwait(false);
        await either.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(due, asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }
}
