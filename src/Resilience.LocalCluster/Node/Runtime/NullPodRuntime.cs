using System.Collections.Concurrent;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>
/// Containers that are only book-keeping: they become ready after a delay on the given clock and end when told to. For scale
/// tests and simulations, where thousands of pods share one process.
/// </summary>
internal sealed class NullPodRuntime(TimeProvider clock, TimeSpan readyAfter) : IPodRuntime
{
    private readonly ConcurrentDictionary<string, Container> _containers = new(StringComparer.Ordinal);
    private int _started;

    public string Version => "null://1.0";

    /// <summary>Images for which pulling fails.</summary>
    public ISet<string> MissingImages { get; } = new HashSet<string>(StringComparer.Ordinal);

    public bool HasImage(string image) => !MissingImages.Contains(image);

    public IRunningContainer Start(ContainerLaunch launch)
    {
        var container = new Container(Interlocked.Increment(ref _started), clock, readyAfter);
        _containers[KeyOf(launch.Namespace, launch.PodName, launch.ContainerName)] = container;
        return container;
    }

    /// <summary>The newest run of a container, or null.</summary>
    public ISimulatedContainer? Find(string ns, string pod, string container) =>
        _containers.GetValueOrDefault(KeyOf(ns, pod, container));

    public ValueTask DisposeAsync()
    {
        foreach (var container in _containers.Values)
        {
            container.Exit(137, 9);
        }

        return ValueTask.CompletedTask;
    }

    private static string KeyOf(string ns, string pod, string container) => $"{ns}/{pod}/{container}";

    private sealed class Container : IRunningContainer, ISimulatedReadiness, ISimulatedContainer
    {
        private readonly TaskCompletionSource<ContainerExit> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TimeProvider _clock;
        private readonly ITimer? _timer;
        private ContainerConsumption _usage;

        public Container(int number, TimeProvider clock, TimeSpan readyAfter)
        {
            _clock = clock;
            Id = $"null://{number:x16}";
            StartedAt = clock.GetUtcNow();
            if (readyAfter <= TimeSpan.Zero)
            {
                IsReady = true;
            }
            else
            {
                _timer = clock.CreateTimer(_ => SetReady(true), null, readyAfter, Timeout.InfiniteTimeSpan);
            }
        }

        public event Action? Changed;

        public string Id { get; }

        public int? ProcessId => null;

        public DateTimeOffset StartedAt { get; }

        public Task<ContainerExit> Exited => _exited.Task;

        public ISimulatedReadiness Readiness => this;

        public bool IsReady { get; private set; }

        public bool IgnoresTerminate { get; set; }

        public void SetReady(bool ready)
        {
            IsReady = ready && !_exited.Task.IsCompleted;
            Changed?.Invoke();
        }

        public void SetUsage(ContainerConsumption usage) => _usage = usage;

        public void Exit(int code, int? signal = null)
        {
            _timer?.Dispose();
            IsReady = false;
            _ = _exited.TrySetResult(new(code, signal, _clock.GetUtcNow()));
        }

        public void Signal(ContainerSignal signal)
        {
            if (signal == ContainerSignal.Kill)
            {
                Exit(137, 9);
            }
            else if (signal == ContainerSignal.Terminate && !IgnoresTerminate)
            {
                Exit(0);
            }
        }

        public ContainerConsumption? ReadUsage() => _exited.Task.IsCompleted ? null : _usage;
    }
}

/// <summary>What a test does to a container of the <see cref="NullPodRuntime"/>.</summary>
internal interface ISimulatedContainer
{
    bool IgnoresTerminate { get; set; }

    void SetReady(bool ready);

    void SetUsage(ContainerConsumption usage);

    void Exit(int code, int? signal = null);
}
