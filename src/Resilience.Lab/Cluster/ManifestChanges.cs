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

    private static void SetVariables(JsonObject container, IReadOnlyDictionary<string, string> variables)
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
