using System.Diagnostics.Metrics;
using Resilience.Web.Faults;

namespace Resilience.Web;

/// <summary>Instruments of the demo application; all listed in docs/metrics.md.</summary>
internal sealed class WebMetrics : IDisposable
{
    public const string MeterName = "Resilience.Web";

    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _queueWait;

    public WebMetrics(IMeterFactory factory, WebSettings settings, CapacityModel capacity, FaultState faults)
    {
        _meter = factory.Create(MeterName);
        _requests = _meter.CreateCounter<long>("resilience.web.requests", "{request}", "User requests by outcome: ok, shed (queue full), fault (injected error), rejected (bad input).");
        _queueWait = _meter.CreateHistogram("resilience.web.queue.wait", "s", "Time that an admitted request waited for its turn.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 5] });
        _meter.CreateObservableGauge("resilience.web.queue.length", () => capacity.Waiting, "{request}", "Requests waiting for their turn.");
        _meter.CreateObservableGauge("resilience.web.capacity", () => settings.CapacityRps, "{request}/s", "Modelled capacity of this replica; 0 is no limit.");
        _meter.CreateObservableGauge("resilience.web.faults", () => faults.Current.Kinds().Count(), "{fault}", "Injected faults in force.");
    }

    public void Answered(string outcome) => _requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void Waited(TimeSpan wait) => _queueWait.Record(wait.TotalSeconds);

    public void Dispose() => _meter.Dispose();
}
