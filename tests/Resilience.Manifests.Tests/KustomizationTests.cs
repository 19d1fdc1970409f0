using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.Manifests.Tests;

/// <summary>Folders say what they hold, in an order that works.</summary>
public sealed class KustomizationTests
{
    /// <summary>Applying them together would start every fault at once, so their kustomization lists none of them on purpose.</summary>
    private const string OneByOne = "chaos";

    public static TheoryData<string> Folders => [.. ShippedManifests.Folders];

    [Theory, MemberData(nameof(Folders))]
    public void Kustomization_ListsExactlyItsFiles(string folder)
    {
        var path = Path.Combine(ShippedManifests.Root, folder);
        var kustomization = YamlJson.Parse(File.ReadAllText(Path.Combine(path, "kustomization.yaml"))).Single().Document;
        Assert.Equal(("kustomize.config.k8s.io/v1beta1", "Kustomization"), ((string?)kustomization["apiVersion"], (string?)kustomization["kind"]));
        var listed = (kustomization["resources"]?.AsArray() ?? []).Select(entry => (string)entry!).ToList();
        Assert.Equal(listed.Count, listed.Distinct(StringComparer.Ordinal).Count());
        if (folder == OneByOne)
        {
            Assert.Empty(listed);
            return;
        }

        var files = ShippedManifests.Files.Select(Path.GetFileName).Where(file => File.Exists(Path.Combine(path, file!))
            && ShippedManifests.Files.Contains($"k8s/{folder}/{file}")).Order(StringComparer.Ordinal);
        Assert.Equal(files, listed.Where(entry => !Directory.Exists(Path.Combine(path, entry))).Order(StringComparer.Ordinal));
        Assert.All(listed.Where(entry => !entry.EndsWith(".yaml", StringComparison.Ordinal)),
            entry => Assert.True(File.Exists(Path.Combine(path, entry, "kustomization.yaml")), $"{entry} is not a folder with a kustomization"));
    }

    /// <summary>What a pod names must be there before the pod: kubectl and GitOps tools apply in the order listed.</summary>
    [Theory, MemberData(nameof(Folders))]
    public void Kustomization_ListsWhatOthersReferToFirst(string folder)
    {
        if (folder == OneByOne || ShippedManifests.IsGenerated(folder))
        {
            return;
        }

        var items = ManifestSet.Load(Path.Combine(ShippedManifests.Root, folder)).Items;
        for (var i = 0; i < items.Count; i++)
        {
            foreach (var (kind, name) in References(items[i].Body))
            {
                var at = items.ToList().FindIndex(m => m.Kind == kind && m.Name == name);
                Assert.True(at < i, $"{items[i]} refers to {kind} {name}, which comes later or not at all");
            }
        }
    }

    private static IEnumerable<(string Kind, string Name)> References(JsonObject body)
    {
        var pod = body["spec"]?["template"]?["spec"];
        if ((string?)pod?["serviceAccountName"] is { } account)
        {
            yield return ("ServiceAccount", account);
        }

        if ((string?)pod?["priorityClassName"] is { } priority)
        {
            yield return ("PriorityClass", priority);
        }

        if ((string?)body["roleRef"]?["kind"] is { } kind)
        {
            yield return (kind, (string)body["roleRef"]!["name"]!);
        }

        if ((string?)body["spec"]?["scaleTargetRef"]?["kind"] is { } target)
        {
            yield return (target, (string)body["spec"]!["scaleTargetRef"]!["name"]!);
        }

        foreach (var variable in (pod?["containers"]?.AsArray() ?? []).SelectMany(c => c!["env"]?.AsArray() ?? []))
        {
            if ((string?)variable!["valueFrom"]?["secretKeyRef"]?["name"] is { } secret)
            {
                yield return ("Secret", secret);
            }
        }
    }
}
