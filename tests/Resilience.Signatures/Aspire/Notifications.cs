using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

public class ResourceEvent(IResource resource, string resourceId, CustomResourceSnapshot snapshot)
{
    public IResource Resource => resource;

    public string ResourceId => resourceId;

    public CustomResourceSnapshot Snapshot => snapshot;
}

/// <summary>Here it remembers the latest snapshot of each resource, so that a test can look at what a dashboard would show.</summary>
public class ResourceNotificationService(
    ILogger<ResourceNotificationService> logger, IHostApplicationLifetime hostApplicationLifetime, IServiceProvider serviceProvider,
    ResourceLoggerService resourceLoggerService) : IDisposable
{
    private readonly ConcurrentDictionary<string, ResourceEvent> _latest = new(StringComparer.OrdinalIgnoreCase);

    public Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory) =>
        PublishUpdateAsync(resource, resource.Name, stateFactory);

    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        var before = TryGetCurrentState(resourceId, out var known) ? known!.Snapshot : new() { ResourceType = resource.GetType().Name, Properties = [] };
        _latest[resourceId] = new(resource, resourceId, stateFactory(before));
        return Task.CompletedTask;
    }

    public bool TryGetCurrentState(string resourceId, out ResourceEvent? resourceEvent) => _latest.TryGetValue(resourceId, out resourceEvent);

    public Task<ResourceEvent> WaitForResourceAsync(string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public IAsyncEnumerable<ResourceEvent> WatchAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}

public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);

/// <summary>Here it hands the lines of each resource to one reader.</summary>
public class ResourceLoggerService : IDisposable
{
    private readonly ConcurrentDictionary<string, Channel<LogLine>> _logs = new(StringComparer.OrdinalIgnoreCase);

    public ILogger GetLogger(string resourceName) => new Writer(Log(resourceName));

    public void Complete(string name) => Log(name).Writer.TryComplete();

    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => ReadAsync(Log(resourceName).Reader);

    public void Dispose()
    {
    }

    private static async IAsyncEnumerable<IReadOnlyList<LogLine>> ReadAsync(ChannelReader<LogLine> log, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var line in log.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return [line];
        }
    }

    private Channel<LogLine> Log(string name) => _logs.GetOrAdd(name, _ => Channel.CreateBounded<LogLine>(new BoundedChannelOptions(1_000) { FullMode = BoundedChannelFullMode.DropOldest }));

    private sealed class Writer(Channel<LogLine> log) : ILogger
    {
        private int _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Writer.TryWrite(new(Interlocked.Increment(ref _lines), formatter(state, exception), logLevel >= LogLevel.Error));
    }
}
