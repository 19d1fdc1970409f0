using System.Diagnostics;
using k8s;
using k8s.Models;

namespace Resilience.LocalCluster.Tests.Api;

/// <summary>The client library our controllers use, unchanged.</summary>
public sealed class KubernetesClientTests(EmbeddedApiServerFixture server) : IClassFixture<EmbeddedApiServerFixture>
{
    [Fact]
    public async Task TypedObjects_GoThereAndBack()
    {
        using var client = Client();
        var cancellationToken = TestContext.Current.CancellationToken;

        var made = await client.CoordinationV1.CreateNamespacedLeaseAsync(new V1Lease
        {
            Metadata = new() { GenerateName = "lease-" },
            Spec = new() { HolderIdentity = "a", LeaseDurationSeconds = 5, RenewTime = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc) },
        }, "default", cancellationToken: cancellationToken);
        made.Spec.HolderIdentity = "b";
        var replaced = await client.CoordinationV1.ReplaceNamespacedLeaseAsync(made, made.Metadata.Name, "default", cancellationToken: cancellationToken);

        Assert.Equal(("b", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)), (replaced.Spec.HolderIdentity, replaced.Spec.RenewTime));
    }

    /// <summary>Propagation is what failover times are made of; the bound is generous for a busy machine, the median is not.</summary>
    [Fact]
    public async Task Watch_HearsOfAChangeWithinMilliseconds()
    {
        using var client = Client();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var name = $"watched-{Guid.NewGuid():N}";
        var seen = System.Threading.Channels.Channel.CreateUnbounded<long>();
        var made = await client.CoreV1.CreateNamespacedConfigMapAsync(new V1ConfigMap { Metadata = new() { Name = name } }, "default", cancellationToken: stop.Token);
        var watching = Task.Run(async () =>
        {
            await foreach (var _ in client.CoreV1.WatchListNamespacedConfigMapAsync(
                "default", fieldSelector: $"metadata.name={name}", resourceVersion: made.Metadata.ResourceVersion, cancellationToken: stop.Token))
            {
                seen.Writer.TryWrite(Stopwatch.GetTimestamp());
            }
        }, stop.Token);
        var delays = new List<double>();
        for (var i = 0; i < 30; i++)
        {
            var patched = Stopwatch.GetTimestamp();
            _ = server.Cluster.Store.Update(Resilience.LocalCluster.Storage.ResourceTypes.ConfigMaps, "default", name,
                body => body["data"] = new System.Text.Json.Nodes.JsonObject { ["i"] = $"{i}" });
            delays.Add(Stopwatch.GetElapsedTime(patched, await seen.Reader.ReadAsync(stop.Token)).TotalMilliseconds);
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
        delays.Sort();
        TestContext.Current.SendDiagnosticMessage("watch delay: median {0:F2} ms, worst {1:F2} ms", delays[15], delays[^1]);
        Assert.True(delays[15] < 50, $"median {delays[15]:F2} ms");
    }

    private Kubernetes Client() => new(KubernetesClientConfiguration.BuildConfigFromConfigFile(server.KubeconfigPath));
}
