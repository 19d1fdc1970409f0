using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Tests.Storage;

public sealed class ObjectStoreTests
{
    private readonly ObjectStore _store = new(new FakeTimeProvider(), historyLength: 4);

    [Fact]
    public void Create_FillsInTheServersFields()
    {
        var made = Create("a");

        Assert.Equal(1, made.ResourceVersion);
        Assert.Equal("1", made.Metadata.String("resourceVersion"));
        Assert.Equal("ConfigMap", made.Body.String("kind"));
        Assert.Equal("2000-01-01T00:00:00Z", made.Metadata.String("creationTimestamp"));
        Assert.True(Guid.TryParse(made.Uid, out _));
        Assert.Same(made, _store.Get(ResourceTypes.ConfigMaps, "ns", "a"));
    }

    [Fact]
    public void Create_ANameThatExists_IsRefused()
    {
        _ = Create("a");

        var refusal = Assert.Throws<StatusException>(() => Create("a"));

        Assert.True(refusal.IsAlreadyExists);
        Assert.Equal("configmaps \"a\" already exists", refusal.Message);
    }

    [Fact]
    public void Update_WithoutAChange_KeepsTheResourceVersion()
    {
        var made = Create("a");

        var same = _store.Update(ResourceTypes.ConfigMaps, "ns", "a", static body => body["data"] = new JsonObject { ["k"] = "v" });

        Assert.Same(made, same);
    }

    [Fact]
    public void Update_NeverTouchesTheRevisionOthersHold()
    {
        var made = Create("a");

        var changed = _store.Update(ResourceTypes.ConfigMaps, "ns", "a", static body => body["data"]!["k"] = "2");

        Assert.Equal("v", made.Body.String("data", "k"));
        Assert.Equal("2", changed.Body.String("data", "k"));
        Assert.Equal(2, changed.ResourceVersion);
    }

    [Fact]
    public void Update_WithAStaleResourceVersion_IsAConflict()
    {
        var made = Create("a");
        _ = _store.Update(ResourceTypes.ConfigMaps, "ns", "a", static body => body["data"]!["k"] = "2");

        var refusal = Assert.Throws<StatusException>(() => _store.Update(
            ResourceTypes.ConfigMaps, "ns", "a", static body => body["data"]!["k"] = "3", new Precondition(ResourceVersion: made.ResourceVersion)));

        Assert.Equal(409, refusal.Code);
    }

