namespace Resilience.ScalingAgent.Metrics;

/// <summary>The source that each target's <c>spec.demand.source</c> names, and its recorded demand.</summary>
internal sealed class DemandSources(ScrapeSource scrape, PrometheusSource prometheus, RecordedDemand recorded) : IDemandSource
{
    public ValueTask<DemandReading> ReadAsync(DemandTarget target, CancellationToken cancellationToken) => target.Spec.Source switch
    {
        null or "Scrape" => scrape.ReadAsync(target, cancellationToken),
        "Prometheus" => prometheus.ReadAsync(target, cancellationToken),
        var other => new(DemandReading.Missing($"spec.demand.source \"{other}\" is neither Scrape nor Prometheus")),
    };

    /// <inheritdoc/>
    /// <remarks>What Prometheus measured goes before what the ConfigMap says of the same interval.</remarks>
    public async ValueTask<DemandHistory> ReadHistoryAsync(
        DemandTarget target, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken)
    {
        var measured = target.Spec.Source == "Prometheus"
            ? await prometheus.ReadHistoryAsync(target, from, to, interval, cancellationToken).ConfigureAwait(false)
            : DemandHistory.None;
        var written = target.Spec.History is { Length: > 0 } name
            ? await recorded.ReadAsync(target.Key.Namespace, name, from, to, interval, cancellationToken).ConfigureAwait(false)
            : DemandHistory.None;
        var problems = new[] { measured.Problem, written.Problem }.OfType<string>().ToList();
        return new(
            [.. measured.Samples.Concat(written.Samples).DistinctBy(sample => sample.At).OrderBy(sample => sample.At)],
            problems.Count == 0 ? null : string.Join("; ", problems));
    }

    public void Forget(ScalerKey key)
    {
        scrape.Forget(key);
        prometheus.Forget(key);
    }
}
