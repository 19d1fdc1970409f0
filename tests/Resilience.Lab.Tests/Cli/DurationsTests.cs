using Resilience.Lab.Cli;

namespace Resilience.Lab.Tests.Cli;

public sealed class DurationsTests
{
    [Theory]
    [InlineData("250ms", 0.25)]
    [InlineData("20s", 20)]
    [InlineData("1.5m", 90)]
    [InlineData("2h", 7200)]
    [InlineData("7", 7)]
    public void TryParse_ReadsWhatPeopleWrite(string text, double seconds)
    {
        Assert.True(Durations.TryParse(text, out var value));
        Assert.Equal(seconds, value.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5x")]
    [InlineData("-3s")]
    [InlineData("s")]
    [InlineData("1,5s")]
    [InlineData("9999h")]
    public void TryParse_RefusesTheRest(string text) => Assert.False(Durations.TryParse(text, out _));
}
