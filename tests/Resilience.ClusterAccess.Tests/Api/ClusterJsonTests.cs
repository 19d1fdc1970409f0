using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Api;

public sealed class ClusterJsonTests
{
    private static readonly IReadOnlyList<(ResourceType Type, Type Model)> Kinds =
        [.. typeof(ResourceTypes).GetProperties().Select(property => ((ResourceType)property.GetValue(null)!, property.PropertyType.GetGenericArguments()[0]))];

    public static TheoryData<Type> Models => [.. Kinds.Select(kind => kind.Model)];

    public static TheoryData<Type> OwnModels =>
    [
        .. typeof(BlueGreen).Assembly.GetExportedTypes().Where(type => type is { Namespace: "Resilience.ClusterAccess.Resources", IsAbstract: false, ContainsGenericParameters: false }
            && !type.IsAssignableTo(typeof(System.Text.Json.Serialization.JsonConverter))),
        typeof(SlotPair<SlotSpec>),
    ];

    [Theory]
    [MemberData(nameof(Models))]
    public void EveryKind_CanBeReadWrittenAndListed(Type model)
    {
        Assert.NotEmpty(ClusterJson.Options.GetTypeInfo(model).Properties);
        Assert.NotEmpty(ClusterJson.Options.GetTypeInfo(typeof(ListPage<>).MakeGenericType(model)).Properties);
    }

    /// <summary>Generated metadata sets init-only properties whether they were in the JSON or not.</summary>
    [Theory]
    [MemberData(nameof(OwnModels))]
    public void WhatTheJsonLeavesOut_HasTheModelsDefault(Type model)
    {
        var read = JsonSerializer.Deserialize("{}", model, ClusterJson.Options);
        Assert.Equal(
            JsonSerializer.Serialize(Activator.CreateInstance(model), model, ClusterJson.Options),
            JsonSerializer.Serialize(read, model, ClusterJson.Options));
    }

    [Fact]
    public void ShippedObjects_ReadAndWritten_AreWhatKubernetesClientMakesOfThem()
    {
        var compared = 0;
        foreach (var manifest in new[] { "traditional", "intelligent" }.SelectMany(overlay => ManifestSet.Load(Path.Combine(Repository.Root, "k8s", overlay)).Items))
        {
            if (Kinds.FirstOrDefault(kind => kind.Type.Kind == manifest.Kind).Model is { Namespace: "k8s.Models" } model)
            {
                AssertSame(model, manifest.Body.ToJsonString());
                compared++;
            }
        }

        Assert.True(compared > 20, $"{compared} compared");
    }

    [Theory]
    [InlineData(typeof(V1Pod), """{"metadata":{"name":"a","creationTimestamp":"2026-11-30T03:40:30Z","deletionTimestamp":"2026-11-30T03:40:31Z","managedFields":[{"fieldsV1":{"f:a":{}},"time":"2026-11-30T03:40:30Z"}]},"spec":{"containers":[{"name":"c","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"500m","memory":"1Gi"}},"livenessProbe":{"httpGet":{"port":"http"}}}]},"status":{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-30T03:40:30Z"}],"podIP":"10.0.0.1"},"later":{"x":1}}""")]
    [InlineData(typeof(V1Lease), """{"metadata":{"name":"l"},"spec":{"holderIdentity":"a","leaseDurationSeconds":5,"acquireTime":"2026-11-30T03:40:30.123456Z","renewTime":"2026-11-30T03:40:30.000000Z","leaseTransitions":3}}""")]
    [InlineData(typeof(Corev1Event), """{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod"},"eventTime":"2026-11-30T03:40:30.123456789Z","firstTimestamp":null,"count":2,"message":"it's > 1"}""")]
    [InlineData(typeof(V1Secret), """{"metadata":{"name":"s"},"data":{"token":"c2VjcmV0"}}""")]
    [InlineData(typeof(V1EndpointSlice), """{"addressType":"IPv4","metadata":{"name":"s"},"endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true},"targetRef":{"kind":"Pod"}}],"ports":[{"port":80}]}""")]
    public void TimesQuantitiesAndUnknownFields_AreWhatKubernetesClientMakesOfThem(Type model, string json) => AssertSame(model, json);

    private static void AssertSame(Type model, string json)
    {
        var theirs = typeof(KubernetesJson).GetMethods().Single(method => method.Name == nameof(KubernetesJson.Deserialize) && method.GetParameters()[0].ParameterType == typeof(string))
            .MakeGenericMethod(model).Invoke(null, [json, null])!;
        var ours = JsonSerializer.Deserialize(json, model, ClusterJson.Options);
        var written = JsonSerializer.SerializeToNode(ours, model, ClusterJson.Options);
        var expected = JsonNode.Parse(KubernetesJson.Serialize(theirs));
        Assert.True(JsonNode.DeepEquals(expected, written), $"{model.Name}: {written!.ToJsonString()}\nexpected {expected!.ToJsonString()}");
    }
}
