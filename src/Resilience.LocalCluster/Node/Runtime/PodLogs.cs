using System.Collections.Concurrent;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>Where containers' output goes: <c>pods/&lt;ns&gt;_&lt;pod&gt;_&lt;uid&gt;/&lt;container&gt;.log</c>, the run before it beside.</summary>
internal sealed class PodLogs(string dataDirectory, TimeProvider clock) : IPodLogs
{
    private readonly ConcurrentDictionary<(string Uid, string Container, bool Previous), ContainerLog> _logs = new();

    public IPodLog? Find(StoredObject pod, string container, bool previous) =>
        _logs.GetValueOrDefault((pod.Uid, container, previous));

    /// <summary>Opens the log of a new run; the one of the run before stays readable as "previous".</summary>
    public ContainerLog Begin(ContainerLaunch launch)
    {
        var folder = FolderOf(launch.Namespace, launch.PodName, launch.PodUid);
        _ = Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, launch.ContainerName + ".log");
        var key = (launch.PodUid, launch.ContainerName, false);
        if (_logs.TryRemove(key, out var before))
        {
            before.Complete();
            var aside = Path.Combine(folder, launch.ContainerName + ".previous.log");
            File.Move(path, aside, overwrite: true);
            _logs[(launch.PodUid, launch.ContainerName, true)] = before.MovedTo(aside);
        }

        return _logs[key] = new ContainerLog(path, clock);
    }

    /// <summary>Called when the pod is gone from the API.</summary>
    public void Forget(string ns, string pod, string uid)
    {
        foreach (var key in _logs.Keys.Where(k => k.Uid == uid).ToList())
        {
            if (_logs.TryRemove(key, out var log))
            {
                log.Complete();
            }
        }

        try
        {
            Directory.Delete(FolderOf(ns, pod, uid), recursive: true);
        }
        catch (IOException)
        {
            // Never written, or being read.
        }
    }

    private string FolderOf(string ns, string pod, string uid) => Path.Combine(dataDirectory, "pods", $"{ns}_{pod}_{uid}");
}
