using System.Net;
using System.Net.Sockets;
using System.Text;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Running;
using Resilience.Lab.Tests.Cluster;
using Resilience.LoadGenerator;
using Resilience.LocalCluster;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Running;

/// <summary>The load generator's own program in a pod of an embedded cluster, and what stands in its way.</summary>
public sealed class JobLoadTests : IDisposable
{
    private const string Image = "resilience-load-generator";

    private readonly TcpListener _page = new(IPAddress.Loopback, 0);
    private int _asked;

    public JobLoadTests() => _page.Start(512);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _page.Dispose();

    [Fact]
    public async Task Load_OfAPod_IsTheRunThatThePageSaw_AndNothingStays()
    {
        await using var server = await StartAsync(PodRuntime.Process, images: [Image]);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        _ = ServeAsync();
        var run = await new JobLoad(cluster, null, null, Said).StartAsync(Plan(rps: 50, seconds: 2), Token);
        await using (run)
        {
            var now = TimeProvider.System.GetUtcNow();
            Assert.InRange((now - run.StartedAt).TotalSeconds, -0.1, 2);
            var result = await run.Completion;
            Assert.Equal((100, 100, 0), (result.Scheduled, result.Ok, result.Failed));
            Assert.Equal((100, 100), (Volatile.Read(ref _asked), result.PerSlot["green"]));
            Assert.Equal(2, result.Duration.TotalSeconds);
        }

        await Eventually.TrueAsync(() => Jobs(server).Count == 0, "the Job is deleted");
    }

    [Fact]
    public async Task Stop_EndsThePod_AndKeepsWhatWas()
    {
        await using var server = await StartAsync(PodRuntime.Process, images: [Image]);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        _ = ServeAsync();
        var run = await new JobLoad(cluster, null, null, Said).StartAsync(Plan(rps: 50, seconds: 300), Token);
        await using (run)
        {
            await Eventually.TrueAsync(() => run.Snapshot().Ok >= 25, "some requests are told while the load runs");
            run.StopSending();
            var result = await run.Completion.WaitAsync(TimeSpan.FromSeconds(20), Token);
            Assert.InRange(result.Ok, 25, 1_000);
            Assert.Equal(0, result.Failed);
        }

        await Eventually.TrueAsync(() => Jobs(server).Count == 0, "the Job is deleted");
    }

    [Fact]
    public async Task ImageThatIsNotThere_IsNamed_AndTheJobIsDeleted()
    {
        await using var server = await StartAsync(PodRuntime.Process);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var problem = await Assert.ThrowsAsync<LabException>(() => new JobLoad(cluster, "registry.example.com/team", "1", Said).StartAsync(Plan(50, 2), Token));
        Assert.Contains("the image \"registry.example.com/team/resilience-load-generator:1\" cannot be had by pod load-generator-", problem.Line, StringComparison.Ordinal);
        Assert.Contains("./lab images build", problem.Line, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => Jobs(server).Count == 0, "the Job is deleted");
    }

    [Fact]
    public async Task PlanThatThePodCannotRun_IsItsWords()
    {
        await using var server = await StartAsync(PodRuntime.Process, images: [Image]);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var plan = Plan(50, 2) with { Url = new("http://no-such-host.invalid/") };
        var problem = await Assert.ThrowsAsync<LabException>(() => new JobLoad(cluster, null, null, Said).StartAsync(plan, Token));
        Assert.Matches("the load generator in pod load-generator-.* refuses its plan: .+", problem.Message);
    }

