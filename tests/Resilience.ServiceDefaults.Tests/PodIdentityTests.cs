using System.Net;
using Microsoft.Extensions.Configuration;

namespace Resilience.ServiceDefaults.Tests;

public sealed class PodIdentityTests
{
    [Fact]
    public void Read_WithoutEnvironment_BindsLoopbackOnTheContractsPorts()
    {
        var pod = PodIdentity.Read(new ConfigurationManager());
        Assert.Equal((IPAddress.Loopback, 8080, 9090, TimeSpan.FromSeconds(2), null), (pod.Ip, pod.Port, pod.ManagementPort, pod.Drain, pod.Slot));
        Assert.Equal("default", pod.Namespace);
    }

    [Fact]
    public void Read_TakesWhatTheDownwardApiGives()
    {
        var pod = PodIdentity.Read(new ConfigurationManager
        {
            ["POD_IP"] = "fd00::5", ["POD_NAME"] = "web-1", ["POD_NAMESPACE"] = "ns", ["SLOT"] = "green", ["PORT"] = "0", ["MANAGEMENT_PORT"] = "65535", ["DRAIN_SECONDS"] = "0.5",
        });
        Assert.Equal(new PodIdentity(IPAddress.Parse("fd00::5"), "web-1", "ns", "green", 0, 65_535, TimeSpan.FromSeconds(0.5)), pod);
    }

    [Theory]
    [InlineData("PORT", "65536")]
    [InlineData("PORT", "-1")]
    [InlineData("PORT", "http")]
    [InlineData("MANAGEMENT_PORT", "9090.5")]
    [InlineData("POD_IP", "localhost")]
    [InlineData("DRAIN_SECONDS", "601")]
    [InlineData("DRAIN_SECONDS", "1e2")]
    public void Read_Unusable_NamesTheVariableAndTheValue(string name, string value)
    {
        var refused = Assert.Throws<EnvironmentException>(() => PodIdentity.Read(new ConfigurationManager { [name] = value }));
        Assert.StartsWith($"{name} must be", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"'{value}'", refused.Message, StringComparison.Ordinal);
    }
}
