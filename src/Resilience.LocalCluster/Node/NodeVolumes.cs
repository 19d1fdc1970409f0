using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>
/// Folders behind <c>emptyDir</c> (as long as the pod lives) and <c>persistentVolumeClaim</c> (as long as the claim lives). A process
/// cannot have mounts of its own, so it is told by an environment variable which folder stands for each mountPath; access modes,
/// sizes and readOnly are not enforced. Other kinds of volumes are stored and shown, but nothing lies behind them.
/// </summary>
internal sealed class NodeVolumes
{
    /// <summary>JSON object of mountPath to folder; processes built on the service defaults resolve their paths through it.</summary>
    public const string Variable = "RESILIENCE_VOLUME_MOUNTS";

    private readonly string _claims;
    private readonly string _pods;

    public NodeVolumes(string dataDirectory)
    {
        var root = Path.GetFullPath(Path.Combine(dataDirectory, "volumes"));
        (_claims, _pods) = (Path.Combine(root, "claims"), Path.Combine(root, "pods"));
        // The objects of an earlier cluster are gone, and with them whatever could name these folders.
        Remove(root);
    }

    /// <summary>The container's mounts, each with a folder that exists.</summary>
    /// <exception cref="ContainerConfigException">A claim does not exist (yet).</exception>
    public JsonObject MountsOf(ObjectStore store, StoredObject pod, JsonObject container)
    {
        var mounts = new JsonObject();
        foreach (var mount in (container.Array("volumeMounts") ?? []).OfType<JsonObject>())
        {
            var volume = (pod.Spec.Array("volumes") ?? []).OfType<JsonObject>().FirstOrDefault(known => known.String("name") == mount.String("name"));
            if (volume is not null && FolderOf(store, pod, volume) is { } folder && mount.String("mountPath") is { Length: > 0 } path)
            {
                var place = mount.String("subPath") is { Length: > 0 } below ? Path.GetFullPath(Path.Combine(folder, below)) : folder;
                if (place != folder && !place.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                {
                    throw new ContainerConfigException($"subPath \"{mount.String("subPath")}\" leaves its volume");
                }

                _ = Directory.CreateDirectory(place);
                mounts[path] = place;
            }
        }

        return mounts;
    }

    /// <summary>Deletes the pod's emptyDirs.</summary>
    public void Release(string podUid) => Remove(Path.Combine(_pods, podUid));

    /// <summary>Deletes what a claim held.</summary>
    public void Delete(string claimUid) => Remove(Path.Combine(_claims, claimUid));

    private string? FolderOf(ObjectStore store, StoredObject pod, JsonObject volume)
    {
        if (volume.ContainsKey("emptyDir"))
        {
            return Path.Combine(_pods, pod.Uid, volume.String("name")!);
        }

        if (volume.String("persistentVolumeClaim", "claimName") is not { } name)
        {
            return null;
        }

        var claim = store.Get(ResourceTypes.PersistentVolumeClaims, pod.Namespace, name) ?? throw new ContainerConfigException($"persistentvolumeclaim \"{name}\" not found");
        return Path.Combine(_claims, claim.Uid);
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Never mounted.
        }
        catch (Exception busy) when (busy is IOException or UnauthorizedAccessException)
        {
            // A file in use (Windows): it goes with the cluster's next start.
        }
    }
}
