using System.Text.Json;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Cluster;

namespace Resilience.ScalingAgent.Tests.Cluster;

public sealed class PredictiveAutoscalerRulesTests
{
    [Theory]
    // an objection names the field, the value, and what is accepted
    [InlineData("""{"mode":"Sometimes","target":{"blueGreen":"web"}}""", "spec.mode must be one of Auto, Observe, not 'Sometimes'.")]
    [InlineData("""{"mode":"1","target":{"blueGreen":"web"}}""", "spec.mode must be one of Auto, Observe, not '1'.")]
    [InlineData("""{"target":{}}""", "spec.target must name exactly one of blueGreen, autoscaler and deployment, not 0.")]
    [InlineData("""{"target":{"blueGreen":"web","deployment":"web"}}""", "spec.target must name exactly one of blueGreen, autoscaler and deployment, not 2.")]
    [InlineData("""{"target":{"blueGreen":"web","standbyPercent":101}}""", "spec.target.standbyPercent must be from 0 to 100, not 101.")]
    [InlineData("""{"target":{"blueGreen":"web"},"demand":{"source":"Oracle"}}""", "spec.demand.source must be Scrape or Prometheus, not 'Oracle'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"demand":{"interval":"7m"}}""", "spec.demand.interval must divide a day, such as 1m or 5m, not 7m.")]
    [InlineData("""{"target":{"blueGreen":"web"},"demand":{"interval":"2h"}}""", "spec.demand.interval must be from 1s to 1h, not 2h.")]
    [InlineData("""{"target":{"blueGreen":"web"},"demand":{"timeZone":"Mars/Olympus"}}""", "spec.demand.timeZone must be a zone of this system's time zone database such as Europe/Berlin, not 'Mars/Olympus'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"demand":{"source":"Prometheus","prometheus":{"url":"ftp://x","query":"q"}}}""",
        "spec.demand.prometheus.url must be an http or https address such as http://prometheus.monitoring:9090, not 'ftp://x'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"demand":{"source":"Prometheus","prometheus":{"url":"http://x","query":" "}}}""",
        "spec.demand.prometheus.query must be a PromQL expression whose answer is one number.")]
    [InlineData("""{"target":{"blueGreen":"web"},"capacityPerReplica":"lots"}""", "spec.capacityPerReplica must be learn, or requests per second above 0 up to 1e9, not 'lots'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"capacityPerReplica":0}""", "spec.capacityPerReplica must be learn, or requests per second above 0 up to 1e9, not '0'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"lead":"soon"}""", "spec.lead must be learn, or a duration above 0 up to 288 intervals (4h48m), not 'soon'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"lead":"5h"}""", "spec.lead must be learn, or a duration above 0 up to 288 intervals (4h48m), not '5h'.")]
    [InlineData("""{"target":{"blueGreen":"web"},"floor":{"withinCapacityPercent":100}}""", "spec.floor.withinCapacityPercent must be from 50 to 99.99, not 100.")]
    [InlineData("""{"target":{"blueGreen":"web"},"floor":{"min":4,"max":3}}""", "spec.floor.min 4 exceeds floor.max 3.")]
    [InlineData("""{"target":{"blueGreen":"web"},"floor":{"maxRise":0}}""", "spec.floor.maxRise must be from 1 to 10000, not 0.")]
    [InlineData("""{"target":{"blueGreen":"web"},"floor":{"hold":"25h"}}""", "spec.floor.hold must be from 0s to 24h, not 25h.")]
    [InlineData("""{"target":{"blueGreen":"web"},"floor":{"min":0}}""", "spec.floor.min 0 needs demand.source Prometheus: nobody counts requests on pods that do not run.")]
    [InlineData("""{"target":{"blueGreen":"web"},"floor":{"dropGuard":{"fallPercent":0}}}""", "spec.floor.dropGuard.fallPercent must be from 1 to 99, not 0.")]
    [InlineData("""{"target":{"blueGreen":"web"},"price":{"perReplicaHour":0}}""", "spec.price.perReplicaHour must be from 1E-06 to 1000000, not 0.")]
    [InlineData("""{"target":{"autoscaler":"web"},"price":{"perReplicaHour":1,"monthlyBudget":10}}""",
        "spec.price.monthlyBudget: monthly budget 10 is below 744.00, what 1 replicas cost in 31 days.")]
    [InlineData("""{"target":{"blueGreen":"web"},"calendar":[{"name":"sale","from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z","replicas":3}]}""",
        "spec.calendar: planned event 'sale' ends before it starts.")]
    [InlineData("""{"target":{"blueGreen":"web"},"calendar":[{"name":"sale","from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"}]}""",
        "spec.calendar: planned event 'sale' must be either a blackout or name at least 1 replica.")]
    public void Read_AnImpossibleSpec_SaysWhatIsWrongInOneLine(string spec, string objection) =>
        Assert.Equal(objection, PredictiveAutoscalerRules.Read(Spec(spec)).Objection);

