using System.Net;
using System.Net.Sockets;
using System.Text;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Tests;

/// <summary>Whatever is wrong with the way to the cluster, people get one line that says what and where.</summary>
public sealed class ClusterConnectionTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("connection-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("empty", "", "it is empty or not a kubeconfig")]
    [InlineData("no mapping", "just a sentence", null)]
    [InlineData("not YAML", "{unbalanced", null)]
    [InlineData("nothing in it", "kind: Config\n", null)]
    [InlineData("context is missing", "kind: Config\ncurrent-context: lab\ncontexts: []\nclusters: []\nusers: []\n", "lab")]
    [InlineData("cluster is missing", """
        {"kind":"Config","current-context":"lab","contexts":[{"name":"lab","context":{"cluster":"none","user":"me"}}],"clusters":[],"users":[{"name":"me","user":{"token":"t"}}]}
        """, null)]
    [InlineData("certificate is none", """
        {"kind":"Config","current-context":"lab","contexts":[{"name":"lab","context":{"cluster":"c","user":"me"}}],
         "clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1","certificate-authority-data":"bm90IGEgY2VydGlmaWNhdGU="}}],"users":[{"name":"me","user":{"token":"t"}}]}
        """, null)]
    [InlineData("certificate is not base64", """
        {"kind":"Config","current-context":"lab","contexts":[{"name":"lab","context":{"cluster":"c","user":"me"}}],
         "clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1","certificate-authority-data":"%%%"}}],"users":[{"name":"me","user":{"token":"t"}}]}
        """, null)]
    [InlineData("address is none", """
        {"kind":"Config","current-context":"lab","contexts":[{"name":"lab","context":{"cluster":"c","user":"me"}}],
         "clusters":[{"name":"c","cluster":{"server":"not a uri"}}],"users":[{"name":"me","user":{"token":"t"}}]}
        """, null)]
    public void Create_KubeconfigIsDead_SaysSoInOneLineWithItsPath(string what, string text, string? words)
    {
        var path = Write(text);
        var refusal = Record.Exception(() => Connect(path));
        Assert.True(refusal is ClusterException, $"{what}: {refusal}");
        IsOneLine((ClusterException)refusal, path, words ?? "");
    }

    [Fact]
    public void Create_KubeconfigIsMissing_SaysSo()
    {
        var path = Path.Combine(_folder.FullName, "nowhere");
        IsOneLine(Assert.Throws<ClusterException>(() => Connect(path)), path, "does not exist");
    }

    [Fact]
    public void Create_UnknownContext_SaysWhichThereAre()
    {
        var path = Kubeconfig(1);
        IsOneLine(Assert.Throws<ClusterException>(() => Connect(path, "prod")), path, "has no context 'prod' (it has: lab)");
    }

    [Fact]
    public void Create_UsableKubeconfig_TellsWhereItIsFrom()
    {
        var path = Kubeconfig(1);
        using var connection = Connect(path, "lab");
        Assert.Equal((path, "shop", "lab"), (connection.Source, connection.DefaultNamespace, connection.Context));
    }

    [Fact]
    public async Task Verify_NobodyListens_SaysThatAndWhereTheAddressIsFrom()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var path = Kubeconfig(port);
        IsOneLine(await RefusalAsync(path), path, $"cannot reach the API server at http://127.0.0.1:{port}/: connection refused (from ");
    }

    [Theory]
    [InlineData("401 Unauthorized", """{"kind":"Status","message":"Unauthorized","reason":"Unauthorized","code":401}""", "does not accept the credentials in ")]
    [InlineData("403 Forbidden", """{"kind":"Status","message":"version is forbidden: User \"me\" cannot get path \"/version\"","reason":"Forbidden","code":403}""", "User \"me\" cannot get path")]
    [InlineData("502 Bad Gateway", "<html>\n<p>bad\n", "<html> <p>bad")]
    [InlineData("500 Internal Server Error", "", "GET /version answered 500")]
    [InlineData("200 OK", "<html>hello</html>", "is not a Kubernetes API server")]
    [InlineData("200 OK", "[]", "is not a Kubernetes API server")]
    [InlineData("200 OK", "{}", "is not a Kubernetes API server")]
    public async Task Verify_UnfriendlyAnswer_SaysWhatToLookAt(string status, string body, string words)
    {
        using var server = new OneAnswer(status, body);
        var path = Kubeconfig(server.Port);
        IsOneLine(await RefusalAsync(path), "", words);
    }

    [Fact]
    public async Task Verify_ServerAnswers_TellsItsVersion()
    {
        using var server = new OneAnswer("200 OK", """{"gitVersion":"v1.36.2"}""");
        using var connection = Connect(Kubeconfig(server.Port));
        Assert.Equal("v1.36.2", await connection.VerifyAsync(TestContext.Current.CancellationToken));
    }

    private static void IsOneLine(ClusterException refusal, string path, string words)
    {
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.InRange(refusal.Message.Length, 10, 500);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    private static async Task<ClusterException> RefusalAsync(string path)
    {
        using var connection = Connect(path);
        return await Assert.ThrowsAsync<ClusterException>(() => connection.VerifyAsync(TestContext.Current.CancellationToken));
    }

    private static ClusterConnection Connect(string path, string? context = null) =>
        ClusterConnection.Create(new() { KubeconfigPath = path, Context = context }, TimeProvider.System);

    private string Kubeconfig(int port) => Write($$$"""
        kind: Config
        current-context: lab
        contexts: [{name: lab, context: {cluster: c, user: me, namespace: shop}}]
        clusters: [{name: c, cluster: {server: "http://127.0.0.1:{{{port}}}"}}]
        users: [{name: me, user: {token: t}}]
        """);

    private string Write(string text)
    {
        var path = Path.Combine(_folder.FullName, "config");
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Gives every request the same answer.</summary>
    private sealed class OneAnswer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly byte[] _answer;

        public OneAnswer(string status, string body)
        {
            _answer = Encoding.UTF8.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _ = ServeAsync();
        }

        public int Port { get; }

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    using var reader = new StreamReader(client.GetStream(), leaveOpen: true);
                    while (await reader.ReadLineAsync() is { Length: > 0 })
                    {
                    }

                    await client.GetStream().WriteAsync(_answer);
                }
            }
            catch (Exception ended) when (ended is SocketException or ObjectDisposedException or IOException or InvalidOperationException)
            {
                // The test is over.
            }
        }
    }
}
