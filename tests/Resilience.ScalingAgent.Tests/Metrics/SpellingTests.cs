using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Resilience.ScalingAgent.Tests.Metrics;

/// <summary>How the real exporter spells the documented instruments: rules and dashboards rest on it.</summary>
public sealed class SpellingTests
{
    [Theory]
    [InlineData("text/plain;version=0.0.4")]
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")]   // what Prometheus 2 asks for
    public async Task DocumentedInstruments_AppearUnderTheNamesThatRulesUse(string accept)
    {
        var token = TestContext.Current.CancellationToken;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["PORT"] = "0", ["MANAGEMENT_PORT"] = "0", ["DRAIN_SECONDS"] = "0", ["Logging:LogLevel:Default"] = "None" });
        builder.AddServiceDefaults();
        builder.AddPodEndpoints(main: false);
        await using var app = builder.Build();
        app.MapDefaultEndpoints();
        await app.StartAsync(token);
        using var meter = new Meter("Resilience.SpellingTests");
        var own = DocumentedInstrument.All.Where(instrument => instrument.Name.StartsWith("resilience.", StringComparison.Ordinal)).ToList();
        own.ForEach(instrument => Use(meter, instrument));
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Add("Accept", accept);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        var page = await http.GetStringAsync(new Uri(address + "/metrics"), token);
        var names = page.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line[..line.IndexOfAny(['{', ' '])]).ToHashSet();
        Assert.NotEmpty(own);
        Assert.Equal([], own.SelectMany(instrument => instrument.SampleNames).Where(name => !names.Contains(name)).Select(name => $"{name} is not among {string.Join(' ', names.Where(found => found.StartsWith(name[..Math.Min(name.Length, 22)], StringComparison.Ordinal)))}"));
        await app.StopAsync(token);
    }

    private static void Use(Meter meter, DocumentedInstrument instrument)
    {
        switch (instrument.Kind)
        {
            case "counter":
                meter.CreateCounter<long>(instrument.Name, instrument.Unit).Add(1);
                break;
            case "histogram":
                meter.CreateHistogram<double>(instrument.Name, instrument.Unit).Record(1);
                break;
            default:
                meter.CreateObservableGauge(instrument.Name, static () => 1d, instrument.Unit);
                break;
        }
    }
}