    [Fact]
    public async Task PodWithoutRoom_IsGivenUp_WithTheSchedulersReason()
    {
        await using var server = await StartAsync(PodRuntime.Process, images: [Image], nodeCpu: 1);
        _ = await server.ApplyAsync(ResourceTypes.Pods, """
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"full","namespace":"default"},"spec":{"containers":[{"name":"c","image":"c","resources":{"requests":{"cpu":"950m"}}}]}}
            """);
        await Eventually.TrueAsync(() => server.Api.GetAsync(ResourceTypes.Pods, "default", "full", Token).GetAwaiter().GetResult().Spec.NodeName is not null, "the node is full");
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var problem = await Assert.ThrowsAsync<LabException>(() => new JobLoad(cluster, null, null, Said) { RoomPatience = TimeSpan.FromSeconds(1) }.StartAsync(Plan(50, 2), Token));
        Assert.Matches("no node takes pod load-generator-.*Insufficient cpu.*--load-from lab", problem.Line);
    }

    [Fact]
    public async Task JobThatIsForbidden_NamesTheVerb()
    {
        await using var server = await StartAsync(PodRuntime.Null, rbac: true);
        var nobody = await server.UnprivilegedKubeconfigAsync();
        using var cluster = await LabCluster.ConnectAsync(nobody, null, TimeProvider.System, Token);
        var problem = await Assert.ThrowsAsync<ClusterException>(() => new JobLoad(cluster, null, null, Said).StartAsync(Plan(50, 2), Token));
        Assert.Contains("\"system:serviceaccount:default:default\" may not create jobs.batch in namespace distributed-resilience", ClusterFailure.Line(problem), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LoadThatIsTooLong_IsRefusedBeforeAnythingIsMade()
    {
        await using var server = await StartAsync(PodRuntime.Null);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var problem = await Assert.ThrowsAsync<LabException>(() => new JobLoad(cluster, null, null, Said).StartAsync(Plan(rps: 500, seconds: 3_600), Token));
        Assert.StartsWith("a load of 1800000 requests is too long for a Job: its log holds 600000", problem.Message, StringComparison.Ordinal);
        Assert.Empty(Jobs(server));
    }

    [Theory]
    [InlineData("resilience-web:latest", "resilience-load-generator:latest")]
    [InlineData("registry.example.com:5000/team/resilience-web:1.2", "registry.example.com:5000/team/resilience-load-generator:1.2")]
    [InlineData("registry.example.com/resilience-web@sha256:0000", null)]
    [InlineData("shop/my-resilience-web:1", null)]
    [InlineData("nginx", null)]
    [InlineData(null, null)]
    public void Image_IsTheOneBesideTheWebPods(string? web, string? expected) => Assert.Equal(expected, JobLoad.Sibling(web));

    private static async Task<TestCluster> StartAsync(PodRuntime runtime, bool rbac = false, string[]? images = null, int nodeCpu = 8)
    {
        var server = await TestCluster.StartAsync(runtime, rbac, images, nodeCpu);
        _ = await server.ApplyAsync(ResourceTypes.Namespaces, $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{Names.Namespace}}"} }""");
        return server;
    }

    /// <summary>Answers one request on each connection, as the page of the green slot.</summary>
    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await _page.AcceptSocketAsync());
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        using (socket)
        {
            var buffer = new byte[4096];
            for (var length = 0; length < buffer.Length;)
            {
                var read = await socket.ReceiveAsync(buffer.AsMemory(length));
                length += read;
                if (read == 0)
                {
                    return;
                }

                if (buffer.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
                {
                    break;
                }
            }

            _ = Interlocked.Increment(ref _asked);
            _ = await socket.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nX-Slot: green\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"));
        }
    }

    private static void Said(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    private static List<string> Jobs(TestCluster server) =>
        [.. server.Api.ListAsync(ResourceTypes.Jobs, new ResourceScope(Names.Namespace), CancellationToken.None).GetAwaiter().GetResult().Items.Select(job => job.Metadata.Name)];

    private LoadPlan Plan(double rps, double seconds) =>
        new() { Url = new Uri($"http://{_page.LocalEndpoint}/"), Profile = LoadProfile.Constant(rps), Duration = TimeSpan.FromSeconds(seconds), Timeout = TimeSpan.FromSeconds(10) };
}
