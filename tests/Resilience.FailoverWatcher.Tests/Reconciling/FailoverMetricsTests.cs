using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Resilience.FailoverWatcher.Reconciling;
using Resilience.Testing;

namespace Resilience.FailoverWatcher.Tests.Reconciling;

public sealed class FailoverMetricsTests
{
    [Fact]
    public void EveryInstrument_IsListedInTheDocumentation()
    {
        var published = new List<Instrument>();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var factory = services.GetRequiredService<IMeterFactory>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => published.Add(instrument) };
        listener.Start();
        _ = new FailoverMetrics(factory);
        var documentation = File.ReadAllText(Path.Combine(Repository.Root, "docs", "metrics.md"));
        var ours = published.Where(instrument => instrument.Meter.Name == FailoverMetrics.MeterName).ToList();
        Assert.NotEmpty(ours);
        Assert.All(ours, instrument => Assert.Contains($"| `{instrument.Name}` |", documentation, StringComparison.Ordinal));
    }
}
