using Resilience.Lab.Cli;

namespace Resilience.Lab.Tests.Cli;

public sealed class SuggestTests
{
    private static readonly string[] Known = ["outage", "crash", "hang", "not-ready", "partial", "slow", "flap", "both-down"];

    [Theory]
    [InlineData("outge", "outage")]
    [InlineData("OUTAGE", "outage")]
    [InlineData("crahs", "crash")]      // neighbours swapped
    [InlineData("notready", "not-ready")]
    [InlineData("part", "partial")]     // the beginning of a name
    [InlineData("zebra", null)]         // nothing is near
    public void Nearest_FindsWhatWasMeant(string typed, string? expected) => Assert.Equal(expected, Suggest.Nearest(typed, Known));

    [Fact]
    public void Unknown_NamesTypedNearestAndKnown()
    {
        var line = Suggest.Unknown("experiment", "outge", Known).Line;

        Assert.StartsWith("lab: there is no experiment \"outge\". Did you mean \"outage\"?", line, StringComparison.Ordinal);
        Assert.Contains("both-down", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }
}
