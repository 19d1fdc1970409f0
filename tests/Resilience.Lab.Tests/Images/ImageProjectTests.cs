using System.Text.Json.Nodes;
using System.Xml.Linq;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Tests.Images;

public sealed class ImageProjectTests
{
    /// <summary>The linker refuses to trim an assembly that is not there, and keeps 28 MB of one that nobody told it to trim.</summary>
    [Fact]
    public void Images_TrimKubernetesClient_WhereTheyHaveIt()
    {
        var projects = BuiltPrograms.ImageNames().Select(BuiltPrograms.ImageProject).ToArray();

        Assert.All(projects, folder => Assert.Equal((folder, Has(folder, "KubernetesClient")), (folder, Imports(folder, "KubernetesClient.props"))));
        Assert.Equal(2, projects.Count(folder => Has(folder, "KubernetesClient")));
    }

    private static bool Imports(string folder, string props) =>
        XDocument.Load(Directory.EnumerateFiles(folder, "*.csproj").Single()).Descendants("Import").Any(import => Path.GetFileName((string?)import.Attribute("Project")) == props);

    private static bool Has(string folder, string package) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "packages.lock.json")))!["dependencies"]!.AsObject().Any(framework => framework.Value!.AsObject().ContainsKey(package));
}
