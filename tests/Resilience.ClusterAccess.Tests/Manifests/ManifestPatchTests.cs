using Resilience.ClusterAccess.Manifests;

namespace Resilience.ClusterAccess.Tests.Manifests;

public sealed class ManifestPatchTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patches-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_PatchesOfAnOverlay_ChangeTheirObjectAndNoOther()
    {
        var set = Load("""
            - {op: replace, path: /spec/items/1/value, value: 85}
            - {op: add, path: /metadata/labels/a~1b, value: x}
            - {op: add, path: /spec/items/-, value: {value: 9}}
            - {op: remove, path: /spec/items/0}
            """);
        Assert.Equal("""{"items":[{"value":85},{"value":9}]}""", set.Items[0].Body["spec"]!.ToJsonString());
        Assert.Equal("x", (string?)set.Items[0].Body["metadata"]!["labels"]!["a/b"]);
        Assert.Equal("""{"items":[{"value":1},{"value":2}]}""", set.Items[1].Body["spec"]!.ToJsonString());
    }

    [Theory]
    [InlineData("- {op: replace, path: /spec/items/2/value, value: 1}", "replace /spec/items/2/value leads nowhere in Thing one")]
    [InlineData("- {op: replace, path: /spec/other, value: 1}", "replace /spec/other leads nowhere in Thing one")]
    [InlineData("- {op: remove, path: /spec/items/9}", "remove /spec/items/9 leads nowhere in Thing one")]
    [InlineData("- {op: move, path: /spec/items, from: /spec/other}", "must be add, replace or remove")]
    [InlineData("- {op: add, path: spec, value: 1}", "must be add, replace or remove")]
    [InlineData("- {op: add, path: /spec}", "must be add, replace or remove")]
    [InlineData("op: add", "must hold one list")]
    public void Load_AnOperationThatCannotBeDone_IsRefusedWithItsFile(string operations, string words)
    {
        var refusal = Assert.Throws<ManifestException>(() => Load(operations));
        Assert.Contains("patch.yaml", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{path: patch.yaml, target: {kind: Thing, name: nobody}}", "no Thing nobody is there to be patched")]
    [InlineData("{path: patch.yaml, target: {kind: Thing}}", "a patch must have a path and a target with kind and name")]
    [InlineData("{path: patch.yaml, target: {kind: Thing, name: one, labelSelector: a=b}}", "nothing else")]
    [InlineData("{path: missing.yaml, target: {kind: Thing, name: one}}", "lists 'missing.yaml', which does not exist")]
    public void Load_APatchThatIsNotUnderstood_IsRefused(string patch, string words) =>
        Assert.Contains(words, Assert.Throws<ManifestException>(() => Load("[]", patch)).Message, StringComparison.Ordinal);

    private ManifestSet Load(string operations, string patch = "{path: patch.yaml, target: {kind: Thing, name: one}}")
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "kustomization.yaml"), $"resources: [things.yaml]\npatches:\n  - {patch}\n");
        File.WriteAllText(Path.Combine(_folder.FullName, "things.yaml"), string.Join("---\n", new[] { "one", "two" }.Select(name =>
            $"apiVersion: v1\nkind: Thing\nmetadata: {{name: {name}, labels: {{}}}}\nspec: {{items: [{{value: 1}}, {{value: 2}}]}}\n")));
        File.WriteAllText(Path.Combine(_folder.FullName, "patch.yaml"), operations);
        return ManifestSet.Load(_folder.FullName);
    }
}
