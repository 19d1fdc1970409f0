using System.Buffers.Text;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Resilience.LoadGenerator;

/// <summary>The end of one answer.</summary>
internal readonly record struct Answer(int Status, string? Slot, bool KeepsAlive);

/// <summary>
/// One HTTP/1.1 connection that asks and listens, nothing more. Our own because a measurement must decide by itself which request opens a
/// connection, must never retry, and must leave the processor to the system under test; <see cref="HttpClient"/> does neither.
/// </summary>
internal sealed class HttpConnection(HttpTarget target) : IDisposable
{
    private const int BufferBytes = 8 * 1024;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly Lock _gate = new();
    private Socket _socket = NewSocket(target);
    private bool _disposed;
    private Stream? _stream;
    private int _start;
    private int _end;

    /// <summary>False when the other side has closed an idle connection, or talks without being asked.</summary>
    public bool IsUsable => !_socket.Poll(0, SelectMode.SelectRead);

    public async Task OpenAsync()
    {
        await ConnectAsync().ConfigureAwait(false);
        _stream = new NetworkStream(_socket, ownsSocket: false);
        if (target.TlsHost is { } host)
        {
            var tls = new SslStream(_stream);
            _stream = tls;
            await tls.AuthenticateAsClientAsync(host).ConfigureAwait(false);
        }
    }

    /// <exception cref="IOException">The connection broke, or the answer is not HTTP.</exception>
    public async Task<Answer> AskAsync(ReadOnlyMemory<byte> request)
    {
        (_start, _end) = (0, 0);
        await _stream!.WriteAsync(request).ConfigureAwait(false);
        int headLength;
        while ((headLength = _buffer.AsSpan(0, _end).IndexOf("\r\n\r\n"u8)) < 0)
        {
            await FillAsync().ConfigureAwait(false);
        }

        var head = AnswerHead.Parse(_buffer.AsSpan(0, headLength));
        _start = headLength + 4;
        var keepsAlive = head.KeepsAlive;
        if (head.Status is 204 or 304)
        {
        }
        else if (head.IsChunked)
        {
            await SkipChunksAsync().ConfigureAwait(false);
        }
        else if (head.ContentLength is { } length)
        {
            await SkipAsync(length).ConfigureAwait(false);
        }
        else
        {
            keepsAlive = false;
            await SkipToEndAsync().ConfigureAwait(false);
        }

        return new(head.Status, head.Slot, keepsAlive);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _stream?.Dispose();
            _socket.Dispose();
        }
    }

    private static Socket NewSocket(HttpTarget target) => new(target.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private async Task ConnectAsync()
    {
        if (target.Ports?.TryBind(_socket) == true)
        {
            try
            {
                await _socket.ConnectAsync(target.Address).ConfigureAwait(false);
                return;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressNotAvailable)
            {
                // Somebody else's connection from this port to there is not forgotten yet. Nothing was sent, so this is no retry.
                Replace();
            }
        }

        await _socket.ConnectAsync(target.Address).ConfigureAwait(false);
    }

    private void Replace()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _socket.Dispose();
            _socket = NewSocket(target);
        }
    }

    private async ValueTask SkipAsync(long bytes)
    {
        while (bytes > 0)
        {
            if (_start == _end)
            {
                await FillAsync().ConfigureAwait(false);
            }

            var skip = (int)Math.Min(bytes, _end - _start);
            _start += skip;
            bytes -= skip;
        }
    }

    private async ValueTask SkipChunksAsync()
    {
        long size;
        do
        {
            size = ChunkSize(await LineAsync().ConfigureAwait(false));
            await SkipAsync(size).ConfigureAwait(false);
            // After the last chunk come trailers, each a line, and an empty line; after every other chunk an empty line.
            while ((await LineAsync().ConfigureAwait(false)).Length > 0 && size == 0)
            {
            }
        }
        while (size > 0);
    }

    private static long ChunkSize(string line)
    {
        var end = line.AsSpan().IndexOfAny(';', ' ');
        return long.TryParse(end < 0 ? line : line.AsSpan(0, end), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) && size >= 0
            ? size
            : throw new IOException("The answer has a malformed chunk.");
    }

    private async ValueTask<string> LineAsync()
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8)) < 0)
        {
            await FillAsync().ConfigureAwait(false);
        }

        var line = Encoding.ASCII.GetString(_buffer, _start, length);
        _start += length + 2;
        return line;
    }

    private async ValueTask SkipToEndAsync()
    {
        while (await _stream!.ReadAsync(_buffer).ConfigureAwait(false) > 0)
        {
        }
    }

    /// <summary>Reads more behind what is unread, which moves to the front when there is no room.</summary>
    private async ValueTask FillAsync()
    {
        if (_start == _end)
        {
            (_start, _end) = (0, 0);
        }
        else if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            throw new IOException($"The answer has a line or a head of more than {BufferBytes} bytes.");
        }

        var read = await _stream!.ReadAsync(_buffer.AsMemory(_end)).ConfigureAwait(false);
        _end += read > 0 ? read : throw new IOException("The connection was closed before the answer was complete.");
    }
}

/// <summary>What the status line and the headers say that matters here.</summary>
internal readonly record struct AnswerHead(int Status, long? ContentLength, bool IsChunked, bool KeepsAlive, string? Slot)
{
    /// <param name="head">All lines before the empty one: <c>HTTP/1.1 200 OK\r\nContent-Length: 5</c>.</param>
    /// <exception cref="IOException">This is not the head of an HTTP/1 answer.</exception>
    public static AnswerHead Parse(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith("HTTP/1."u8) || head.Length < 12 || !Utf8Parser.TryParse(head.Slice(9, 3), out int status, out _))
        {
            throw new IOException("The answer is not HTTP/1.");
        }

        long? length = null;
        string? slot = null;
        var (chunked, keeps) = (false, head[7] == '1');
        foreach (var range in head.Split("\r\n"u8))
        {
            var line = head[range];
            if (Value(line, "content-length:"u8, out var value))
            {
                length = Utf8Parser.TryParse(value, out long bytes, out _) && bytes >= 0 ? bytes : throw new IOException("Malformed Content-Length.");
            }
            else if (Value(line, "transfer-encoding:"u8, out value))
            {
                chunked = Ascii.EqualsIgnoreCase(value, "chunked"u8);
            }
            else if (Value(line, "connection:"u8, out value))
            {
                keeps = !Ascii.EqualsIgnoreCase(value, "close"u8);
            }
            else if (Value(line, "x-slot:"u8, out value))
            {
                slot = Encoding.ASCII.GetString(value[..Math.Min(value.Length, 64)]);
            }
        }

        return new(status, length, chunked, keeps, slot);
    }

    private static bool Value(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var matches = line.Length > name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name);
        value = matches ? line[name.Length..].Trim(" \t"u8) : default;
        return matches;
    }
}
