using Resilience.Lab.Experiments;
using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Running;

public sealed class AbortGuardTests
{
    private static readonly AbortSpec Limits = new(0.5, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(5));

    [Fact]
    public void Check_NoAnswerForTooLong_Aborts()
    {
        var guard = new AbortGuard(Limits);
        Assert.Null(guard.Check(TimeSpan.FromSeconds(1), 100, 0));
        Assert.Null(guard.Check(TimeSpan.FromSeconds(5), 100, 100));
        Assert.Contains("no request was answered", guard.Check(TimeSpan.FromSeconds(7), 100, 300), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_TooManyErrorsOverTheWindow_Aborts()
    {
        var guard = new AbortGuard(Limits);
        for (var second = 0; second < 10; second++)
        {
            Assert.Null(second < 9 ? guard.Check(TimeSpan.FromSeconds(second), second * 40, second * 60) : null);
        }

        Assert.Contains("60%", guard.Check(TimeSpan.FromSeconds(10), 400, 600), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_AShortBurstOfErrors_IsWhatExperimentsAreFor()
    {
        var guard = new AbortGuard(Limits);
        for (var second = 0; second <= 60; second++)
        {
            var failed = second < 20 ? 0 : Math.Min(3, second - 20) * 200;
            Assert.Null(guard.Check(TimeSpan.FromSeconds(second), (second * 200) - failed, failed));
        }
    }
}
