using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Manifests;

public sealed class ManifestApplierTests : IDisposable
{
    private static readonly ResourceType Shapes = new("shapes.test", "v1", "shapes", "Shape", Namespaced: true);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("applier-");
    private readonly FakeApiServer _server = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly List<ApplyProgress> _progress = [];
    private bool _isServed;

    public ManifestApplierTests() => _server.Custom = Discover;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Apply_Twice_ChangesNothingTheSecondTime()
    {
        var set = Write(Namespace("shop"), Map("a"), Map("b", ns: "shop"));
        var first = await ApplyAsync(set);
        Assert.All(_progress, p => Assert.Equal(ApplyOutcome.Created, p.Outcome));
        Assert.Equal([(1, 3), (2, 3), (3, 3)], _progress.Select(p => (p.Done, p.Total)));
        Assert.Equal(["", "apps", "shop"], first.Select(a => a.Namespace ?? ""));
        var version = Version("a");

        _progress.Clear();
        var second = await ApplyAsync(set);

        Assert.All(_progress, p => Assert.Equal(ApplyOutcome.Unchanged, p.Outcome));
        Assert.All(second, a => Assert.True(a.Existed));
        Assert.Equal(first.Select(a => a.Uid), second.Select(a => a.Uid));
        Assert.Equal(version, Version("a"));
        Assert.All(_server.Requests.Where(r => r.IsWrite), r => Assert.Equal(("PATCH", "lab", "true"), (r.Method, r.Query["fieldManager"], r.Query["force"])));
    }

    [Fact]
    public async Task Apply_ChangedManifest_ConfiguresThatObjectAlone()
    {
        _ = await ApplyAsync(Write(Map("a"), Map("b")));
        _progress.Clear();
        _ = await ApplyAsync(Write(Map("a"), Map("b", value: "2")));
        Assert.Equal([ApplyOutcome.Unchanged, ApplyOutcome.Configured], _progress.Select(p => p.Outcome));
    }

    [Fact]
    public async Task Apply_CustomResource_WaitsUntilItsDefinitionIsEstablishedAndServed()
    {
        var applying = ApplyAsync(Write(Map("a"), Shape("round"), Definition()));   // the definition is written last and goes first
        var asked = 0;
        _server.Inject = request =>
        {
            asked += request.Path.EndsWith("customresourcedefinitions/shapes.shapes.test", StringComparison.Ordinal) && request.Method == "GET" ? 1 : 0;
            return RequestFault.None;
        };
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(50), () => asked >= 3, "it asks again");
        Assert.Equal(["CustomResourceDefinition"], _progress.Select(p => p.Manifest.Kind));

