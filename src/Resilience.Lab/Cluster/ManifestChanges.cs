using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Cluster;

/// <summary>Changes that an experiment makes to the shipped manifests before they are applied; the files stay as they are.</summary>
internal static class ManifestChanges
{
    public static ManifestSet With(this ManifestSet set, SetupSpec setup)
    {
        foreach (var (name, replicas) in setup.Replicas)
        {
            set = set.Merge("Deployment", name, new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } });
        }

        foreach (var (name, variables) in setup.Env)
        {
            set = set.WithEnvironment(name, variables);
        }

        foreach (var (name, quantity) in setup.Cpu)
        {
            set = set.EachContainer(name, container => MergeInto(
                container, new JsonObject { ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["cpu"] = quantity } } }));
        }

        foreach (var patch in setup.Patches)
        {
            set = set.Merge(patch.Kind, patch.Name, patch.Merge);
        }

        return set;
    }

    public static ManifestSet Without(this ManifestSet set, string kind, string name) =>
        set.Select(manifest => manifest.Kind == kind && manifest.Name == name ? null : manifest);

    /// <summary>The shipped images under another prefix or tag: <c>resilience-web:latest</c> becomes <c>PREFIX/resilience-web:TAG</c>.</summary>
    /// <param name="prefix">Registry and path; null leaves it out.</param>
    /// <param name="tag">Null keeps the manifest's.</param>
    public static ManifestSet WithImages(this ManifestSet set, string? prefix, string? tag) => prefix is null && tag is null ? set : set.Select(manifest =>
    {
        if (manifest.Body["spec"]?["template"]?["spec"] is not JsonObject)
        {
            return manifest;
        }

        var body = (JsonObject)manifest.Body.DeepClone();
        foreach (var container in (body["spec"]!["template"]!["spec"]!["containers"] as JsonArray ?? []).OfType<JsonObject>())
        {
            if ((string?)container["image"] is { } image && image.StartsWith("resilience-", StringComparison.Ordinal))
            {
                var (name, given) = image.Split(':', 2) is [var first, var second] ? (first, second) : (image, "latest");
                container["image"] = $"{(prefix is null ? string.Empty : prefix.TrimEnd('/') + "/")}{name}:{tag ?? given}";
            }
        }

        return manifest with { Body = body };
    });

    /// <summary>Auto, Observe or Paused in every BlueGreen and PredictiveAutoscaler.</summary>
    public static ManifestSet WithMode(this ManifestSet set, string mode) => set.Select(manifest =>
    {
        if (manifest.Kind is not ("BlueGreen" or "PredictiveAutoscaler"))
        {
            return manifest;
        }

        var body = (JsonObject)manifest.Body.DeepClone();
        MergeInto(body, new JsonObject { ["spec"] = new JsonObject { ["mode"] = mode } });
        return manifest with { Body = body };
    });

    /// <summary>Sets environment variables in every container of a Deployment.</summary>
    public static ManifestSet WithEnvironment(this ManifestSet set, string deployment, IReadOnlyDictionary<string, string> variables) =>
        set.EachContainer(deployment, container => SetVariables(container, variables));

    /// <summary>RFC 7386: objects merge, null removes, everything else replaces.</summary>
    public static void MergeInto(JsonObject target, JsonObject patch)
    {
        foreach (var (key, value) in patch)
        {
            if (value is null)
            {
                _ = target.Remove(key);
            }
            else if (value is JsonObject below && target[key] is JsonObject existing)
            {
                MergeInto(existing, below);
            }
            else
            {
                target[key] = value.DeepClone();
            }
        }
    }

    private static ManifestSet EachContainer(this ManifestSet set, string deployment, Action<JsonObject> change) =>
        set.Change("Deployment", deployment, body =>
        {
            var containers = body["spec"]?["template"]?["spec"]?["containers"] as JsonArray ?? [];
            foreach (var container in containers.OfType<JsonObject>())
            {
                change(container);
            }
        });

    private static ManifestSet Merge(this ManifestSet set, string kind, string name, JsonObject patch) =>
        set.Change(kind, name, body => MergeInto(body, patch));

    private static ManifestSet Change(this ManifestSet set, string kind, string name, Action<JsonObject> change)
    {
        if (!set.Items.Any(manifest => manifest.Kind == kind && manifest.Name == name))
        {
            var known = set.Items.Where(manifest => manifest.Kind == kind).Select(manifest => manifest.Name);
            throw new LabException($"the manifests have no {kind} \"{name}\" to change", $"They have: {string.Join(", ", known)}.");
        }

        return set.Select(manifest =>
        {
            if (manifest.Kind != kind || manifest.Name != name)
            {
                return manifest;
            }

            var body = (JsonObject)manifest.Body.DeepClone();
            change(body);
            return manifest with { Body = body };
        });
    }

    internal static void SetVariables(JsonObject container, IReadOnlyDictionary<string, string> variables)
    {
        var env = container["env"] as JsonArray;
        if (env is null)
        {
            container["env"] = env = [];
        }

        foreach (var (name, value) in variables)
        {
            _ = env.RemoveAll(entry => entry?["name"]?.GetValue<string>() == name);
            env.Add(new JsonObject { ["name"] = name, ["value"] = value });
        }
    }
}
