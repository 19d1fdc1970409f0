using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;

namespace Resilience.Lab.Hosting;

/// <summary>What a running lab tells others about itself.</summary>
/// <param name="Telemetry">Where its processes report to, when it has a dashboard.</param>
internal sealed record LabRecord(int SchemaVersion, int Pid, long Start, DateTimeOffset StartedAt, string? Url, TelemetryTarget? Telemetry = null);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(LabRecord))]
[JsonSerializable(typeof(Dictionary<string, ImageEntry>))]
[JsonSerializable(typeof(ClusterRecord))]
internal sealed partial class HostingJson : JsonSerializerContext;

/// <summary>The lab's folder: <c>.lab</c> here unless asked otherwise. A file lock says whether a lab runs in it: the system
/// drops the lock with the process, so a killed lab never blocks the next one.</summary>
internal sealed class LabDirectory
{
    private LabDirectory(string path) => Path = path;

    public string Path { get; }

    public string Kubeconfig => System.IO.Path.Combine(Path, "kubeconfig");

    public string Runs => System.IO.Path.Combine(Path, "runs");

    private string LockFile => System.IO.Path.Combine(Path, "lab.lock");

    private string RecordFile => System.IO.Path.Combine(Path, "lab.json");

    public static LabDirectory At(string? chosen) => new(System.IO.Path.GetFullPath(chosen ?? ".lab"));

    public bool Exists => Directory.Exists(Path);

    /// <summary>Takes the folder for this process, or says who has it.</summary>
    public IDisposable Claim()
    {
        try
        {
            _ = Directory.CreateDirectory(Path);
            return new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (Directory.Exists(Path))
        {
            throw AlreadyRuns();
        }
    }

    public bool IsClaimed()
    {
        try
        {
            if (File.Exists(LockFile))
            {
                using var probe = new FileStream(LockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }

            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    public void Write(LabRecord record)
    {
        var temporary = RecordFile + ".new";
        File.WriteAllText(temporary, JsonSerializer.Serialize(record, HostingJson.Default.LabRecord));
        File.Move(temporary, RecordFile, overwrite: true);
    }

    public LabRecord? Read()
    {
        try
        {
            return File.Exists(RecordFile) ? JsonSerializer.Deserialize(File.ReadAllText(RecordFile), HostingJson.Default.LabRecord) : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or IOException)
        {
            return null;
        }
    }

    /// <summary>The lab that runs here, and clusters below that outlived theirs; each verified by its start time.</summary>
    public IReadOnlyList<ProcessIdentity> RunningProcesses()
    {
        var found = new List<ProcessIdentity>();
        if (Read() is { } record)
        {
            found.Add(new ProcessIdentity(record.Pid, record.Start));
        }

        foreach (var file in Directory.EnumerateFiles(Path, "cluster.json", SearchOption.AllDirectories))
        {
            if (ClusterHost.ReadRecord(file) is { } cluster && ProcessIdentity.Of(cluster.Pid) is { } process && process.RunsProgram("Resilience.LocalCluster"))
            {
                found.Add(process);
            }
        }

        return [.. found.Where(process => process.IsAlive)];
    }

    /// <summary>Removes the folder, but only one that a lab made.</summary>
    public void Remove()
    {
        if (!File.Exists(LockFile) && !File.Exists(Kubeconfig) && !Directory.Exists(Runs))
        {
            throw new LabException($"{Path} does not look like a lab's folder", "Remove it by hand if it is one.");
        }

        Directory.Delete(Path, recursive: true);
    }

    public void Forget() => File.Delete(RecordFile);

    /// <summary>The kubeconfig of the running lab, or one line that says there is none.</summary>
    public string RunningKubeconfig()
    {
        if (Read() is { } record && new ProcessIdentity(record.Pid, record.Start).IsAlive && File.Exists(Kubeconfig))
        {
            return Kubeconfig;
        }

        throw File.Exists(Kubeconfig)
            ? new LabException($"the cluster that {Kubeconfig} speaks of is gone", "Start one with \"./lab up\" (it replaces the file), or remove it with \"./lab cleanup\".")
            : new LabException($"no lab runs in {Path}", "Start one with \"./lab up\".");
    }

    private LabException AlreadyRuns()
    {
        var record = Read();
        var who = record is null ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" (pid {record.Pid}, since {record.StartedAt.ToLocalTime():HH:mm:ss}{(record.Url is null ? string.Empty : ", " + record.Url)})");
        return new LabException(
            $"a lab already runs in {Path}{who}",
            "Use it, stop it with Ctrl-C there or \"./lab cleanup\", or start a second one with \"--lab-dir <other>\".");
    }
}
