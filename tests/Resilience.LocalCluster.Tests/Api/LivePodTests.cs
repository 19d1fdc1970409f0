using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Tests.Api;

/// <summary>What needs a pod or a service proxy that is really there.</summary>
[SupportedOSPlatform("linux")]
public sealed class LivePodTests(LivePodTests.Fixture server) : IClassFixture<LivePodTests.Fixture>
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string Services = "/api/v1/namespaces/default/services";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("POST", "exec?command=sh&container=web")]
    [InlineData("GET", "exec?command=sh&container=web")]
    [InlineData("POST", "attach")]
    [InlineData("POST", "portforward")]
    public async Task ExecAndPortForward_AreRefused_WithTheWayThatWorks(string method, string subresource)
    {
        RequireLinux();
        var port = await ServiceAsync("reach", """{"app":"reach"}""");
        await PodAsync("reach");
        var answer = await server.SendAsync(method, $"{Pods}/reach/{subresource}");
        Assert.Equal(501, answer.Status);
        Assert.Contains($"http://{server.Cluster.NodeAddress}:{port}", answer.Message, StringComparison.Ordinal);
        Assert.Contains("lab open", answer.Message, StringComparison.Ordinal);
        Assert.Equal(404, (await server.SendAsync(method, $"{Pods}/nobody/{subresource}")).Status);
    }

    [Fact]
    public async Task NetworkDrill_Partitions_AndHeals()
    {
        RequireLinux();
        using var upstream = new TcpListener(IPAddress.Loopback, 0);
        upstream.Start();
        var answering = AnswerAsync(upstream);
        var port = await ServiceAsync("drilled", null);
        _ = await server.SendAsync("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", JsonNode.Parse($$$"""
            {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"drilled","labels":{"kubernetes.io/service-name":"drilled"}},
             "addressType":"IPv4","ports":[{"name":"","port":{{{((IPEndPoint)upstream.LocalEndpoint).Port}}},"protocol":"TCP"}],
             "endpoints":[{"addresses":["127.0.0.1"],"conditions":{"ready":true,"serving":true}}]}
            """));
        await UntilAsync(async () => await AsksAsync(port), "an answer before the drill");

        const string drill = "/apis/drills.resilience.dev/v1alpha1/namespaces/default/services/drilled/network";
        Assert.Equal(200, (await server.SendAsync("PUT", drill, JsonNode.Parse("""{"partition":true}"""))).Status);
        await UntilAsync(async () => !await AsksAsync(port), "silence during the drill");
        Assert.Equal(200, (await server.SendAsync("PUT", drill, JsonNode.Parse("""{"resetRatio":1}"""))).Status);
        Assert.False(await AsksAsync(port));
        Assert.Equal(200, (await server.SendAsync("DELETE", drill)).Status);
        await UntilAsync(async () => await AsksAsync(port), "an answer after the drill");
        upstream.Stop();
        await answering;
    }

    [Theory]
    [InlineData("services/nosuch/network", """{"partition":true}""", 404, "not found")]
    [InlineData("services/kubernetes/network", """{"delayMs":-1}""", 400, "between 0 and 60000")]
    [InlineData("services/kubernetes/network", """{"resetRatio":1.5}""", 400, "resetRatio must be between 0 and 1")]
    [InlineData("services/kubernetes/network", """{"resetRatio":"lots"}""", 400, "resetRatio must be between 0 and 1")]
    [InlineData("pods/nosuch/signal", """{"signal":"STOP"}""", 404, "not found")]
    [InlineData("pods/nosuch/signal", """{"signal":"HUP"}""", 400, "supported values")]
    public async Task Drill_WithBadInput_IsRefusedInWords(string path, string body, int status, string message)
    {
        RequireLinux();
        var answer = await server.SendAsync("PUT", $"/apis/drills.resilience.dev/v1alpha1/namespaces/default/{path}", JsonNode.Parse(body));
        Assert.Equal(status, answer.Status);
        Assert.Contains(message, answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eviction_SpendsTheBudget_ThenIsRefusedWith429()
    {
        RequireLinux();
        _ = await server.SendAsync("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", JsonNode.Parse("""
            {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"kept"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"kept"}}}}
            """));
        _ = await server.SendAsync("POST", "/apis/apps/v1/namespaces/default/deployments", JsonNode.Parse("""
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"kept"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"kept"}},
             "template":{"metadata":{"labels":{"app":"kept"}},"spec":{"terminationGracePeriodSeconds":30,
              "containers":[{"name":"web","image":"sh","args":["-c","trap : TERM; while :; do read x; done"],"resources":{"requests":{"cpu":"3"}}}]}}}}
            """));   // of a node's 8 cores: a third pod has no room while the evicted one ends, and cannot restore the budget
        await UntilAsync(async () => (int?)(await server.SendAsync("GET", "/apis/policy/v1/namespaces/default/poddisruptionbudgets/kept")).Body!
            ["status"]!["disruptionsAllowed"] == 1, "a budget of one");
        var names = (await server.SendAsync("GET", $"{Pods}?labelSelector=app%3Dkept")).Body!["items"]!.AsArray().Select(p => (string)p!["metadata"]!["name"]!).ToList();

        Assert.Equal(201, (await EvictAsync(names[0])).Status);
        var refused = await EvictAsync(names[1]);
        Assert.Equal(429, refused.Status);
        Assert.Equal("Cannot evict pod as it would violate the pod's disruption budget.", refused.Message);
        Assert.Equal("DisruptionBudget", (string?)refused.Body!["details"]!["causes"]![0]!["reason"]);
        Assert.Equal(404, (await EvictAsync("nobody")).Status);

        Task<Answer> EvictAsync(string name) => server.SendAsync("POST", $"{Pods}/{name}/eviction",
            JsonNode.Parse($$$"""{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"{{{name}}}","namespace":"default"}}"""));
    }

    private static void RequireLinux() => Assert.SkipUnless(OperatingSystem.IsLinux(), "pods as processes need Linux (sessions, 127.x addresses)");

    private async Task<int> ServiceAsync(string name, string? selector)
    {
        var answer = await server.SendAsync("POST", Services, JsonNode.Parse($$$"""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{name}}}"},"spec":{"type":"NodePort","selector":{{{selector ?? "null"}}},"ports":[{"port":80}]}}
            """));
        answer = answer.Status == 409 ? await server.SendAsync("GET", $"{Services}/{name}") : answer;
        return (int)answer.Body!["spec"]!["ports"]![0]!["nodePort"]!;
    }

    private async Task PodAsync(string name)
    {
        _ = await server.SendAsync("POST", Pods, JsonNode.Parse($$$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","labels":{"app":"{{{name}}}"}},
             "spec":{"containers":[{"name":"web","image":"sh","args":["-c","exec cat"]}]}}
            """));
        await UntilAsync(async () => (string?)(await server.SendAsync("GET", $"{Pods}/{name}")).Body!["status"]!["phase"] == "Running", "a running pod");
    }

    private static async Task UntilAsync(Func<Task<bool>> reached, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await reached())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"this did not happen: {what}");
            await Task.Delay(Pause, TimeProvider.System, Token);
        }
    }

    /// <summary>One connection through the NodePort: does the other side answer?</summary>
    private async Task<bool> AsksAsync(int port)
    {
        using var impatience = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Parse(server.Cluster.NodeAddress), port, impatience.Token);
            return await client.GetStream().ReadAsync(new byte[1], impatience.Token) == 1;
        }
        catch (Exception ex) when (ex is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task AnswerAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(Token);
                await client.GetStream().WriteAsync("!"u8.ToArray(), Token);
            }
        }
        catch (Exception ex) when (ex is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    /// <summary>A cluster whose pods are processes.</summary>
    public sealed class Fixture : ApiServerFixture
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("resilience-live-").FullName;
        private EmbeddedCluster? _cluster;

        public EmbeddedCluster Cluster => _cluster ?? throw new InvalidOperationException("Not started.");

        protected override async Task<string?> StartAsync()
        {
            if (!OperatingSystem.IsLinux())
            {
                return null;
            }

            var images = Path.Combine(_directory, "images.json");
            await File.WriteAllTextAsync(images, """{"sh":{"command":["/bin/sh"]}}""", Token);
            _cluster = await EmbeddedCluster.StartAsync(new() { DataDirectory = _directory, ImagesPath = images }, Token);
            return _cluster.KubeconfigPath;
        }

        protected override async Task StopAsync()
        {
            if (_cluster is not null)
            {
                await _cluster.DisposeAsync();
            }

            Directory.Delete(_directory, recursive: true);
        }
    }
}