    [Fact]
    public void Read_WhatIsLeftOut_HasTheDefaults()
    {
        var (settings, objection) = PredictiveAutoscalerRules.Read(Spec("""{"target":{"deployment":"web"}}"""));
        Assert.Null(objection);
        Assert.Equal(ScalerMode.Auto, settings.Mode);
        Assert.Equal(new TargetReference(TargetKind.Deployment, "web", 50), settings.Target);
        Assert.Equal(TimeSpan.FromMinutes(1), settings.Interval);
        Assert.Null(settings.Capacity);
        Assert.Null(settings.Lead);
        Assert.Null(settings.Zone);
        Assert.Equal(0.975, settings.Policy.Quantile);
        Assert.Equal(0.012, settings.Policy.PricePerReplicaHour);
        Assert.Null(settings.Policy.DropGuard);
    }

    [Fact]
    public void Read_EverythingGiven_IsTakenOver()
    {
        var (settings, objection) = PredictiveAutoscalerRules.Read(Spec("""
            {"mode":"Observe","target":{"blueGreen":"web","standbyPercent":25},"capacityPerReplica":"12.5","lead":"90s",
             "demand":{"source":"Prometheus","interval":"30s","timeZone":"Europe/Berlin","prometheus":{"url":"http://p:9090","query":"sum(x)"}},
             "floor":{"withinCapacityPercent":99,"hold":"5m","min":0,"max":9,"maxRise":3,"maxFall":2,"keepWithoutForecast":"1m","dropGuard":{}},
             "price":{"perReplicaHour":0.1,"monthlyBudget":500},
             "calendar":[{"name":"sale","from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z","replicas":7}]}
            """));
        Assert.Null(objection);
        Assert.Equal(ScalerMode.Observe, settings.Mode);
        Assert.Equal(12.5, settings.Capacity);
        Assert.Equal(TimeSpan.FromSeconds(90), settings.Lead);
        Assert.Equal(TimeSpan.FromSeconds(30), settings.Interval);
        Assert.Equal("Europe/Berlin", settings.Zone!.Id);
        Assert.Equal(0.99, settings.Policy.Quantile);
        Assert.Equal(0, settings.Policy.MinReplicas);
        Assert.Equal((3, 2), (settings.Policy.MaxRise, settings.Policy.MaxFall));
        Assert.Equal(0.5, settings.Policy.DropGuard!.Fall);
        Assert.Equal(0.1, settings.PricePerReplicaHour);
        // A replica of floor brings a quarter of a standby replica with it.
        Assert.Equal(0.125, settings.Policy.PricePerReplicaHour, 12);
        Assert.Equal(7, Assert.Single(settings.Policy.Calendar).Replicas);
    }

    private static PredictiveAutoscalerSpec Spec(string json) => JsonSerializer.Deserialize<PredictiveAutoscalerSpec>(json, ClusterJson.Options)!;
}
