namespace Resilience.Runbooks.Tests;

public sealed class RunbookReaderTests
{
    [Fact]
    public void Read_ABlockWithChecks_KeepsThemTogether()
    {
        var steps = RunbookReader.Read("""
            ## Clean start
            ```bash
            ./lab up
            ```
            <!-- background: lab -->
            <!-- check: serving -->
            <!-- within: 60s -->
            text
            ```bash
            false
            ```
            <!-- exit: 1 -->
            <!-- stop: lab -->
            """);

        Assert.Equal(3, steps.Count);
        Assert.Equal(("./lab up", "lab", 60.0, "Clean start"), (steps[0].Script, steps[0].Background, steps[0].Within.TotalSeconds, steps[0].Heading));
        Assert.Matches(steps[0].Checks.Single(), "web is serving");
        Assert.Equal(1, steps[1].ExitCode);
        Assert.Equal("lab", steps[2].Stops);
    }

    [Theory]
    [InlineData("```bash\necho", "never closed")]
    [InlineData("<!-- check: x -->", "before any command")]
    [InlineData("```bash\na\n```\n<!-- expect: x -->", "unknown key 'expect'")]
    [InlineData("```bash\na\n```\n<!-- within: soon -->", "'soon'")]
    public void Read_AMalformedRunbook_SaysWhere(string markdown, string complaint)
    {
        var error = Assert.Throws<FormatException>(() => RunbookReader.Read(markdown));
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
    }
}
