using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.Manifests.Tests.Schemas;

namespace Resilience.Manifests.Tests;

/// <summary>Every manifest against the schema of its kind, and the checker against mistakes made on purpose.</summary>
public sealed class ManifestSchemaTests
{
    private const string NoDocuments = "no folder shared/kubernetes/openapi beside the repository, so there is no real server's word to compare with";

    private static readonly ManifestValidator Validator = new(ShippedManifests.Shapes(new BuiltInShapes()));

    public static TheoryData<string> Files => [.. ShippedManifests.Files];

    [Theory, MemberData(nameof(Files))]
    public void Manifest_FitsTheSchemaOfItsKind(string file) => Expect(Validator.Validate(file, ShippedManifests.Read(file)));

    [Theory, MemberData(nameof(Files))]
    public void Manifest_FitsTheDocumentsOfARealServer(string file)
    {
        if (OpenApiShapes.FromRealServer() is not { } real)
        {
            Assert.Skip(NoDocuments);
            return;
        }

        // The recorded server's documents do not have every group; those kinds are left to the compact schemas.
        var shapes = ShippedManifests.Shapes(new ShapesInTurn(real, new BuiltInShapes()));
        Expect(new ManifestValidator(shapes).Validate(file, ShippedManifests.Read(file)));
    }

