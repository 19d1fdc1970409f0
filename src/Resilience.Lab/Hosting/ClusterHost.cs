using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Hosting;

/// <summary>What the embedded cluster writes about itself once it serves.</summary>
internal sealed record ClusterRecord(int SchemaVersion, int Pid, DateTimeOffset StartedAt, string ApiServer, string NodeAddress, bool Ready);

internal sealed record ClusterHostOptions(string DataDirectory)
{
    /// <summary>Port of the API server; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>How much faster than the wall clock the controllers' periods and windows pass.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Cores the node claims to have.</summary>
    public int NodeCpu { get; init; } = 8;

    /// <summary>Before it is divided by <see cref="TimeScale"/>, like the next one.</summary>
    public TimeSpan HpaSyncPeriod { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan MetricsResolution { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>Runs the embedded cluster as a child process. The child holds the read end of a pipe whose other end is here: when this
/// process goes, however it goes, the cluster and its pods go too.</summary>
internal sealed class ClusterHost : IAsyncDisposable
{
    private const int ExitLiveCluster = 3;
    private const int StderrLines = 20;
    private readonly Process _process;
    private readonly Queue<string> _stderr = new();
    private readonly TimeProvider _time;
    private readonly ClusterHostOptions _options;
    private ClusterRecord? _record;

    private ClusterHost(Process process, ClusterHostOptions options, TimeProvider time)
    {
        _process = process;
        _options = options;
        _time = time;
    }

    public string Kubeconfig => Path.Combine(_options.DataDirectory, "kubeconfig");

    public ClusterRecord Record => _record ?? throw new InvalidOperationException("The cluster is not up yet.");

    public bool HasExited => _process.HasExited;

    public static async Task<ClusterHost> StartAsync(ClusterHostOptions options, TimeProvider time, CancellationToken stop)
    {
        _ = Directory.CreateDirectory(options.DataDirectory);
        var images = Path.Combine(options.DataDirectory, "images.json");
        BuiltPrograms.WriteImages(images);
        var clusterFile = Path.Combine(options.DataDirectory, "cluster.json");
        var process = new Process { StartInfo = StartInfo(options, images) };
        var host = new ClusterHost(process, options, time);
        process.ErrorDataReceived += (_, line) => host.Remember(line.Data);
        process.OutputDataReceived += (_, _) => { };
        _ = process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        try
        {
            host._record = await host.WaitUntilServingAsync(clusterFile, stop).ConfigureAwait(false);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited)
            {
                ProcessIdentity.Of(_process.Id)?.Terminate();
                if (!await EndsWithinAsync(TimeSpan.FromSeconds(8)).ConfigureAwait(false))
                {
                    _process.StandardInput.Close();
                    if (!await EndsWithinAsync(TimeSpan.FromSeconds(3)).ConfigureAwait(false))
                    {
                        _process.Kill(entireProcessTree: true);
                    }
                }
            }
        }
        catch (Exception gone) when (gone is InvalidOperationException or IOException)
        {
            // It ended by itself.
        }

        _process.Dispose();
    }

    private static ProcessStartInfo StartInfo(ClusterHostOptions options, string images)
    {
        var command = BuiltPrograms.Command("Resilience.LocalCluster");
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            .. command.Skip(1),
            "--data-dir", options.DataDirectory,
            "--images", images,
            "--port", options.Port.ToString(CultureInfo.InvariantCulture),
            "--hpa-sync-period", Seconds(options.HpaSyncPeriod),
            "--metrics-resolution", Seconds(options.MetricsResolution),
            "--time-scale", options.TimeScale.ToString(CultureInfo.InvariantCulture),
            "--node-cpu", options.NodeCpu.ToString(CultureInfo.InvariantCulture),
            "--lifeline",
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["RESILIENCE_LIFELINE"] = "stdin";
        return start;
    }

    private static string Seconds(TimeSpan value) => string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.###}s");

    /// <remarks>cluster.json of an earlier cluster may still lie there until the child has cleaned up: only the child's own pid counts.</remarks>
    private async Task<ClusterRecord> WaitUntilServingAsync(string clusterFile, CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            if (_process.HasExited)
            {
                throw Failed();
            }

            if (ReadRecord(clusterFile) is { Ready: true } record && record.Pid == _process.Id)
            {
                return record;
            }

            if (_time.GetElapsedTime(started) > _options.StartLimit)
            {
                throw new LabException(
                    $"the embedded cluster did not come up within {_options.StartLimit.TotalSeconds:0} s",
                    $"Its logs are in {Path.Combine(_options.DataDirectory, "logs")}; \"./lab doctor\" looks for the cause.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(25), _time, stop).ConfigureAwait(false);
        }
    }

    private LabException Failed()
    {
        _process.WaitForExit();
        string[] lines;
        lock (_stderr)
        {
            lines = [.. _stderr];
        }

        var said = lines.LastOrDefault(line => !string.IsNullOrWhiteSpace(line))?.Trim().TrimEnd('.') ?? "it said nothing";
        return _process.ExitCode == ExitLiveCluster
            ? new LabException($"another cluster is alive in {_options.DataDirectory}: {said}", "Stop it with \"./lab cleanup\" or choose another --lab-dir.")
            : new LabException($"the embedded cluster ended at once (exit code {_process.ExitCode}): {said}", "\"./lab doctor\" looks for the cause.");
    }

    private void Remember(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_stderr)
        {
            _stderr.Enqueue(line);
            if (_stderr.Count > StderrLines)
            {
                _ = _stderr.Dequeue();
            }
        }
    }

    private async Task<bool> EndsWithinAsync(TimeSpan limit)
    {
        using var patience = new CancellationTokenSource(limit, _time);
        try
        {
            await _process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public static ClusterRecord? ReadRecord(string file)
    {
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllText(file), HostingJson.Default.ClusterRecord) : null;
        }
        catch (Exception unfinished) when (unfinished is IOException or JsonException)
        {
            return null;
        }
    }
}
