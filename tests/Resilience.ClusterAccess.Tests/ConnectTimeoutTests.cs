using System.Net;
using System.Net.Sockets;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Tests;

public sealed class ConnectTimeoutTests
{
    /// <summary>The listener's backlog accepts the connection, but nobody ever speaks TLS on it.</summary>
    [Fact]
    public async Task Verify_OfAServerThatNeverFinishesTheHandshake_SaysThatConnectingTimedOut()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var file = Path.Combine(Path.GetTempPath(), $"kubeconfig-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(file, Kubeconfig(((IPEndPoint)silent.LocalEndpoint).Port), TestContext.Current.CancellationToken);
        try
        {
            using var connection = ClusterConnection.Create(
                new ClusterConnectionOptions { KubeconfigPath = file, ConnectTimeout = TimeSpan.FromMilliseconds(50) }, TimeProvider.System);

            var refused = await Assert.ThrowsAsync<ClusterException>(() => connection.VerifyAsync(TestContext.Current.CancellationToken));

            Assert.True(refused.IsUnreachable);
            Assert.Contains("connecting timed out", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Kubeconfig(int port) => $$$"""
        apiVersion: v1
        kind: Config
        current-context: test
        clusters: [{name: test, cluster: {server: "https://127.0.0.1:{{{port}}}", insecure-skip-tls-verify: true}}]
        users: [{name: test, user: {token: secret}}]
        contexts: [{name: test, context: {cluster: test, user: test}}]
        """;
}
