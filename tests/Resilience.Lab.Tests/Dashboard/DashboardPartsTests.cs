using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Dashboard;

public sealed class DashboardPartsTests
{
    private static readonly TelemetryTarget Target = new(new Uri("http://127.0.0.1:4317/"), "key");

    [Theory]
    [InlineData("13.5.4+3df75be0a1", true)]
    [InlineData("13.3.0", true)]
    [InlineData("14.0.0-preview.1.25\n", true)]
    [InlineData("13.2.9", false)]
    [InlineData("9.5.2", false)]
    [InlineData("aspire: command not understood", false)]
    [InlineData(null, false)]
    public void Unfit_IsAnAspireCliWithoutDashboardRun(string? said, bool fit) =>
        Assert.Equal(fit, AspireCli.Unfit("/usr/bin/aspire", said) is null);

    [Fact]
    public async Task GivenProgramThatIsMissing_IsOneClearLine()
    {
        var problem = await Assert.ThrowsAsync<LabException>(() => AspireCli.FindAsync("/nowhere/aspire", TimeProvider.System, TestContext.Current.CancellationToken));

        Assert.Equal("lab: there is no program /nowhere/aspire. --aspire names the executable of the Aspire CLI.", problem.Line);
    }

    [Fact]
    public void Ports_ThatAreTaken_AreReplacedByFreeOnes()
    {
        using var taken = Hold(DashboardPorts.Defaults.Grpc);
        var ports = DashboardPorts.Choose(preferDefaults: true);

        Assert.NotEqual(DashboardPorts.Defaults.Grpc, ports.Grpc);
        Assert.Equal(3, new HashSet<int> { ports.Page, ports.Grpc, ports.Http }.Count);
        Assert.DoesNotContain(0, new[] { ports.Page, ports.Grpc, ports.Http });
    }

    [Fact]
    public void Instrument_HasEveryDeploymentReport_UnderItsOwnName()
    {
        var shipped = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional"));
        var instrumented = Target.Instrument(shipped);
        var deployments = instrumented.Items.Where(manifest => manifest.Kind == "Deployment").ToArray();

        Assert.True(deployments.Length >= 3);
        Assert.All(deployments, deployment =>
        {
            var env = (deployment.Body["spec"]!["template"]!["spec"]!["containers"]![0]!["env"] as JsonArray)!.ToDictionary(entry => (string)entry!["name"]!, entry => (string?)entry!["value"]);
            Assert.Equal((deployment.Name, "http://127.0.0.1:4317", "grpc", "x-otlp-api-key=key"),
                (env["OTEL_SERVICE_NAME"], env["OTEL_EXPORTER_OTLP_ENDPOINT"], env["OTEL_EXPORTER_OTLP_PROTOCOL"], env["OTEL_EXPORTER_OTLP_HEADERS"]));
        });
        Assert.DoesNotContain(shipped.Items, manifest => manifest.Body.ToJsonString().Contains("OTEL_", StringComparison.Ordinal));
    }

    /// <summary>Nobody else may have it: a default port that is taken anyway serves the test as well.</summary>
    private static TcpListener? Hold(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            return null;
        }
    }
}
