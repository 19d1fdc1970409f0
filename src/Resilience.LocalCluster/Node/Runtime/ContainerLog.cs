using System.Buffers.Text;
using System.Text;
using Resilience.LocalCluster.Machinery;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>
/// Writes one run of a container to its file, a line an entry, in the format container runtimes use:
/// <c>2026-01-02T03:04:05.123456700Z stdout F text</c> (P instead of F: the line goes on in the next entry).
/// </summary>
/// <remarks>Past <see cref="MaxBytes"/> the file becomes <c>….1</c> and a new one starts: at most twice that is kept.</remarks>
internal sealed class ContainerLog : IPodLog
{
    public const long MaxBytes = 10 * 1024 * 1024;
    private const int LongestPart = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly MemoryStream[] _pending = [new(), new()];
    private FileStream _file;
    private TaskCompletionSource _grown = NewSignal();

    public ContainerLog(string path, TimeProvider clock)
    {
        Path = path;
        _clock = clock;
        _file = Open();
    }

    public string Path { get; private set; }

    public bool Ended { get; private set; }

    public void Write(bool error, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (Ended)
            {
                return;
            }

            var pending = _pending[error ? 1 : 0];
            var now = _clock.GetUtcNow();
            while (bytes.IndexOf((byte)'\n') is var end && end >= 0)
            {
                pending.Write(bytes[..end]);
                Emit(pending, error, full: true, now);
                bytes = bytes[(end + 1)..];
            }

            pending.Write(bytes);
            if (pending.Length >= LongestPart)
            {
                Emit(pending, error, full: false, now);
            }

            Announce();
        }
    }

    public void Complete()
    {
        lock (_gate)
        {
            if (Ended)
            {
                return;
            }

            for (var stream = 0; stream < 2; stream++)
            {
                if (_pending[stream].Length > 0)
                {
                    Emit(_pending[stream], stream == 1, full: true, _clock.GetUtcNow());
                }
            }

            Ended = true;
            _file.Dispose();
            _grown.SetResult();
        }
    }

    /// <summary>The same finished log under its new name.</summary>
    public ContainerLog MovedTo(string path)
    {
        Path = path;
        return this;
    }

    public async Task WaitForMoreAsync(long length, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task grown;
            lock (_gate)
            {
                // Shorter than before: the log was rotated, and the reader has to look again.
                if (Ended || _file.Length != length)
                {
                    return;
                }

                grown = _grown.Task;
            }

            await grown.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void Emit(MemoryStream pending, bool error, bool full, DateTimeOffset now)
    {
        if (_file.Length > MaxBytes)
        {
            _file.Dispose();
            File.Move(Path, Path + ".1", overwrite: true);
            _file = Open();
        }

        Span<byte> head = stackalloc byte[64];
        _ = Utf8Formatter.TryFormat(now.UtcDateTime, head, out _, 'O');   // 2026-01-02T03:04:05.1234567Z
        var length = 27 + Encoding.ASCII.GetBytes(
            error ? full ? "00Z stderr F " : "00Z stderr P " : full ? "00Z stdout F " : "00Z stdout P ", head[27..]);
        _file.Write(head[..length]);
        _file.Write(pending.GetBuffer().AsSpan(0, (int)pending.Length));
        _file.WriteByte((byte)'\n');
        pending.SetLength(0);
    }

    private void Announce()
    {
        _file.Flush();
        var grown = _grown;
        _grown = NewSignal();
        grown.SetResult();
    }

    private FileStream Open() => new(Path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 4096);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
