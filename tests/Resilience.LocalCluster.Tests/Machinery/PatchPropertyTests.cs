using System.Text.Json.Nodes;
using CsCheck;
using Resilience.LocalCluster.Machinery.Patching;
using Resilience.LocalCluster.Machinery.Schema;

namespace Resilience.LocalCluster.Tests.Machinery;

/// <summary>Promises of the patch types that hold for any documents.</summary>
public sealed class PatchPropertyTests
{
    private static readonly Gen<string> Key = Pick("a", "b", "c", "a/b", "m~n", "");
    private static readonly Gen<Func<JsonNode?>> Leaf = Either(
        Gen.Int[0, 3].Select(n => (Func<JsonNode?>)(() => JsonValue.Create(n))),
        Pick("x", "y", "").Select(s => (Func<JsonNode?>)(() => JsonValue.Create(s))),
        Gen.Bool.Select(b => (Func<JsonNode?>)(() => JsonValue.Create(b))));

    private static readonly FieldSchema Containers = BuiltInSchemas.Named("PodSpec").AsField();

    [Fact]
    public void MergePatch_OfTheDifference_LeadsToTheOther_AndTwiceIsOnce() =>
        Gen.Select(Document(3, nulls: false), Document(3, nulls: false)).Sample((from, to) =>
        {
            var patch = MergeDifference(from(), to());
            var once = from();
            MergePatch.Apply(once, patch);
            AssertSame(to(), once);
            var twice = once.DeepClone().AsObject();
            MergePatch.Apply(twice, patch);
            AssertSame(once, twice);
        });

    [Fact]
    public void MergePatch_AnyPatch_AppliedTwice_IsAppliedOnce() =>
        Gen.Select(Document(3, nulls: false), Document(3, nulls: true)).Sample((document, patch) =>
        {
            var once = document();
            MergePatch.Apply(once, patch());
            var twice = once.DeepClone().AsObject();
            MergePatch.Apply(twice, patch());
            AssertSame(once, twice);
        });

    [Fact]
    public void JsonPatch_OfTheDifference_LeadsToTheOther_AndLeavesTheOriginalAlone() =>
        Gen.Select(Document(3, nulls: true), Document(3, nulls: true)).Sample((from, to) =>
        {
            var operations = new JsonArray();
            JsonDifference("", from(), to(), operations);
            AssertSame(to(), JsonPatch.Apply(from(), operations));
            AssertSame(from(), JsonPatch.Apply(from(), []));
        });

    [Fact]
    public void StrategicMerge_OfNamedContainers_KeepsTheOthers_PutsNewOnesFirst_AndTwiceIsOnce() =>
        Gen.Select(Pick("a", "b", "c", "d").Array[0, 4], Pick("a", "b", "c", "d", "e").Array[1, 4], Gen.Int[0, 9]).Sample((have, want, image) =>
        {
            var (before, named) = (have.Distinct().ToList(), want.Distinct().ToList());
            var patch = List(named, $"new{image}");
            var once = List(before, "old");
            StrategicMergePatch.Apply(once, patch, Containers);
            var after = once["containers"]!.AsArray();
            Assert.Equal(before.Union(named).Order(), Names(after).Order());
            Assert.All(after, c => Assert.Equal(named.Contains((string)c!["name"]!) ? $"new{image}" : "old", (string?)c["image"]));
            Assert.Equal(before.Except(named), Names(after).Except(named));   // the unnamed keep their order
            if (!before.Intersect(named).Any())
            {
                Assert.Equal(named.Concat(before), Names(after));
            }

            var twice = once.DeepClone().AsObject();
            StrategicMergePatch.Apply(twice, patch, Containers);
            AssertSame(once, twice);
        });

