using System.Collections.Concurrent;
using System.Globalization;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>One container is one operating-system process, started from the image table.</summary>
internal sealed class ProcessPodRuntime : IPodRuntime
{
    private static readonly TimeSpan MemoryCheckInterval = TimeSpan.FromSeconds(1);

    /// <summary>Taken over from this process; the rest of a pod's environment comes from its manifest alone.</summary>
    private static readonly string[] Inherited =
    [
        "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "SystemRoot", "TEMP",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS",
    ];

    private readonly ConcurrentDictionary<int, Container> _running = new();
    private readonly ImageTable _images;
    private readonly PodLogs _logs;
    private readonly TimeProvider _clock;
    private readonly IChildLauncher _launcher;
    private readonly ProcessRecords _records;
    private readonly ITimer _memoryCheck;

    public ProcessPodRuntime(string dataDirectory, ImageTable images, PodLogs logs, TimeProvider clock)
    {
        _images = images;
        _logs = logs;
        _clock = clock;
        _launcher = OperatingSystem.IsLinux() ? new LinuxChildLauncher() : new PortableChildLauncher();
        _records = new ProcessRecords(Path.Combine(dataDirectory, "processes"));
        OrphansKilled = _records.KillOrphans();
        _memoryCheck = clock.CreateTimer(_ => EnforceMemoryLimits(), null, MemoryCheckInterval, MemoryCheckInterval);
    }

    public string Version => $"process://{Environment.Version}";

    /// <summary>Processes of a cluster that died in the same directory, ended by this one.</summary>
    public int OrphansKilled { get; }

    public bool HasImage(string image) => _images.CommandOf(image) is not null;

    public IRunningContainer Start(ContainerLaunch launch)
    {
        var entry = _images.CommandOf(launch.Image) ?? throw new ContainerStartException($"image \"{launch.Image}\" is unknown");
        string[] command = launch.Command.Count > 0
            ? [.. launch.Command, .. launch.Arguments]
            : [.. entry, .. launch.Arguments];
        var log = _logs.Begin(launch);
        IChildProcess child;
        try
        {
            child = _launcher.Start(new ChildStart(command, EnvironmentOf(launch), launch.WorkingDirectory, log));
        }
        catch (ContainerStartException)
        {
            log.Complete();
            throw;
        }

        _records.Add(child.Id);
        var container = new Container(child, _clock, launch.Limits);
        _running[child.Id] = container;
        _ = container.Exited.ContinueWith(_ => Forget(child.Id), TaskScheduler.Default);
        return container;
    }

    /// <summary>Kills everything that still runs and waits for the last process to be gone.</summary>
    public async ValueTask DisposeAsync()
    {
        await _memoryCheck.DisposeAsync().ConfigureAwait(false);
        var last = _running.Values.ToList();
        foreach (var container in last)
        {
            container.Signal(ContainerSignal.Kill);
        }

        _ = await Task.WhenAll(last.Select(c => c.Exited)).ConfigureAwait(false);
        _launcher.Dispose();
    }

    internal static Dictionary<string, string> EnvironmentOf(ContainerLaunch launch)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in Inherited)
        {
            if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } value)
            {
                environment[name] = value;
            }
        }

        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string name && name.StartsWith("DOTNET_", StringComparison.Ordinal) && variable.Value is string value)
            {
                environment[name] = value;
            }
        }

        // In a container .NET reads these from the control group; a bare process has to be told.
        if (launch.Limits.MemoryBytes is { } memory)
        {
            environment["DOTNET_GCHeapHardLimit"] = (memory * 3 / 4).ToString("X", CultureInfo.InvariantCulture);
        }

        if (launch.Limits.CpuMilli is { } cpu)
        {
            environment["DOTNET_PROCESSOR_COUNT"] = Math.Max(1, (cpu + 999) / 1000).ToString(CultureInfo.InvariantCulture);
        }

        foreach (var (name, value) in launch.Environment)
        {
            environment[name] = value;
        }

        environment["RESILIENCE_LIFELINE"] = "stdin";
        environment["HOSTNAME"] = launch.PodName;
        return environment;
    }

    private void Forget(int pid)
    {
        _ = _running.TryRemove(pid, out _);
        _records.Remove(pid);
    }

    private void EnforceMemoryLimits()
    {
        foreach (var container in _running.Values)
        {
            container.EnforceMemoryLimit();
        }
    }

    private sealed class Container : IRunningContainer
    {
        private readonly IChildProcess _child;
        private readonly ContainerLimits _limits;
        private bool _outOfMemory;

        public Container(IChildProcess child, TimeProvider clock, ContainerLimits limits)
        {
            _child = child;
            _limits = limits;
            StartedAt = clock.GetUtcNow();
            Id = $"process://{Guid.NewGuid():N}";
            Exited = WaitAsync(clock);
        }

        public string Id { get; }

        public int? ProcessId => _child.Id;

        public DateTimeOffset StartedAt { get; }

        public Task<ContainerExit> Exited { get; }

        public ISimulatedReadiness? Readiness => null;

        /// <summary>Terminate goes to the program alone, as to process 1 of a container; the others to all it started.</summary>
        public void Signal(ContainerSignal signal) => _child.Signal(signal, group: signal != ContainerSignal.Terminate);

        public ContainerConsumption? ReadUsage() => Exited.IsCompleted ? null : ProcFiles.Usage(_child.Id);

        public void EnforceMemoryLimit()
        {
            if (_limits.MemoryBytes is { } limit && ReadUsage() is { } usage && usage.WorkingSetBytes > limit)
            {
                _outOfMemory = true;
                Signal(ContainerSignal.Kill);
            }
        }

        private async Task<ContainerExit> WaitAsync(TimeProvider clock)
        {
            var exit = await _child.Exited.ConfigureAwait(false);
            return new(exit.Code, exit.Signal, clock.GetUtcNow(), _outOfMemory);
        }
    }
}
