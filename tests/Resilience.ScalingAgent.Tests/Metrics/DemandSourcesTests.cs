using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Metrics;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class DemandSourcesTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly FakeApiServer _api = new();
    private readonly RawServer _server = new();
    private readonly ServiceProvider _services;

    public DemandSourcesTests() => _services = new ServiceCollection()
        .AddSingleton<TimeProvider>(new FakeTimeProvider(Now))
        .AddSingleton(_api.Connect(TimeProvider.System))
        .AddDemandSources()
        .BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private IDemandSource Source => _services.GetRequiredService<IDemandSource>();

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(null, "no pod of the target runs")]
    [InlineData("Scrape", "no pod of the target runs")]
    [InlineData("Prometheus", "spec.demand.prometheus.url is missing")]
    [InlineData("scrape", "spec.demand.source \"scrape\" is neither Scrape nor Prometheus")]
    public async Task Source_IsTheOneThatTheSpecNames(string? source, string problem)
    {
        var reading = await Source.ReadAsync(Target(new() { Source = source }), Token);
        Assert.StartsWith(problem, reading.Problem, StringComparison.Ordinal);
        Assert.True(double.IsNaN(reading.Demand));
    }

    [Theory]
    [InlineData("time,requests_per_second\n2026-03-01T11:57:00Z,1\n2026-03-01T11:58:00Z,2\n2026-03-01T11:59:00Z,3\n")]
    [InlineData("2026-03-01T11:57:00Z,1\r\n2026-03-01T11:58:00Z,2\r\n2026-03-01T11:59:00Z,3")]      // the header may be left out
    [InlineData("time,requests_per_second\n1772366220,1\n1772366280,2\n1772366340,3\n")]           // Unix seconds
    [InlineData("1772366220000,1\n1772366280000,2\n1772366340000,3\n")]                            // and milliseconds
    [InlineData("2026-03-01T11:57:00Z,1\n2026-03-01T11:58:00Z,1\n2026-03-01T11:58:30Z,3\n2026-03-01T11:59:00Z,3\n2026-03-01T12:00:00Z,9\n")]   // averaged; the present is not history
    public async Task RecordedDemand_IsReadOnTheGrid(string csv)
    {
        Put(csv);
        var history = await HistoryAsync(new() { History = "recorded" });
        Assert.Equal([new(Now - (3 * Minute), 1), new(Now - (2 * Minute), 2), new(Now - Minute, 3)], history.Samples);
        Assert.Null(history.Problem);
    }

    [Theory]
    [InlineData("time,requests_per_second\n2026-03-01T11:57:00Z,1\nyesterday,2\n", "ConfigMap shop/recorded, demand.csv:3: \"yesterday\" is not a time")]
    [InlineData("2026-03-01T11:57:00Z,many\n", "ConfigMap shop/recorded, demand.csv:1: \"many\" is not a number")]
    [InlineData("2026-03-01T11:57:00Z,-1\n", "ConfigMap shop/recorded, demand.csv:1: -1 is negative")]
    [InlineData("2026-03-01T11:57:00Z\n", "ConfigMap shop/recorded, demand.csv:1: has one column")]
    [InlineData("", "ConfigMap shop/recorded, demand.csv: the file is empty")]
    [InlineData("time,value\n", "ConfigMap shop/recorded, demand.csv: has no rows")]
    [InlineData("2026-03-01T11:57:00Z,NaN\n", "ConfigMap shop/recorded, demand.csv: its rows, 2026-03-01 11:57:00Z to 2026-03-01 11:57:00Z, hold no demand")]
    [InlineData("2025-03-01T11:57:00Z,1\n", "ConfigMap shop/recorded, demand.csv: its rows, 2025-03-01 11:57:00Z to 2025-03-01 11:57:00Z, hold no demand between 2026-03-01 02:00:00Z and 2026-03-01 12:00:00Z")]
    public async Task RecordedDemand_ThatCannotBeRead_IsSaidWithItsRow(string csv, string problem)
    {
        Put(csv);
        var history = await HistoryAsync(new() { History = "recorded" });
        Assert.Empty(history.Samples);
        Assert.StartsWith(problem, history.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RecordedDemand_CoarserThanTheGrid_IsUsedAndSaid()
    {
        Put("2026-03-01T10:00:00Z,1\n2026-03-01T11:00:00Z,2\n");
        var history = await HistoryAsync(new() { History = "recorded" });
        Assert.Equal(2, history.Samples.Count);
        Assert.EndsWith("its rows are 3600 s apart and the grid's 60 s, so most intervals stay without demand", history.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RecordedDemand_WithoutMapOrKeyOrServer_IsSaid()
    {
        Assert.Equal("ConfigMap shop/recorded does not exist", (await HistoryAsync(new() { History = "recorded" })).Problem);
        Put("1", key: "other.csv");
        Assert.Equal("ConfigMap shop/recorded has no key demand.csv", (await HistoryAsync(new() { History = "recorded" })).Problem);
        _api.Inject = _ => RequestFault.ServerError;
        Assert.StartsWith("ConfigMap shop/recorded cannot be read: ", (await HistoryAsync(new() { History = "recorded" })).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_OfNeither_IsEmptyWithoutAProblem()
    {
        var history = await HistoryAsync(new());
        Assert.Empty(history.Samples);
        Assert.Null(history.Problem);
    }

    [Fact]
    public async Task MeasuredHistory_GoesBeforeRecorded_AndBothAreKept()
    {
        Put("2026-03-01T11:57:00Z,1\n2026-03-01T11:58:00Z,2\n");
        var unix = (Now - Minute).ToUnixTimeSeconds();
        _server.Answer = _ => RawAnswer.Ok($$$"""{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[{{{unix}}},"20"],[{{{unix + 60}}},"30"]]}]}}""", "application/json");
        var history = await HistoryAsync(new() { Source = "Prometheus", History = "recorded", Prometheus = new() { Url = _server.Url, Query = "q" } });
        Assert.Equal([new(Now - (3 * Minute), 1), new(Now - (2 * Minute), 20), new(Now - Minute, 30)], history.Samples);
        _server.Answer = _ => RawAnswer.Ok("", status: "500 Internal Server Error");
        var without = await HistoryAsync(new() { Source = "Prometheus", History = "recorded", Prometheus = new() { Url = _server.Url, Query = "q" } });
        Assert.Equal(2, without.Samples.Count);
        Assert.Contains("answered 500", without.Problem, StringComparison.Ordinal);
    }

    private static DemandTarget Target(DemandSpec spec) => new(new("shop", "web"), spec, []);

    private void Put(string csv, string key = "demand.csv") => _api.Put(ResourceTypes.ConfigMaps, new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["namespace"] = "shop", ["name"] = "recorded" },
        ["data"] = new JsonObject { [key] = csv },
    });

    private Task<DemandHistory> HistoryAsync(DemandSpec spec) =>
        Eventually.WithinAsync(Source.ReadHistoryAsync(Target(spec), Now - TimeSpan.FromHours(10), Now, Minute, Token).AsTask(), "the history");
}