    [Fact]
    public void StrategicMerge_DeletingWhatWasAdded_RestoresTheList() =>
        Gen.Select(Pick("a", "b", "c").Array[0, 3], Pick("x", "y").Array[1, 2]).Sample((have, added) =>
        {
            var before = List([.. have.Distinct()], "old");
            var document = before.DeepClone().AsObject();
            StrategicMergePatch.Apply(document, List([.. added.Distinct()], "new"), Containers);
            var removal = new JsonObject
            {
                ["containers"] = new JsonArray([.. added.Distinct().Select(n => new JsonObject { ["name"] = n, ["$patch"] = "delete" })]),
            };
            StrategicMergePatch.Apply(document, removal, Containers);
            AssertSame(before, document);
        });

    private static Gen<string> Pick(params string[] values) => Gen.Int[0, values.Length - 1].Select(n => values[n]);

    private static Gen<Func<JsonNode?>> Either(params Gen<Func<JsonNode?>>[] kinds) => Gen.Int[0, kinds.Length - 1].SelectMany(n => kinds[n]);

    private static JsonObject List(IReadOnlyList<string> names, string image) =>
        new() { ["containers"] = new JsonArray([.. names.Select(n => new JsonObject { ["name"] = n, ["image"] = image })]) };

    private static IEnumerable<string> Names(JsonArray list) => list.Select(c => (string)c!["name"]!);

    /// <summary>Documents come as functions: a node belongs to one tree only.</summary>
    private static Gen<Func<JsonObject>> Document(int depth, bool nulls) =>
        Gen.Select(Key, Value(depth - 1, nulls)).Array[0, 4].Select(fields => (Func<JsonObject>)(() =>
            new JsonObject(fields.DistinctBy(f => f.Item1).Select(f => KeyValuePair.Create(f.Item1, f.Item2())))));

    private static Gen<Func<JsonNode?>> Value(int depth, bool nulls)
    {
        var list = Leaf.Array[0, 3].Select(items => (Func<JsonNode?>)(() => new JsonArray([.. items.Select(i => i())])));
        var simple = nulls ? Either(Leaf, list, Leaf.Select(_ => (Func<JsonNode?>)(() => null))) : Either(Leaf, list);
        return depth <= 0 ? simple : Either(simple, Document(depth, nulls).Select(d => (Func<JsonNode?>)(() => d())));
    }

    private static JsonObject MergeDifference(JsonObject from, JsonObject to)
    {
        var patch = new JsonObject();
        foreach (var key in from.Select(f => f.Key).Where(k => !to.ContainsKey(k)))
        {
            patch[key] = null;
        }

        foreach (var (key, value) in to)
        {
            if (from[key] is JsonObject before && value is JsonObject after)
            {
                patch[key] = MergeDifference(before, after);
            }
            else if (!JsonNode.DeepEquals(from[key], value))
            {
                patch[key] = value?.DeepClone();
            }
        }

        return patch;
    }

    private static void JsonDifference(string path, JsonObject from, JsonObject to, JsonArray operations)
    {
        foreach (var (key, value) in from)
        {
            var at = $"{path}/{key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
            if (!to.ContainsKey(key))
            {
                operations.Add(new JsonObject { ["op"] = "remove", ["path"] = at });
            }
            else if (value is JsonObject before && to[key] is JsonObject after)
            {
                JsonDifference(at, before, after, operations);
            }
            else if (!JsonNode.DeepEquals(value, to[key]))
            {
                operations.Add(new JsonObject { ["op"] = "test", ["path"] = at, ["value"] = value?.DeepClone() });
                operations.Add(new JsonObject { ["op"] = "replace", ["path"] = at, ["value"] = to[key]?.DeepClone() });
            }
        }

        foreach (var (key, value) in to.Where(f => !from.ContainsKey(f.Key)))
        {
            var at = $"{path}/{key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
            operations.Add(new JsonObject { ["op"] = "add", ["path"] = at, ["value"] = value?.DeepClone() });
        }
    }

    private static void AssertSame(JsonNode? expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(expected, actual), $"expected {expected?.ToJsonString()}, got {actual?.ToJsonString()}");
}
