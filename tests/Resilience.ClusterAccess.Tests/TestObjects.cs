using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Informers;

namespace Resilience.ClusterAccess.Tests;

internal static class TestObjects
{
    public static JsonObject ConfigMap(string name, string value = "1", string ns = "apps") => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns },
        ["data"] = new JsonObject { ["value"] = value },
    };

    public static Informer<V1ConfigMap> Informer(ClusterApi api, TimeProvider clock, InformerOptions? options = null, string? ns = "apps") =>
        new(api, ResourceTypes.ConfigMaps, new ResourceScope(ns), options ?? new InformerOptions { Seed = 1 }, clock, NullLogger<Informer<V1ConfigMap>>.Instance);
}
