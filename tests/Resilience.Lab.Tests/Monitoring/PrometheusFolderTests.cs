using k8s.Models;
using Resilience.Lab.Cli;
using Resilience.Lab.Monitoring;
using Resilience.Lab.Tests.EndToEnd;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Monitoring;

public sealed class PrometheusFolderTests
{
    private static string Shipped => File.ReadAllText(Path.Combine(Repository.Root, "k8s", "monitoring", "prometheus", "prometheus.yml"));

    /// <summary>Everything but the discovery is the shipped file, line for line.</summary>
    [Fact]
    public void Configuration_DiffersFromTheShippedOne_InTheDiscoveryAlone()
    {
        var (before, after) = (Shipped.Split('\n'), PrometheusFolder.WithoutDiscovery(Shipped).Split('\n'));
        Assert.Equal(
            ["    kubernetes_sd_configs:", "      - role: pod", "        namespaces:", "          names: [distributed-resilience]"],
            before.Except(after, StringComparer.Ordinal));
        Assert.Equal(["    file_sd_configs: [{files: [targets.json], refresh_interval: 5s}]"], after.Except(before, StringComparer.Ordinal));
        Assert.Equal(before.Length - 3, after.Length);
    }

    [Fact]
    public void Configuration_WithoutDiscovery_IsRefused() =>
        Assert.Contains("has no kubernetes_sd_configs:", Assert.Throws<LabException>(() => PrometheusFolder.WithoutDiscovery("scrape_configs: []")).Message, StringComparison.Ordinal);

    [Fact]
    public void Targets_AreWhatPrometheussOwnDiscoveryTells()
    {
        var targets = ScrapeTargets.Of([Pod("web-blue-1", "127.9.0.10"), Pod("web-blue-2", ip: null), Pod("web-blue-3", "fd00::1")]);
        Assert.Equal(["127.9.0.10:8080", "127.9.0.10:9090", "[fd00::1]:8080", "[fd00::1]:9090"], targets.Select(target => Assert.Single(target.Targets)));
        var labels = targets[1].Labels;
        Assert.Equal(
            ("distributed-resilience", "web-blue-1", "management", "Running", "web", "blue", "resilience", "true"),
            (labels["__meta_kubernetes_namespace"], labels["__meta_kubernetes_pod_name"], labels["__meta_kubernetes_pod_container_port_name"], labels["__meta_kubernetes_pod_phase"],
                labels["__meta_kubernetes_pod_label_app"], labels["__meta_kubernetes_pod_label_version"], labels["__meta_kubernetes_pod_label_app_kubernetes_io_part_of"], labels["__meta_kubernetes_pod_ready"]));
    }

    /// <summary>The shipped relabelling uses nothing that the file does not give.</summary>
    [Fact]
    public void Targets_HaveEveryLabelThatTheShippedRelabellingReads()
    {
        var given = ScrapeTargets.Of([Pod("web-blue-1", "127.9.0.10")]).SelectMany(target => target.Labels.Keys).ToHashSet(StringComparer.Ordinal);
        var read = System.Text.RegularExpressions.Regex.Matches(Shipped, "__meta_kubernetes_[a-z_]+").Select(match => match.Value).Distinct(StringComparer.Ordinal);
        Assert.Equal([], read.Where(label => !given.Contains(label)));
    }

    [Fact]
    public void Targets_AreWrittenOnlyWhenTheyChanged()
    {
        using var place = new TemporaryFolder();
        var folder = new PrometheusFolder(place.Path);
        Assert.Equal(2, folder.WriteTargets([Pod("web-blue-1", "127.9.0.10")]));
        Assert.Null(folder.WriteTargets([Pod("web-blue-1", "127.9.0.10")]));
        Assert.Equal(4, folder.WriteTargets([Pod("web-blue-1", "127.9.0.10"), Pod("web-blue-2", "127.9.0.11")]));
        Assert.Equal([PrometheusFolder.Targets], Directory.EnumerateFiles(place.Path).Select(Path.GetFileName));
    }

    private static V1Pod Pod(string name, string? ip) => new()
    {
        Metadata = new()
        {
            Name = name, NamespaceProperty = "distributed-resilience", Uid = "u",
            Labels = new Dictionary<string, string> { ["app"] = "web", ["version"] = "blue", ["app.kubernetes.io/part-of"] = "resilience" },
        },
        Spec = new() { NodeName = "n", Containers = [new() { Name = "web", Ports = [new() { Name = "http", ContainerPort = 8080 }, new() { Name = "management", ContainerPort = 9090 }] }] },
        Status = new() { PodIP = ip, Phase = "Running", Conditions = [new() { Type = "Ready", Status = "True" }] },
    };
}