    /// <summary>One row is a file, what it says, what is written instead, and what must be found.</summary>
    [Theory]
    [InlineData("k8s/base/web-blue.yaml", "progressDeadlineSeconds: 120", "progressDeadlineSecond: 120", "spec.progressDeadlineSecond: unknown field")]
    [InlineData("k8s/base/web-blue.yaml", "replicas: 2", "replicas: \"2\"", "spec.replicas: expected a whole number, found the word \"2\"")]
    [InlineData("k8s/base/web-blue.yaml", "value: \"250\"", "value: 250", "spec.template.spec.containers[0].env[5].value: expected a word (put it in quotes), found the number 250")]
    [InlineData("k8s/base/web-blue.yaml", "- name: web\n          image", "- image", "spec.template.spec.containers[0].name: is required")]
    [InlineData("k8s/base/web-blue.yaml", "maxSkew: 1", "maxSkew: 1.5", "topologySpreadConstraints[0].maxSkew: expected a whole number, found the number 1.5")]
    [InlineData("k8s/base/web-blue.yaml", "imagePullPolicy: IfNotPresent", "imagePullPolicy: IfAbsent", "imagePullPolicy: \"IfAbsent\" is not one of Always, IfNotPresent, Never")]
    [InlineData("k8s/base/web-blue.yaml", "memory: 96Mi", "memory: 96MiB", "resources.requests.memory: expected a quantity such as 40m or 256Mi, found the word \"96MiB\"")]
    [InlineData("k8s/base/web-blue.yaml", "            drop:\n                - ALL", "            drop: ALL", "capabilities.drop: expected a list")]
    [InlineData("k8s/base/web-blue.yaml", "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n", "uplicate")]
    [InlineData("k8s/base/web-blue.yaml", "runAsNonRoot: true", "runAsNonRoot: yes", "runAsNonRoot: 'yes' is ambiguous")]
    [InlineData("k8s/base/web-blue.yaml", "whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: Anyway", "whenUnsatisfiable: \"Anyway\" is not one of")]
    [InlineData("k8s/base/web-service.yaml", "type: NodePort", "type: Nodeport", "spec.type: \"Nodeport\" is not one of")]
    [InlineData("k8s/base/web-service.yaml", "targetPort: 8080", "targetPort: [8080]", "spec.ports[0].targetPort: expected a whole number or a word, found a list")]
    [InlineData("k8s/base/web-service.yaml", "      port: 80\n", "", "spec.ports[0].port: is required")]
    [InlineData("k8s/base/web-faults.yaml", "stringData:", "data:", "data.token: is not base64")]
    [InlineData("k8s/base/priorityclasses.yaml", "value: 100000\n", "", "value: is required")]
    [InlineData("k8s/base/networkpolicy-web.yaml", "protocol: TCP, port: 8080", "protocol: tcp, port: 8080", "ports[0].protocol: \"tcp\" is not one of SCTP, TCP, UDP")]
    [InlineData("k8s/base/networkpolicy-web.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: [ingress]", "spec.policyTypes[0]: \"ingress\" is not one of")]
    [InlineData("k8s/traditional/hpa-web-blue.yaml", "maxReplicas: 5", "", "spec.maxReplicas: is required")]
    [InlineData("k8s/traditional/hpa-web-blue.yaml", "selectPolicy: Max", "selectPolicy: Most", "behavior.scaleUp.selectPolicy: \"Most\" is not one of")]
    [InlineData("k8s/traditional/pdb-web-blue.yaml", "apiVersion: policy/v1", "apiVersion: policy/v2", "no schema for PodDisruptionBudget in policy/v2")]
    [InlineData("k8s/traditional/rbac-failover-watcher.yaml", "kind: ClusterRole\n  name: failover-watcher", "kind: ClusterRole", "roleRef.name: is required")]
    [InlineData("k8s/traditional/bluegreen-web.yaml", "mode: Auto", "mode: auto", "spec.mode: \"auto\" is not one of Auto, Observe, Paused")]
    [InlineData("k8s/traditional/bluegreen-web.yaml", "stableFor: 60s", "stableFor: 60", "spec.failback.stableFor: expected a word (put it in quotes), found the number 60")]
    [InlineData("k8s/traditional/bluegreen-web.yaml", "stableFor: 60s", "stableFor: 60 s", "spec.failback.stableFor: \"60 s\" does not match")]
    [InlineData("k8s/traditional/bluegreen-web.yaml", "service: web", "services: web", "spec.services: unknown field")]
    [InlineData("k8s/traditional/bluegreen-web.yaml", "failures: 3", "failures: 0", "spec.health.probe.failures: 0 is out of range")]
    [InlineData("k8s/crds/bluegreens.yaml", "scope: Namespaced", "scope: namespaced", "spec.scope: \"namespaced\" is not one of Cluster, Namespaced")]
    [InlineData("k8s/crds/bluegreens.yaml", "served: true", "serve: true", "served: is required")]
    public void Mistake_IsFound_WithItsPlace(string file, string original, string mistake, string expected)
    {
        var text = ShippedManifests.Read(file);
        var at = text.IndexOf(original, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{file} no longer contains '{original}'; write this row anew");
        var problems = Validator.Validate(file, text[..at] + mistake + text[(at + original.Length)..]);
        var found = Assert.Single(problems, p => p.ToString().Contains(expected, StringComparison.Ordinal));
        Assert.Equal(file, found.File);
        var line = text[..at].Count(c => c == '\n') + 1;
        Assert.InRange(found.Line, 1, line + 2);   // a missing field is reported where its object begins
    }

    /// <summary>The compact schemas are the documents' facts: same fields, same types, same required fields, same permitted values.</summary>
    [Fact]
    public void CompactSchemas_AgreeWithTheDocumentsOfARealServer()
    {
        if (OpenApiShapes.FromRealServer() is not { } real)
        {
            Assert.Skip(NoDocuments);
            return;
        }

        var differences = new List<string>();
        var compared = 0;
        foreach (var (name, schema) in real.Schemas)
        {
            var type = name[(name.LastIndexOf('.') + 1)..];
            if (BuiltInSchemas.All.TryGetValue(type, out var ours) && !name.Contains(".events.", StringComparison.Ordinal) && !name.Contains(".autoscaling.v1.", StringComparison.Ordinal))
            {
                compared++;
                Compare(type, schema, ours, differences);
            }
        }

        Assert.True(compared > 150, $"only {compared} types were compared");
        Assert.Empty(differences);
    }

    private static void Compare(string type, JsonObject schema, TypeSchema ours, List<string> differences)
    {
        // Volumes of a real cluster come from many sources; those that nothing here can mount are left out.
        var fields = schema["properties"]?.AsObject() ?? [];
        foreach (var (field, described) in fields)
        {
            if (!ours.Fields.TryGetValue(field, out var known))
            {
                if (type != "Volume")
                {
                    differences.Add($"{type}.{field} is missing");
                }

                continue;
            }

            if (KindOf(described!.AsObject()) is { } kind && kind != known.Kind)
            {
                differences.Add($"{type}.{field} is a {known.Kind}, the documents say {kind}");
            }

            var listed = ((described!["enum"] ?? described["items"]?["enum"])?.AsArray() ?? []).Select(v => (string?)v ?? "").Order(StringComparer.Ordinal);
            var permitted = BuiltInShapes.Enums.TryGetValue($"{type}.{field}", out var values) && values.Documented ? values.Values : [];
            if (!listed.SequenceEqual(permitted.Order(StringComparer.Ordinal)))
            {
                differences.Add($"{type}.{field}: permitted values differ");
            }
        }

        differences.AddRange(ours.Fields.Keys.Where(f => !fields.ContainsKey(f)).Select(f => $"{type}.{f} is not in the documents"));
        var required = (schema["required"]?.AsArray() ?? []).Select(r => (string)r!).Order(StringComparer.Ordinal);
        if (!required.SequenceEqual(ours.Fields.Where(f => f.Value.Required).Select(f => f.Key).Order(StringComparer.Ordinal)))
        {
            differences.Add($"{type}: required fields differ");
        }
    }

    /// <summary>Null where the documents refer to another type, which is compared in its own right.</summary>
    private static FieldKind? KindOf(JsonObject schema) => ((string?)schema["type"], (string?)schema["format"]) switch
    {
        ("string", "date-time") => null,   // whole or fractional seconds look the same
        ("string", "byte") => FieldKind.Bytes,
        ("string", _) => FieldKind.String,
        ("integer", "int64") => FieldKind.Int64,
        ("integer", _) => FieldKind.Int,
        ("boolean", _) => FieldKind.Bool,
        ("array", _) => FieldKind.List,
        ("object", _) when schema["additionalProperties"] is not null => FieldKind.Map,
        _ => null,
    };

    private static void Expect(IReadOnlyList<ManifestProblem> problems) => Assert.True(problems.Count == 0, string.Join('\n', problems));
}
