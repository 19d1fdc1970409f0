using Resilience.Control.Scaling;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Tests.Controllers;

/// <summary>Compressed time: everything that an autoscaler waits for shrinks by one factor, or the comparison of two would not be fair.</summary>
public sealed class TimeScaleTests
{
    [Theory]
    [InlineData(1, 15, 300)]
    [InlineData(60, 0.25, 5)]
    [InlineData(120, 0.125, 2.5)]
    public void Settings_SyncPeriodAndWindow_ShrinkAlike_AndAPodsStartDoesNot(double scale, double sync, double fiveMinutes)
    {
        var settings = AutoscalerSettings.Create(TimeSpan.FromSeconds(15), scale);

        Assert.Equal((sync, fiveMinutes), (settings.SyncPeriod.TotalSeconds, settings.Limits.DownscaleStabilization.TotalSeconds));
        Assert.Equal(
            (HorizontalPodAutoscalerLimits.Default.CpuInitializationPeriod, HorizontalPodAutoscalerLimits.Default.DelayOfInitialReadiness),
            (settings.Limits.CpuInitializationPeriod, settings.Limits.DelayOfInitialReadiness));
    }

    [Fact]
    public async Task Spec_WindowsAndPolicyPeriods_GivenOrByDefault_ShrinkAlike()
    {
        await using var plane = new TestPlane();
        var scaler = plane.Create(ResourceTypes.HorizontalPodAutoscalers, """
            {"metadata":{"name":"web"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"minReplicas":2,"maxReplicas":5,
             "behavior":{"scaleDown":{"stabilizationWindowSeconds":120,"policies":[{"type":"Percent","value":50,"periodSeconds":30}]}}}}
            """);

        var (real, fast) = (AutoscalerReader.Spec(scaler, 1).Behavior!, AutoscalerReader.Spec(scaler, 60).Behavior!);

        Assert.Equal((120d, 30d), (real.ScaleDown.Stabilization?.TotalSeconds, real.ScaleDown.Policies[0].Period.TotalSeconds));
        Assert.Equal(HorizontalPodAutoscalerBehavior.DefaultUp.Policies.Select(policy => policy.Period), real.ScaleUp.Policies.Select(policy => policy.Period));
        foreach (var (slow, quick) in new[] { (real.ScaleUp, fast.ScaleUp), (real.ScaleDown, fast.ScaleDown) })
        {
            Assert.Equal(slow.Stabilization / 60, quick.Stabilization);
            Assert.Equal(slow.Policies.Select(policy => policy.Period / 60), quick.Policies.Select(policy => policy.Period));
        }
    }
}
