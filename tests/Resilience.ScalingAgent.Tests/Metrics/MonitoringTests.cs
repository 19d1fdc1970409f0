using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

/// <summary>k8s/monitoring agrees with itself, with the documentation and with the repository.</summary>
public sealed partial class MonitoringTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "k8s", "monitoring");

    private static readonly JsonNode Rules = Load("prometheus/rules.yaml");

    public static TheoryData<string> Dashboards() => [.. Directory.EnumerateFiles(Path.Combine(Folder, "grafana"), "*.json").Select(file => Path.GetFileName(file)!)];

    [Fact]
    public void EveryFile_IsListedInItsKustomization()
    {
        var listed = ManifestSet.Load(Folder).Items.Select(item => Path.GetFileName(item.File)).ToHashSet();
        Assert.All(Directory.EnumerateFiles(Folder, "*.yaml").Select(file => Path.GetFileName(file)!).Where(file => file != "kustomization.yaml"), file => Assert.Contains(file, listed));
        var dashboards = Load("grafana/kustomization.yaml")["configMapGenerator"]!.AsArray().SelectMany(map => map!["files"]!.AsArray()).Select(file => (string)file!).ToHashSet();
        Assert.Equal(dashboards, Dashboards().Select(file => file.Data).ToHashSet());
    }

    [Fact]
    public void RulesForTheOperator_AreThoseForPrometheus() =>
        Assert.True(JsonNode.DeepEquals(Rules["groups"], Load("rules.yaml")["spec"]!["groups"]), "write k8s/monitoring/rules.yaml anew, as its first lines say");

    [Fact]
    public void EveryMetricInRules_Exists() => Assert.Equal([], AllRules().SelectMany(rule => Unknown((string)rule["expr"]!)));

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void EveryMetricInADashboard_Exists(string file)
    {
        var dashboard = LoadDashboard(file);
        var expressions = Panels(dashboard).SelectMany(panel => (panel["targets"]?.AsArray() ?? []).Select(target => (string)target!["expr"]!))
            .Concat(dashboard["annotations"]!["list"]!.AsArray().Select(note => (string)note!["expr"]!))
            .Concat(dashboard["templating"]!["list"]!.AsArray().Where(variable => (string)variable!["type"]! == "query").Select(variable => (string)variable!["definition"]!)).ToList();
        Assert.True(expressions.Count > 10);
        Assert.Equal([], expressions.SelectMany(Unknown));
    }

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void Dashboard_CanBeImportedAnywhere(string file)
    {
        var dashboard = LoadDashboard(file);
        Assert.Equal("resilience-" + Path.GetFileNameWithoutExtension(file), (string)dashboard["uid"]!);
        Assert.All(Panels(dashboard), panel => Assert.True((string)panel["type"]! == "row" || (string)panel["datasource"]!["uid"]! == "${datasource}", $"{panel["title"]}"));
        Assert.Equal(Panels(dashboard).Count(), Panels(dashboard).Select(panel => (int)panel["id"]!).Distinct().Count());
        Assert.Equal(Panels(dashboard).Count(), Panels(dashboard).Select(panel => (string)panel["title"]!).Distinct().Count());
        Assert.All(Panels(dashboard), panel => Assert.InRange((int)panel["gridPos"]!["x"]! + (int)panel["gridPos"]!["w"]!, 1, 24));
    }

    [Fact]
    public void EveryAlert_HasWords_ASeverity_AndARunbookThatExists()
    {
        foreach (var alert in AllRules().Where(rule => rule["alert"] is not null))
        {
            Assert.Contains((string)alert["labels"]!["severity"]!, new[] { "info", "warning", "critical" });
            Assert.NotEmpty((string)alert["annotations"]!["summary"]!);
            Assert.NotEmpty((string)alert["annotations"]!["description"]!);
            var (path, anchor) = ((string)alert["annotations"]!["runbook_url"]!).Split('#') is [var file, var part] ? (file, part) : ("", "");
            var headings = File.ReadLines(Path.Combine(Repository.Root, path)).Where(line => line.StartsWith('#'))
                .Select(line => NotInAnchors().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'));
            Assert.Contains(anchor, headings);
        }
    }

    [Fact]
    public void EveryAlert_IsTestedFiringAndSilent()
    {
        var tests = Load("prometheus/rules.test.yaml")["tests"]!.AsArray().SelectMany(test => test!["alert_rule_test"]!.AsArray()).ToLookup(test => (string)test!["alertname"]!, test => test!["exp_alerts"]!.AsArray().Count > 0);
        Assert.All(AllRules().Select(rule => (string?)rule["alert"]).OfType<string>(), alert =>
        {
            Assert.Contains(true, tests[alert]);
            Assert.Contains(false, tests[alert]);
        });
    }

    [Fact]
    public void ScrapeConfigurations_FindTheShippedPods()
    {
        // The label and the port's name are what both configurations go by.
        foreach (var (folder, file, app) in new[] { ("base", "web-blue.yaml", "web"), ("base", "web-green.yaml", "web"), ("traditional", "failover-watcher.yaml", "failover-watcher") })
        {
            var template = YamlJson.Parse(File.ReadAllText(Path.Combine(Repository.Root, "k8s", folder, file))).Select(found => found.Document).Single(item => (string)item["kind"]! == "Deployment")["spec"]!["template"]!;
            Assert.Equal(app, (string)template["metadata"]!["labels"]!["app"]!);
            Assert.Contains("management", template["spec"]!["containers"]!.AsArray().SelectMany(container => container!["ports"]!.AsArray()).Select(port => (string)port!["name"]!));
            var monitor = Load($"podmonitor-{app}.yaml");
            Assert.Equal(app, (string)monitor["spec"]!["selector"]!["matchLabels"]!["app"]!);
            Assert.Equal("management", (string)monitor["spec"]!["podMetricsEndpoints"]![0]!["port"]!);
        }
    }

    private static IEnumerable<JsonNode> AllRules() => Rules["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).Select(rule => rule!);

    private static IEnumerable<string> Unknown(string expression)
    {
        var known = DocumentedInstrument.All.SelectMany(instrument => instrument.SampleNames).Concat(AllRules().Select(rule => (string?)rule["record"]).OfType<string>()).Append("up").ToHashSet();
        // What is left without label selectors, texts, grouping clauses and functions are metrics.
        var bare = Groupings().Replace(Texts().Replace(expression, ""), " ");
        return Words().Matches(Selectors().Replace(bare, " ")).Select(match => match.Value).Where(word => !known.Contains(word)).Select(word => $"{word} in {expression}");
    }

    private static IEnumerable<JsonNode> Panels(JsonNode dashboard) => dashboard["panels"]!.AsArray().Select(panel => panel!);

    private static JsonNode LoadDashboard(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "grafana", file)))!;

    private static JsonNode Load(string file) => YamlJson.Parse(File.ReadAllText(Path.Combine(Folder, file))).Single().Document;

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Texts();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]")]
    private static partial Regex Selectors();

    [GeneratedRegex(@"\b(by|on)\s*\([^)]*\)|,\s*(namespace|bluegreen|scaler)\)|(?<![\w:])(and|or|unless|sum|max|min|count|rate|increase|changes|absent|max_over_time|histogram_quantile|label_values)(?![\w:])")]
    private static partial Regex Groupings();

    [GeneratedRegex(@"(?<![\w:.])[a-zA-Z_:][\w:]*")]
    private static partial Regex Words();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NotInAnchors();
}
