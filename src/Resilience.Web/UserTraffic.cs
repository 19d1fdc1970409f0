using System.Diagnostics;
using System.Globalization;
using Resilience.Web.Faults;

namespace Resilience.Web;

/// <summary>What every user request passes: capacity, then latency and error faults. Probes and management never come here; the process's own first requests pass straight through.</summary>
internal sealed class UserTraffic(CapacityModel capacity, FaultState faults, WebSettings settings, WebMetrics metrics, TimeProvider clock)
{
    public RequestDelegate Through(Func<HttpContext, Task<bool>> serve) => context => HandleAsync(context, serve);

    private async Task HandleAsync(HttpContext context, Func<HttpContext, Task<bool>> serve)
    {
        if (context.IsWarmUp())
        {
            _ = await serve(context);
            return;
        }

        Activity.Current?.SetTag("resilience.slot", settings.Slot).SetTag("resilience.pod", settings.Pod);
        if (!capacity.TryAdmit(out var wait))
        {
            metrics.Answered("shed");
            context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "This replica is at its capacity and its queue is full.");
            return;
        }

        metrics.Waited(wait);
        var delay = wait + settings.ServiceTime + faults.DrawLatency();
        if (delay > TimeSpan.Zero)
        {
            await Task.Delay(delay, clock, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (context.RequestAborted.IsCancellationRequested)
            {
                return;
            }
        }

        if (faults.DrawError())
        {
            metrics.Answered("fault");
            await Problem.WriteAsync(context, StatusCodes.Status500InternalServerError, "Injected fault: this request was drawn to fail.");
            return;
        }

        metrics.Answered(await serve(context) ? "ok" : "rejected");
    }
}
