using System.Threading.Channels;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>
/// The cluster's own log: one file, written by one task, dropped rather than waited for when the disk cannot keep up. A log larger
/// than <see cref="LargestBytes"/> is set aside once, as <c>.1</c>, when the cluster starts.
/// </summary>
internal sealed class FileLoggerProvider : ILoggerProvider
{
    private const int LargestBytes = 16 * 1024 * 1024;
    private const int QueueLength = 4096;

    private readonly TimeProvider _clock;
    private readonly Channel<string> _lines = Channel.CreateBounded<string>(new BoundedChannelOptions(QueueLength)
    {
        FullMode = BoundedChannelFullMode.DropOldest,
        SingleReader = true,
    });

    private readonly Task _writing;

    public FileLoggerProvider(string path, TimeProvider clock)
    {
        _clock = clock;
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (new FileInfo(path) is { Exists: true, Length: > LargestBytes })
        {
            File.Move(path, path + ".1", overwrite: true);
        }

        _writing = WriteAsync(path);
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        _ = _lines.Writer.TryComplete();
        _ = _writing.Wait(TimeSpan.FromSeconds(1));
    }

    private async Task WriteAsync(string path)
    {
        var writer = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete));
        await using var closing = writer.ConfigureAwait(false);
        while (await _lines.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_lines.Reader.TryRead(out var line))
            {
                await writer.WriteLineAsync(line).ConfigureAwait(false);
            }

            await writer.FlushAsync().ConfigureAwait(false);
        }
    }

    private sealed class Logger(FileLoggerProvider owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                var line = $"{owner._clock.GetUtcNow().ToKubernetesMicroTime()} {logLevel} {category[(category.LastIndexOf('.') + 1)..]} {formatter(state, exception)}";
                _ = owner._lines.Writer.TryWrite(exception is null ? line : $"{line} {exception}");
            }
        }
    }
}
