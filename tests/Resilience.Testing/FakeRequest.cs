using System.Buffers;
using System.Collections.Specialized;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json.Nodes;

namespace Resilience.Testing;

/// <summary>A request as the <see cref="FakeApiServer"/> saw it.</summary>
public sealed record FakeRequest(string Method, string Path, NameValueCollection Query, string? MediaType, JsonNode? Body)
{
    public bool IsWatch => Query["watch"] == "true";

    public bool IsList => Method == "GET" && !IsWatch;

    public bool IsWrite => Method != "GET";

    public override string ToString() => $"{Method} {Path}?{Query}";
}

/// <summary>One open watch: a pipe whose reader is the client's response stream.</summary>
internal sealed class FakeWatch
{
    private readonly Pipe _pipe = new();

    public FakeWatch(string path)
    {
        Path = path;
        Stream = new WatchReadStream(_pipe.Reader.AsStream(), () => Ended());
    }

    public string Path { get; }

    public Stream Stream { get; }

    /// <summary>The client closed its side.</summary>
    public Action Ended { get; set; } = () => { };

    public void Write(string line)
    {
        _pipe.Writer.Write(Encoding.UTF8.GetBytes(line));
        _ = _pipe.Writer.FlushAsync().AsTask();
    }

    public void End(Exception? broken) => _pipe.Writer.Complete(broken);

    private sealed class WatchReadStream(Stream inner, Action closed) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, offset, count, cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                closed();
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
