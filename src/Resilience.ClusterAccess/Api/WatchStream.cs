using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Resilience.ClusterAccess.Api;

/// <summary>
/// Reads the lines of a watch as they arrive. Each line is parsed once, straight from the receive buffer: the event
/// type by a scan of the envelope, then only the object. (KubernetesClient's own watcher makes a string of each line
/// and does not return from the request before the first event.)
/// </summary>
internal static class WatchStream
{
    /// <summary>etcd refuses objects beyond 1.5 MiB; twice that leaves room for the envelope and escapes.</summary>
    private const int LineLimitBytes = 3 * 1024 * 1024;

    public static async IAsyncEnumerable<WatchEvent<T>> ReadAsync<T>(Stream stream, [EnumeratorCancellation] CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var typeInfo = ClusterJson.TypeInfo<T>();
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 16 * 1024, leaveOpen: true));
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(ct);
                var buffer = read.Buffer;
                while (TryTakeLine(ref buffer, out var line))
                {
                    if (!line.IsEmpty)
                    {
                        yield return ParseLine(line, typeInfo);
                    }
                }

                if (read.IsCompleted)
                {
                    yield break;   // a line cut off in the middle is dropped: the next watch brings the event again
                }

                if (buffer.Length > LineLimitBytes)
                {
                    throw new ClusterException($"a watch event exceeds {LineLimitBytes} bytes");
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    internal static bool TryTakeLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        if (buffer.PositionOf((byte)'\n') is not { } end)
        {
            line = default;
            return false;
        }

        line = buffer.Slice(0, end);
        buffer = buffer.Slice(buffer.GetPosition(1, end));
        return true;
    }

    /// <exception cref="ClusterException">The line is an ERROR event (its Status becomes the exception) or no event.</exception>
    internal static WatchEvent<T> ParseLine<T>(in ReadOnlySequence<byte> line, JsonTypeInfo<T> typeInfo)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            var (type, start, end) = ScanEnvelope(line);
            if (start < 0 || type is null)
            {
                throw StatusOf(line);   // a bare Status instead of an event: the server refused in mid-stream
            }

            var body = line.Slice(start, end - start);
            if (type == "ERROR")
            {
                throw StatusOf(body);
            }

            var reader = new Utf8JsonReader(body);
            var item = JsonSerializer.Deserialize(ref reader, typeInfo) ?? throw new JsonException("the object is null");
            return new(KindOf(type), item);
        }
        catch (Exception ex) when (ex is JsonException or FormatException)
        {
            throw new ClusterException($"the API server sent a watch event that cannot be read: {ex.Message}", ex);
        }
    }

    private static WatchEventKind KindOf(string type) => type switch
    {
        "ADDED" => WatchEventKind.Added,
        "MODIFIED" => WatchEventKind.Modified,
        "DELETED" => WatchEventKind.Deleted,
        "BOOKMARK" => WatchEventKind.Bookmark,
        _ => throw new JsonException($"unknown event type '{type}'"),
    };

    private static (string? Type, long Start, long End) ScanEnvelope(in ReadOnlySequence<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        string? type = null;
        long start = -1, end = -1;
        _ = reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isObject = reader.ValueTextEquals("object"u8);
            _ = reader.Read();
            if (isType)
            {
                type = reader.GetString();
            }
            else if (isObject)
            {
                start = reader.TokenStartIndex;
                reader.Skip();
                end = reader.BytesConsumed;
            }
            else
            {
                reader.Skip();
            }
        }

        return (type, start, end);
    }

    private static ClusterException StatusOf(in ReadOnlySequence<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var status = JsonSerializer.Deserialize(ref reader, ClusterJson.TypeInfo<V1Status>());
        var code = (HttpStatusCode)(status?.Code ?? 500);
        return new(status?.Message ?? "the API server ended the watch with an error", code, status?.Reason ?? "");
    }
}
