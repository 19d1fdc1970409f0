namespace Resilience.ServiceDefaults.Tests;

public sealed class VolumeMountsTests
{
    private const string Mounts = """{"/data":"/tmp/a","/data/deep":"/tmp/b","/etc/x/":"/tmp/c"}""";

    [Theory]
    [InlineData("/data/agent.db", "/tmp/a/agent.db")]
    [InlineData("/data", "/tmp/a")]
    [InlineData("/data/deep/f", "/tmp/b/f")]        // the longest mount counts
    [InlineData("/database/agent.db", "/database/agent.db")]
    [InlineData("/etc/x/y", "/tmp/c/y")]
    [InlineData("agent.db", "agent.db")]
    public void Resolve_AMountedPath_LiesInItsFolder(string path, string expected) => Assert.Equal(expected, VolumeMounts.Resolve(path, Mounts));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Resolve_WithoutTheVariable_IsThePathItself(string? mounts) => Assert.Equal("/data/agent.db", VolumeMounts.Resolve("/data/agent.db", mounts));

    [Theory]
    [InlineData("nonsense")]
    [InlineData("[1]")]
    public void Resolve_UnreadableVariable_SaysWhatItMustBe(string mounts) =>
        Assert.Contains("RESILIENCE_VOLUME_MOUNTS must be a JSON object", Assert.Throws<EnvironmentException>(() => VolumeMounts.Resolve("/data", mounts)).Message, StringComparison.Ordinal);
}
