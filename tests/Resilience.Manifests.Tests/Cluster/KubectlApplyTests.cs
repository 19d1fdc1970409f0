using System.Diagnostics;
using System.Text.Json.Nodes;
using Resilience.Testing;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>The three commands of docs/manifests.md with stock kubectl, on a cluster that knows nothing yet.</summary>
[Trait("tier", "kubectl")]
public sealed class KubectlApplyTests
{
    [Fact(Explicit = true)]
    public async Task ThreeCommands_InstallTheSystem_AndAFourthChangesNothing()
    {
        Assert.SkipUnless(OnPath(), "kubectl is not on the PATH");
        await using var cluster = await TestCluster.StartAsync();
        _ = await KubectlAsync(cluster, "apply -k k8s/crds");
        _ = await KubectlAsync(cluster, "wait --for=condition=Established --timeout=60s crd -l app.kubernetes.io/part-of=resilience");
        var installed = await KubectlAsync(cluster, "apply -k k8s/traditional");
        Assert.Contains("bluegreen.resilience.dev/web created", installed, StringComparison.Ordinal);
        var before = await VersionsAsync(cluster);
        Assert.True(before.Count > 12, string.Join(", ", before.Keys));

        var again = await KubectlAsync(cluster, "apply -k k8s/traditional");
        // kubectl cannot know that stringData is in the cluster already, and says so; the object stays as it is.
        Assert.All(again.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.True(
            line.EndsWith(" unchanged", StringComparison.Ordinal) || line == "secret/web-faults configured", line));
        Assert.Equal(before, await VersionsAsync(cluster));
    }

    private static async Task<SortedDictionary<string, string>> VersionsAsync(TestCluster cluster)
    {
        // Kinds whose controllers write nothing here once the pods stand.
        var json = await KubectlAsync(cluster,
            "get services,secrets,serviceaccounts,networkpolicies,roles,rolebindings,bluegreens,priorityclasses,clusterroles,clusterrolebindings,crd -n distributed-resilience -o json");
        return new(JsonNode.Parse(json)!["items"]!.AsArray().ToDictionary(
            item => $"{(string?)item!["kind"]}/{(string?)item["metadata"]!["name"]}", item => (string)item!["metadata"]!["resourceVersion"]!), StringComparer.Ordinal);
    }

    private static async Task<string> KubectlAsync(TestCluster cluster, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("kubectl", arguments.Split(' '))
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["KUBECONFIG"] = cluster.Embedded.KubeconfigPath },
        })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"kubectl {arguments}: {await error}");
        return output;
    }

    private static bool OnPath() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? "kubectl.exe" : "kubectl")));
}
