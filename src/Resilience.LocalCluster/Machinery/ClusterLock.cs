using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>
/// One cluster per data directory: an exclusively opened file, which the operating system releases however the process ends, and
/// <c>cluster.json</c> for others to read.
/// </summary>
internal sealed class ClusterLock : IDisposable
{
    private readonly FileStream _file;
    private readonly string _statePath;

    private ClusterLock(FileStream file, string directory)
    {
        _file = file;
        _statePath = Path.Combine(directory, "cluster.json");
    }

    /// <summary>Null when a live cluster has the directory. State left by a dead one is removed.</summary>
    public static ClusterLock? TryTake(string directory)
    {
        _ = Directory.CreateDirectory(directory);
        try
        {
            var file = new FileStream(Path.Combine(directory, "cluster.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var taken = new ClusterLock(file, directory);
            taken.Withdraw();
            return taken;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Publish(EmbeddedCluster cluster, DateTimeOffset startedAt)
    {
        var state = new JsonObject
        {
            ["schemaVersion"] = 1,
            ["pid"] = Environment.ProcessId,
            ["startedAt"] = startedAt.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
            ["apiServer"] = cluster.ApiServer.GetLeftPart(UriPartial.Authority),
            ["nodeAddress"] = cluster.NodeAddress,
            ["ready"] = true,
        };
        PrivateFile.Write(_statePath, state.ToJsonString(JsonExtensions.Compact));
    }

    public void Withdraw() => File.Delete(_statePath);

    public void Dispose() => _file.Dispose();
}
