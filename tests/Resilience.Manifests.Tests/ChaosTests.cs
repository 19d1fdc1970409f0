using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.Manifests.Tests;

/// <summary>The Chaos Mesh drills belong to drills of the lab, hit what they say, and end by themselves or say that they do not.</summary>
public sealed partial class ChaosTests
{
    /// <summary>Faults of the lab that Chaos Mesh has nothing for; docs/chaos.md says why.</summary>
    private static readonly string[] WithoutEquivalent = ["rollout-restart"];

    private static readonly IReadOnlyList<string> Files = [.. ShippedManifests.Files.Where(f => f.StartsWith("k8s/chaos/", StringComparison.Ordinal))];

    private static readonly string Lab = Path.Combine(Repository.Root, "src", "Resilience.Lab");

    [Fact]
    public void EachDrill_NamesADrillOfTheLabThatExists()
    {
        var known = Experiments().Concat(Faults()).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Files)
        {
            var comment = string.Join(' ', ShippedManifests.Read(file).Split('\n').TakeWhile(line => line.StartsWith('#')));
            var named = NamePattern().Matches(comment).Select(m => m.Groups[1].Value).ToList();
            Assert.True(named.Count > 0 || comment.Contains("No drill of the lab", StringComparison.Ordinal), $"{file} does not say which drill it equals");
            Assert.All(named, name => Assert.Contains(name, known));
        }
    }

    [Fact]
    public void EachFaultOfTheLab_HasAnEquivalent()
    {
        var text = string.Join('\n', Files.Select(ShippedManifests.Read));
        var named = NamePattern().Matches(text).Select(m => m.Groups[1].Value).Concat(Files.Select(f => Path.GetFileNameWithoutExtension(f)!)).ToHashSet(StringComparer.Ordinal);
        var missing = Faults().Where(fault => !named.Contains(fault) && !WithoutEquivalent.Contains(fault) && fault != "kill-leader").ToList();
        Assert.True(missing.Count == 0, $"no equivalent of {string.Join(", ", missing)}");
        Assert.Contains("kill-watcher", named);   // kill-leader, as far as a selector can aim
    }

    /// <summary>A selector that matches nothing makes a drill that passes by doing nothing.</summary>
    [Fact]
    public void EachSelector_MatchesPodsOfTheShippedManifests()
    {
        var pods = ManifestSet.Load(Path.Combine(ShippedManifests.Root, "traditional")).Items.Where(m => m.Kind == "Deployment")
            .Select(m => m.Body["spec"]!["template"]!["metadata"]!["labels"]!.AsObject().ToDictionary(l => l.Key, l => (string?)l.Value)).ToList();
        var seen = 0;
        foreach (var file in Files)
        {
            foreach (Match selector in SelectorPattern().Matches(ShippedManifests.Read(file)))
            {
                seen++;
                var labels = selector.Groups[1].Value.Split(',').Select(pair => pair.Split(':')).ToDictionary(pair => pair[0].Trim(), pair => (string?)pair[1].Trim());
                Assert.True(pods.Any(pod => labels.All(l => pod.GetValueOrDefault(l.Key) == l.Value)), $"{file}: no pod has {selector.Groups[1].Value}");
            }
        }

        Assert.True(seen >= Files.Count);
    }

    /// <summary>Rules that Chaos Mesh's admission webhooks add to its schemas, as its source states them.</summary>
    [Fact]
    public void EachDrill_KeepsTheRulesOfTheAdmissionWebhooks()
    {
        foreach (var file in Files)
        {
            var document = YamlJson.Parse(ShippedManifests.Read(file)).Single().Document;
            var spec = document["spec"]!;
            Assert.All(Specs(spec), inner => Assert.True((string?)inner["action"] != "container-kill" || inner["containerNames"]?.AsArray().Count > 0, $"{file}: container-kill needs containerNames"));
            Assert.True((string?)spec["direction"] is not ("both" or "from") || spec["target"] is not null, $"{file}: direction {(string?)spec["direction"]} needs a target");
            if ((string?)document["kind"] == "Workflow")
            {
                Steps(file, spec);
            }
        }
    }

    private static void Steps(string file, JsonNode spec)
    {
        var templates = spec["templates"]!.AsArray().ToDictionary(t => (string)t!["name"]!, t => t!);
        Assert.True(templates.ContainsKey((string)spec["entry"]!), $"{file}: no template is called as the entry says");
        foreach (var (name, template) in templates)
        {
            Assert.All(template["children"]?.AsArray() ?? [], child => Assert.True(templates.ContainsKey((string)child!), $"{file}: {name} refers to {(string?)child}"));
            Assert.True((string?)template["templateType"] != "Suspend" || template["deadline"] is not null, $"{file}: {name} suspends without a deadline");
            Assert.True(template["podChaos"]?["duration"] is null, $"{file}: {name} must use deadline, not duration");
        }
    }

    private static IEnumerable<JsonNode> Specs(JsonNode spec) =>
        new[] { spec, spec["podChaos"] }.Concat((spec["templates"]?.AsArray() ?? []).Select(t => t!["podChaos"])).OfType<JsonNode>();

    private static IEnumerable<string> Experiments() => Directory.GetFiles(Path.Combine(Lab, "Experiments"), "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)!);

    private static IEnumerable<string> Faults() =>
        FaultPattern().Matches(File.ReadAllText(Path.Combine(Lab, "Drills", "FaultCatalog.cs"))).Select(m => m.Groups[1].Value);

    [GeneratedRegex(@"lab (?:run|chaos) ([a-z][a-z-]+)")]
    private static partial Regex NamePattern();

    [GeneratedRegex("""^\s+new\("([a-z-]+)", ".*FaultMeans""", RegexOptions.Multiline)]
    private static partial Regex FaultPattern();

    [GeneratedRegex(@"labelSelectors: \{([^}]+)\}")]
    private static partial Regex SelectorPattern();
}
