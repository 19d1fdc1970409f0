using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>
/// Health checks that answer when something becomes true. Aspire repeats a check that failed after one second, then two, up to five, and
/// whatever waits for the resource waits that long too.
/// </summary>
internal static class PatientChecks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <param name="holds">True when the resource is healthy; asked again for 5 seconds before the check fails.</param>
    /// <param name="describe">Words for the answer, asked for after it is known.</param>
    public static IHealthChecksBuilder AddPatientCheck(
        this IHealthChecksBuilder checks, string name, Func<bool> holds, Func<string> describe, TimeProvider? clock = null) =>
        checks.AddAsyncCheck(name, stop => CheckAsync(holds, describe, clock ?? TimeProvider.System, stop));

    private static async Task<HealthCheckResult> CheckAsync(Func<bool> holds, Func<string> describe, TimeProvider clock, CancellationToken stop)
    {
        var started = clock.GetTimestamp();
        while (!holds())
        {
            if (clock.GetElapsedTime(started) >= Patience)
            {
                return HealthCheckResult.Unhealthy(describe());
            }

            await Task.Delay(Pause, clock, stop).ConfigureAwait(false);
        }

        return HealthCheckResult.Healthy(describe());
    }
}
