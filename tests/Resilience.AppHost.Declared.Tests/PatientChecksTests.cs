extern alias apphost;

using apphost::Resilience.AppHost.EmbeddedCluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Resilience.Testing;

namespace Resilience.AppHost.Declared.Tests;

public sealed class PatientChecksTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);
    private readonly FakeTimeProvider _clock = new();
    private bool _holds;

    [Fact]
    public async Task Check_AnswersWhenItBecomesTrue()
    {
        var check = CheckAsync();
        await Eventually.AfterAsync(_clock, Step, () => _clock.GetUtcNow() - _clock.Start >= TimeSpan.FromSeconds(2), "two seconds pass");
        Assert.False(check.IsCompleted);
        _holds = true;
        await Eventually.AfterAsync(_clock, Step, () => check.IsCompleted, "the check answers");

        Assert.Equal((HealthStatus.Healthy, "True"), await check);
    }

    [Fact]
    public async Task Check_GivesUpAfterFiveSeconds()
    {
        var check = CheckAsync();
        await Eventually.AfterAsync(_clock, Step, () => check.IsCompleted, "the check answers");

        Assert.True(_clock.GetUtcNow() - _clock.Start >= TimeSpan.FromSeconds(5));
        Assert.Equal((HealthStatus.Unhealthy, "False"), await check);
    }

    private async Task<(HealthStatus Status, string? Words)> CheckAsync()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddHealthChecks().AddPatientCheck("any", () => _holds, () => _holds.ToString(), _clock);
        await using var provider = services.BuildServiceProvider();
        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);
        return (report.Status, report.Entries["any"].Description);
    }
}