    [Fact]
    public async Task Update_FromManyThreads_LosesNothing()
    {
        _ = _store.Create(ResourceTypes.ConfigMaps, "ns", Body("counter", "0"));

        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                _ = _store.Update(ResourceTypes.ConfigMaps, "ns", "counter",
                    static body => body["data"]!["k"] = $"{int.Parse(body.String("data", "k")!, System.Globalization.CultureInfo.InvariantCulture) + 1}");
            }
        })));

        Assert.Equal("400", _store.Get(ResourceTypes.ConfigMaps, "ns", "counter")!.Body.String("data", "k"));
    }

    [Fact]
    public void Generation_CountsSpecChangesOnly()
    {
        _ = _store.Create(ResourceTypes.Deployments, "ns", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "d" },
            ["spec"] = new JsonObject { ["replicas"] = 1 },
        });

        var labelled = _store.Update(ResourceTypes.Deployments, "ns", "d", static body => body["metadata"]!["labels"] = new JsonObject { ["a"] = "b" });
        var scaled = _store.Update(ResourceTypes.Deployments, "ns", "d", static body => body["spec"]!["replicas"] = 2);
        var observed = _store.UpdateStatus(ResourceTypes.Deployments, "ns", "d", static body =>
        {
            body["status"] = new JsonObject { ["replicas"] = 2 };
            body["spec"]!["replicas"] = 9;
        });

        Assert.Equal([1L, 2L, 2L], [labelled.Metadata.Long("generation")!.Value, scaled.Metadata.Long("generation")!.Value, observed.Metadata.Long("generation")!.Value]);
        Assert.Equal(2, observed.Body.Int("spec", "replicas"));
        Assert.Equal(2, observed.Body.Int("status", "replicas"));
    }

    [Fact]
    public void Update_OfAKindWithStatus_LeavesTheStatus()
    {
        _ = _store.Create(ResourceTypes.Deployments, "ns", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "d" }, ["spec"] = new JsonObject() });

        var changed = _store.Update(ResourceTypes.Deployments, "ns", "d", static body => body["status"] = new JsonObject { ["replicas"] = 7 });

        Assert.Null(changed.Status);
    }

    [Fact]
    public void Delete_WithAFinalizer_WaitsForItsRemoval()
    {
        var body = Body("a", "v");
        body["metadata"]!["finalizers"] = new JsonArray("example.dev/hold");
        _ = _store.Create(ResourceTypes.ConfigMaps, "ns", body);

        var marked = _store.Delete(ResourceTypes.ConfigMaps, "ns", "a");
        Assert.True(marked.IsDeleting);
        Assert.NotNull(_store.Get(ResourceTypes.ConfigMaps, "ns", "a"));

        _ = _store.Update(ResourceTypes.ConfigMaps, "ns", "a", static b => b["metadata"]!.AsObject().Remove("finalizers"));
        Assert.Null(_store.Get(ResourceTypes.ConfigMaps, "ns", "a"));
    }

    [Fact]
    public void Delete_OfAPod_LeavesItToTheNode()
    {
        _ = _store.Create(ResourceTypes.Pods, "ns", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "p" },
            ["spec"] = new JsonObject { ["terminationGracePeriodSeconds"] = 30 },
        });

        var marked = _store.Delete(ResourceTypes.Pods, "ns", "p");
        Assert.Equal("2000-01-01T00:00:30Z", marked.Metadata.String("deletionTimestamp"));
        Assert.Equal(30, marked.Metadata.Long("deletionGracePeriodSeconds"));
        Assert.Same(marked, _store.Delete(ResourceTypes.Pods, "ns", "p"));   // a second request changes nothing

        _ = _store.Delete(ResourceTypes.Pods, "ns", "p", DeleteOptions.Now);
        Assert.Null(_store.Get(ResourceTypes.Pods, "ns", "p"));
    }

    [Fact]
    public async Task Watch_ReplaysHistoryThenFollows()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var made = Create("a");
        _ = _store.Update(ResourceTypes.ConfigMaps, "ns", "a", static body => body["data"]!["k"] = "2");
        using var watch = _store.Watch(ResourceTypes.ConfigMaps, made.ResourceVersion);
        _ = _store.Delete(ResourceTypes.ConfigMaps, "ns", "a");

        var first = await watch.Events.ReadAsync(cancellationToken);
        var second = await watch.Events.ReadAsync(cancellationToken);

        Assert.Equal((StoreEventType.Modified, 2L), (first.Type, first.Object.ResourceVersion));
        Assert.Equal((StoreEventType.Deleted, 3L), (second.Type, second.Object.ResourceVersion));
        Assert.Same(first.Object, second.Previous);
    }

    [Fact]
    public void Watch_FromBeforeTheHistory_IsExpired()
    {
        foreach (var name in (string[])["a", "b", "c", "d", "e"])
        {
            _ = Create(name);
        }

        Assert.Equal(410, Assert.Throws<StatusException>(() => _store.Watch(ResourceTypes.ConfigMaps, 0)).Code);
        _store.Watch(ResourceTypes.ConfigMaps, 1).Dispose();   // the oldest that is still complete
    }

    /// <summary>Whoever watched a cluster that has been started anew asks for a revision of the old one, and must list again.</summary>
    [Fact]
    public void Watch_FromAnEarlierStoresRevision_IsExpired()
    {
        var store = new ObjectStore(new FakeTimeProvider(), before: 1_000);
        Assert.Equal(1_001, store.Create(ResourceTypes.ConfigMaps, "ns", Body("a", "v")).ResourceVersion);

        Assert.Equal(410, Assert.Throws<StatusException>(() => store.Watch(ResourceTypes.ConfigMaps, 999)).Code);
        store.Watch(ResourceTypes.ConfigMaps, store.Beginning).Dispose();
    }

    [Fact]
    public async Task Watch_ThatFallsBehind_IsCutOff()
    {
        _ = Create("a");
        using var watch = _store.Watch(ResourceTypes.ConfigMaps, 1);
        for (var i = 0; i <= ObjectStore.WatchBuffer; i++)
        {
            _ = _store.Update(ResourceTypes.ConfigMaps, "ns", "a", body => body["data"]!["k"] = $"n{i}");
        }

        var seen = 0;
        var refusal = await Assert.ThrowsAsync<StatusException>(async () =>
        {
            await foreach (var _ in watch.Events.ReadAllAsync(TestContext.Current.CancellationToken))
            {
                seen++;
            }
        });

        Assert.Equal((410, ObjectStore.WatchBuffer), (refusal.Code, seen));
    }

    private StoredObject Create(string name) => _store.Create(ResourceTypes.ConfigMaps, "ns", Body(name, "v"));

    private static JsonObject Body(string name, string value) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = name },
        ["data"] = new JsonObject { ["k"] = value },
    };
}
