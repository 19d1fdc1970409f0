using System.IO.Pipelines;
using System.Text;
using k8s.Models;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Tests.Api;

public sealed class WatchStreamTests
{
    private const string Added = """{"type":"ADDED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"7"},"data":{"k":"ü\n"}}}""";

    [Fact]
    public async Task Read_OneByteAtATime_GivesWholeEvents()
    {
        var events = await ReadAllAsync(new TrickleStream(Encoding.UTF8.GetBytes(Added + "\n\n" + Added + "\n")));

        Assert.Equal(2, events.Count);
        Assert.All(events, e => Assert.Equal("ü\n", e.Item.Data["k"]));
    }

    [Fact]
    public async Task Read_LastLineCutOff_IsDropped()
    {
        var events = await ReadAllAsync(new MemoryStream(Encoding.UTF8.GetBytes(Added + "\n" + Added[..40])));
        Assert.Equal(WatchEventKind.Added, Assert.Single(events).Kind);
    }

    [Fact]
    public async Task Read_ObjectBeforeType_IsUnderstood()
    {
        var line = """{"object":{"metadata":{"name":"b","resourceVersion":"8"}},"extra":[1,{}],"type":"DELETED"}""" + "\n";
        var told = Assert.Single(await ReadAllAsync(new MemoryStream(Encoding.UTF8.GetBytes(line))));
        Assert.Equal((WatchEventKind.Deleted, "b"), (told.Kind, told.Item.Metadata.Name));
    }

    [Theory]
    [InlineData("""{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"too old resource version: 1 (1942)","reason":"Expired","code":410}}""")]
    [InlineData("""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (1942)","reason":"Expired","code":410}""")]
    public async Task Read_Error_ThrowsItsStatus(string line)
    {
        var error = await Assert.ThrowsAsync<ClusterException>(() => ReadAllAsync(new MemoryStream(Encoding.UTF8.GetBytes(line + "\n"))));
        Assert.True(error.IsExpired);
        Assert.Equal("too old resource version: 1 (1942)", error.Message);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("""{"type":"ADDED","object":null}""")]
    [InlineData("""{"type":"SURPRISE","object":{}}""")]
    [InlineData("""{"type":"ADDED","object":{"metadata":7}}""")]
    public async Task Read_Nonsense_ThrowsAClearError(string line)
    {
        var error = await Assert.ThrowsAsync<ClusterException>(() => ReadAllAsync(new MemoryStream(Encoding.UTF8.GetBytes(line + "\n"))));
        Assert.Contains("cannot be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_EndlessLine_IsRefusedInsteadOfBuffered()
    {
        var pipe = new Pipe();
        var endless = WriteEndlesslyAsync();
        async Task WriteEndlesslyAsync()
        {
            var block = Enumerable.Repeat((byte)'x', 1 << 16).ToArray();
            while (!(await pipe.Writer.WriteAsync(block, TestContext.Current.CancellationToken)).IsCompleted)
            {
            }
        }

        await using var stream = pipe.Reader.AsStream();
        var error = await Assert.ThrowsAsync<ClusterException>(() => ReadAllAsync(stream));

        Assert.Contains("exceeds", error.Message, StringComparison.Ordinal);
        await stream.DisposeAsync();
        await endless;
    }

    private static async Task<List<WatchEvent<V1ConfigMap>>> ReadAllAsync(Stream stream)
    {
        var events = new List<WatchEvent<V1ConfigMap>>();
        await foreach (var told in WatchStream.ReadAsync<V1ConfigMap>(stream, TestContext.Current.CancellationToken))
        {
            events.Add(told);
        }

        return events;
    }

    private sealed class TrickleStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..1], cancellationToken);
    }
}