        Establish();
        var before = asked;
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(50), () => asked >= before + 3, "established is not enough: discovery lags");
        Assert.Single(_progress);
        _isServed = true;
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(50), () => applying.IsCompleted, "it goes on");

        _ = await applying;
        Assert.Equal(["CustomResourceDefinition", "ConfigMap", "Shape"], _progress.Select(p => p.Manifest.Kind));
        Assert.NotNull(_server.Get(Shapes, "apps", "round"));
    }

    [Fact]
    public async Task Apply_DefinitionIsNeverEstablished_GivesUpAndNamesIt()
    {
        var applying = ApplyAsync(Write(Definition(), Shape("round")));
        await Eventually.AfterAsync(_clock, TimeSpan.FromSeconds(1), () => applying.IsCompleted, "it gives up");
        var refusal = await Assert.ThrowsAsync<ManifestException>(() => applying);
        Assert.Contains("CustomResourceDefinition shapes.shapes.test (", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("0.yaml:1): not established within 30 s", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_UnknownKind_NamesFileAndDocument()
    {
        var refusal = await Assert.ThrowsAsync<ManifestException>(() => ApplyAsync(Write(Map("a"), Shape("round"))));
        Assert.Contains("Shape round (", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("1.yaml:1): the cluster has no such namespace or no kind Shape in shapes.test/v1", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public async Task Apply_Refused_NamesTheObjectAndWhatWentBeforeCanBeTakenBack()
    {
        _server.Inject = request => request.Method == "PATCH" && request.Path.EndsWith("/b", StringComparison.Ordinal) ? RequestFault.ServerError : RequestFault.None;
        var refusal = await Assert.ThrowsAsync<ManifestException>(() => ApplyAsync(Write(Map("a"), Map("b"), Map("c"))));
        Assert.EndsWith("1.yaml:1): etcd is unwell", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(1, await DeleteAsync([.. _progress.Select(p => p.Item)]));
        Assert.Empty(_server.All(ResourceTypes.ConfigMaps));
    }

    [Fact]
    public async Task Delete_TakesAwayExactlyWhatWasCreatedInReverseOrder()
    {
        _ = _server.Put(ResourceTypes.ConfigMaps, TestObjects.ConfigMap("mine-before"));
        var applied = await ApplyAsync(Write(Map("mine-before"), Map("a"), Map("replaced"), Map("gone")));
        _ = _server.Remove(ResourceTypes.ConfigMaps, "apps", "gone");
        _ = _server.Remove(ResourceTypes.ConfigMaps, "apps", "replaced");
        _ = _server.Put(ResourceTypes.ConfigMaps, TestObjects.ConfigMap("replaced", "somebody else's"));
        _server.Requests.Clear();

        Assert.Equal(1, await DeleteAsync(applied));

        Assert.Equal(["mine-before", "replaced"], _server.All(ResourceTypes.ConfigMaps).Select(m => (string?)m["metadata"]!["name"]).Order());
        Assert.Equal(["gone", "replaced", "a"], _server.Requests.Where(r => r.Method == "DELETE").Select(r => r.Path.Split('/')[^1]));
        Assert.Equal(0, await DeleteAsync(applied));   // again: nothing left to do
    }

    [Fact]
    public async Task Delete_KindIsGone_GoesOn()
    {
        AppliedObject[] applied = [new("v1", "ConfigMap", "apps", "a", "uid-1", Existed: false), new("shapes.test/v1", "Shape", "apps", "round", "uid-2", Existed: false)];
        Assert.Equal(0, await DeleteAsync(applied));
    }

    private static string Namespace(string name) => $"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n";

    private static string Map(string name, string value = "1", string? ns = null) =>
        $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{(ns is null ? "" : ", namespace: " + ns)}}}\ndata: {{value: '{value}'}}\n";

    private static string Shape(string name) => $"apiVersion: shapes.test/v1\nkind: Shape\nmetadata: {{name: {name}}}\n";

    private static string Definition() =>
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: shapes.shapes.test}\n"
        + "spec: {group: shapes.test, scope: Namespaced, names: {kind: Shape, plural: shapes}, versions: [{name: v1, served: true, storage: true}]}\n";

    private void Establish()
    {
        var definition = _server.Get(ResourceTypes.CustomResourceDefinitions, null, "shapes.shapes.test")!;
        definition["status"] = JsonNode.Parse("""
            {"conditions":[{"type":"Established","status":"True"}],"acceptedNames":{"kind":"Shape","plural":"shapes"},"storedVersions":["v1"]}
            """);
        _ = _server.Put(ResourceTypes.CustomResourceDefinitions, definition);
    }

    private (HttpStatusCode Status, JsonNode Body)? Discover(FakeRequest request) => request.Path switch
    {
        "/api/v1" => (HttpStatusCode.OK, Resources(("configmaps", "ConfigMap", true), ("namespaces", "Namespace", false), ("namespaces/status", "Namespace", false))),
        "/apis/apiextensions.k8s.io/v1" => (HttpStatusCode.OK, Resources(("customresourcedefinitions", "CustomResourceDefinition", false))),
        "/apis/shapes.test/v1" => _isServed ? (HttpStatusCode.OK, Resources(("shapes", "Shape", true)))
            : (HttpStatusCode.NotFound, new JsonObject { ["kind"] = "Status", ["message"] = "not found", ["reason"] = "NotFound", ["code"] = 404 }),
        _ => null,
    };

    private static JsonObject Resources(params (string Name, string Kind, bool Namespaced)[] kinds) => new()
    {
        ["kind"] = "APIResourceList",
        ["resources"] = new JsonArray([.. kinds.Select(k => new JsonObject { ["name"] = k.Name, ["kind"] = k.Kind, ["namespaced"] = k.Namespaced })]),
    };

    private ManifestSet Write(params string[] documents)
    {
        for (var i = 0; i < documents.Length; i++)
        {
            File.WriteAllText(Path.Combine(_folder.FullName, $"{i}.yaml"), documents[i]);
        }

        var listed = string.Join(", ", Enumerable.Range(0, documents.Length).Select(i => $"{i}.yaml"));
        File.WriteAllText(Path.Combine(_folder.FullName, "kustomization.yaml"), $"resources: [{listed}]");
        return ManifestSet.Load(_folder.FullName);
    }

    private ManifestApplier Applier() => new(_server.Connect(_clock, TimeSpan.FromDays(1)), _clock);

    private Task<IReadOnlyList<AppliedObject>> ApplyAsync(ManifestSet set) => Applier().ApplyAsync(set, "apps", _progress.Add, TestContext.Current.CancellationToken);

    private Task<int> DeleteAsync(IReadOnlyList<AppliedObject> applied) => Applier().DeleteAsync(applied, TestContext.Current.CancellationToken);

    private string? Version(string map) => (string?)_server.Get(ResourceTypes.ConfigMaps, "apps", map)!["metadata"]!["resourceVersion"];
}
