using Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Manifests;

public sealed class ManifestSetTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("manifests-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_ListsFilesAndFolders_KeepsTheirOrderAndReadsABaseOnce()
    {
        Write("base/kustomization.yaml", "resources: [one.yaml]");
        Write("base/one.yaml", Map("one"));
        Write("other/kustomization.yaml", "resources: [../base, two.yaml]");
        Write("other/two.yaml", Map("two") + "---\n" + Map("three"));
        Write("top/kustomization.yaml", "kind: Kustomization\nresources: [../base, ../other, four.yaml]");
        Write("top/four.yaml", Map("four"));

        var set = Load("top");

        Assert.Equal(["one", "two", "three", "four"], set.Items.Select(m => m.Name));
        Assert.Equal(6, set.Items[2].Line);
        Assert.Equal("apps", set.Items[0].Namespace);
    }

    [Fact]
    public void Load_ShippedFolders_DefinesNamespaceAndDefinitionsBeforeTheirUse()
    {
        var set = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional"));
        var kinds = set.Items.Select(m => m.Kind).ToList();
        Assert.Equal("Namespace", kinds[0]);
        Assert.InRange(kinds.LastIndexOf("CustomResourceDefinition"), 1, kinds.IndexOf("BlueGreen") - 1);
        Assert.Equal(2, set.Items.Count(m => m.Name is "web-blue" or "web-green" && m.Kind == "Deployment"));
    }

    [Theory]
    [InlineData("apiVersion: v1\nkind: ConfigMap\n", "metadata.name is missing")]
    [InlineData("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 7}\n", "metadata.name must be a word")]
    [InlineData("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: 7}\n", "metadata.namespace must be a word")]
    [InlineData("kind: ConfigMap\nmetadata: {name: a}\n", "apiVersion is missing")]
    [InlineData("- a list\n", "expected a mapping")]
    public void Load_SecondDocumentIsUnfit_ErrorNamesFileAndLine(string document, string words)
    {
        Write("top/kustomization.yaml", "resources: [a.yaml]");
        Write("top/a.yaml", Map("first") + "---\n" + document);
        var refusal = Assert.Throws<ManifestException>(() => Load("top"));
        Assert.Contains(Path.Combine("top", "a.yaml") + ":6: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Theory]
    [InlineData("resources: [missing.yaml]", "lists 'missing.yaml', which does not exist")]
    [InlineData("resources: a.yaml", "resources must be a list")]
    [InlineData("resources: [~]", "not null")]
    [InlineData("resources: [{a: b}]", """not {"a":"b"}""")]
    [InlineData("resources: []\nimages: []", "'images' is not supported here")]
    [InlineData("- a list", "must hold one mapping")]
    [InlineData("", "must hold one mapping")]
    [InlineData("resources: [a.yaml, a.yaml]", "is defined before in ")]
    [InlineData("resources: [bad.yaml]", "bad.yaml:2:")]
    [InlineData("resources: [.]", null)]
    public void Load_KustomizationIsUnfit_SaysWhat(string kustomization, string? words)
    {
        Write("top/kustomization.yaml", kustomization);
        Write("top/a.yaml", Map("a"));
        Write("top/bad.yaml", "a: 1\nb: ]\n");
        if (words is null)
        {
            Assert.Empty(Load("top").Items);   // itself: read already
            return;
        }

        var refusal = Assert.Throws<ManifestException>(() => Load("top"));
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Load_NoSuchFolder_SaysSo() =>
        Assert.Contains("is not a folder with a kustomization.yaml", Assert.Throws<ManifestException>(() => Load("nowhere")).Message, StringComparison.Ordinal);

    [Fact]
    public void Select_LeavesOutWhatBecomesNull()
    {
        Write("top/kustomization.yaml", "resources: [a.yaml]");
        Write("top/a.yaml", Map("a") + "---\n" + Map("b"));
        Assert.Equal("b", Assert.Single(Load("top").Select(m => m.Name == "a" ? null : m).Items).Name);
    }

    private static string Map(string name) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: apps}}\ndata: {{value: a}}\n";

    private ManifestSet Load(string folder) => ManifestSet.Load(Path.Combine(_folder.FullName, folder));

    private void Write(string path, string text)
    {
        var file = new FileInfo(Path.Combine(_folder.FullName, path));
        file.Directory!.Create();
        File.WriteAllText(file.FullName, text);
    }
}
