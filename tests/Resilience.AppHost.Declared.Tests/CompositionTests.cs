extern alias apphost;

using System.Xml.Linq;
using apphost::Resilience.AppHost.EmbeddedCluster;
using Resilience.Testing;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>Names and versions that the AppHost repeats from elsewhere.</summary>
public sealed class CompositionTests
{
    [Fact]
    public void Topology_NamesWhatTheManifestsHave()
    {
        var items = Manifests.Intelligent.Items;
        var service = Assert.Single(items, item => item.Kind == "Service" && item.Name == ClusterTopology.Service);

        Assert.Contains(items, item => item.Kind == "Namespace" && item.Name == ClusterTopology.Namespace);
        Assert.Equal(ClusterTopology.NodePort, (long?)service.Body["spec"]!["ports"]![0]!["nodePort"]);
        Assert.Contains(items, item => item.Kind == "BlueGreen" && item.Name == ClusterTopology.BlueGreen);
        var secret = Assert.Single(items, item => item.Kind == "Secret" && item.Name == ClusterTopology.FaultSecret);
        Assert.NotNull(secret.Body["stringData"]?["token"]);
        Assert.All(ClusterTopology.Outside, name => Assert.Contains(items, item => item.Kind == "Deployment" && item.Name == name));
        Assert.All(items.Where(item => item.Namespace is not null), item => Assert.Equal(ClusterTopology.Namespace, item.Namespace));
    }

    [Fact]
    public void Versions_OfAspire_AreOneTrain()
    {
        var appHost = XDocument.Load(Path.Combine(Repository.Root, "AppHost", "Resilience.AppHost.csproj"));
        var packages = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => (string)package.Attribute("Include")!, package => (string)package.Attribute("Version")!);
        var sdk = ((string)appHost.Root!.Attribute("Sdk")!).Split('/');

        Assert.Equal("Aspire.AppHost.Sdk", sdk[0]);
        Assert.Equal(sdk[1], packages["Aspire.Hosting.Testing"]);
        Assert.StartsWith($"{sdk[1]}-preview.", packages["Aspire.Hosting.Kubernetes"], StringComparison.Ordinal);
    }

    [Fact]
    public void Images_AreThoseOfTheManifests_BuiltBesideThisProgram()
    {
        var folder = Directory.CreateTempSubdirectory("resilience-images-");
        try
        {
            var table = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(EmbeddedClusterExtensions.WriteImages(folder.FullName)))!.AsObject();
            var inside = Manifests.Intelligent.Items.Where(item => item.Kind == "Deployment" && !ClusterTopology.Outside.Contains(item.Name));
            var images = inside.Select(item => ((string)item.Body["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]!).Split(':')[0]).Distinct();

            Assert.Equal(images, table.Select(entry => entry.Key));
            Assert.All(table, entry => Assert.True(File.Exists((string)entry.Value!["command"]![0]!), entry.Value!.ToJsonString()));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
