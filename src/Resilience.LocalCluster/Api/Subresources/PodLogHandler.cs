using System.Globalization;
using System.Text;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Subresources;

/// <summary><c>pods/log</c>: container, previous, tailLines, sinceSeconds, sinceTime, timestamps, limitBytes and follow.</summary>
internal sealed class PodLogHandler(ObjectStore store, TimeProvider clock, IHostApplicationLifetime lifetime, IPodLogs? logs = null)
{
    public async Task HandleAsync(ResourceRequest request)
    {
        var pod = store.Get(ResourceTypes.Pods, request.Namespace, request.Name) ?? throw StatusException.NotFound(ResourceTypes.Pods, request.Name);
        var container = ContainerOf(pod, request.Query("container"));
        var previous = request.Flag("previous") && request.Query("previous") is not null;
        var log = logs?.Find(pod, container, previous) ?? throw NotThere(pod, container, previous);

        request.Http.Response.ContentType = "text/plain";
        var filter = new LineFilter(Since(request), request.Flag("timestamps") && request.Query("timestamps") is not null, request.Number("limitBytes"));
        var file = new FileStream(log.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        await using var closing = file.ConfigureAwait(false);
        if (request.Number("tailLines") is { } tail)
        {
            file.Position = await TailStartAsync(file, tail, request.Aborted).ConfigureAwait(false);
        }

        await CopyAsync(request, file, log, filter).ConfigureAwait(false);
    }

    private async Task CopyAsync(ResourceRequest request, FileStream file, IPodLog log, LineFilter filter)
    {
        var follow = request.Flag("follow") && request.Query("follow") is not null;
        var output = request.Http.Response.Body;
        var pending = new MemoryStream();
        var buffer = new byte[32 * 1024];
        while (true)
        {
            var ended = log.Ended;   // before reading: what is written until it ended must still be read
            int read;
            while ((read = await file.ReadAsync(buffer, request.Aborted).ConfigureAwait(false)) > 0)
            {
                pending.Write(buffer, 0, read);
                await output.WriteAsync(filter.Take(pending), request.Aborted).ConfigureAwait(false);
                if (filter.Full)
                {
                    return;
                }
            }

            await output.FlushAsync(request.Aborted).ConfigureAwait(false);
            if (!follow || ended)
            {
                return;
            }

            using var ending = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, lifetime.ApplicationStopping);
            await log.WaitForMoreAsync(file.Position, ending.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Where the last lines begin, found from the end so that a long log costs nothing.</summary>
    private static async Task<long> TailStartAsync(FileStream file, long lines, CancellationToken cancellationToken)
    {
        if (lines == 0)
        {
            return file.Length;
        }

        var block = new byte[16 * 1024];
        var end = file.Length;
        var found = -1L;   // the last newline ends the last line
        while (end > 0)
        {
            var start = Math.Max(0, end - block.Length);
            file.Position = start;
            var read = await file.ReadAtLeastAsync(block.AsMemory(0, (int)(end - start)), (int)(end - start), false, cancellationToken).ConfigureAwait(false);
            for (var i = read - 1; i >= 0; i--)
            {
                if (block[i] == '\n' && ++found == lines)
                {
                    return start + i + 1;
                }
            }

            end = start;
        }

        return 0;
    }

    private DateTimeOffset? Since(ResourceRequest request) => request.Number("sinceSeconds") is { } seconds
        ? clock.GetUtcNow() - TimeSpan.FromSeconds(seconds)
        : DateTimeOffset.TryParse(request.Query("sinceTime"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    private static string ContainerOf(StoredObject pod, string? asked)
    {
        var names = (pod.Spec.Array("containers") ?? []).Concat(pod.Spec.Array("initContainers") ?? []).Select(static c => c.String("name") ?? "").ToList();
        if (!string.IsNullOrEmpty(asked))
        {
            return names.Contains(asked) ? asked : throw StatusException.BadRequest($"container {asked} is not valid for pod {pod.Name}");
        }

        var containers = (pod.Spec.Array("containers") ?? []).Select(static c => c.String("name") ?? "").ToList();
        return containers.Count == 1 ? containers[0]
            : throw StatusException.BadRequest($"a container name must be specified for pod {pod.Name}, choose one of: [{string.Join(' ', containers)}]");
    }

    private static StatusException NotThere(StoredObject pod, string container, bool previous)
    {
        if (previous)
        {
            return StatusException.BadRequest($"previous terminated container \"{container}\" in pod \"{pod.Name}\" not found");
        }

        var waiting = (pod.Status.Array("containerStatuses") ?? []).FirstOrDefault(c => c.String("name") == container).String("state", "waiting", "reason");
        return StatusException.BadRequest(waiting is "ErrImagePull" or "ImagePullBackOff"
            ? $"container \"{container}\" in pod \"{pod.Name}\" is waiting to start: trying and failing to pull image"
            : $"container \"{container}\" in pod \"{pod.Name}\" is waiting to start: {waiting ?? "ContainerCreating"}");
    }

    /// <summary>Takes whole lines out of a buffer and turns <c>time stream tag text</c> into what was asked for.</summary>
    private sealed class LineFilter(DateTimeOffset? since, bool timestamps, long? limit)
    {
        private long _written;

        public bool Full => limit is { } most && _written >= most;

        public ReadOnlyMemory<byte> Take(MemoryStream pending)
        {
            var bytes = pending.GetBuffer().AsSpan(0, (int)pending.Length);
            var output = new MemoryStream(bytes.Length);
            var used = 0;
            int newline;
            while ((newline = bytes[used..].IndexOf((byte)'\n')) >= 0)
            {
                Line(bytes.Slice(used, newline), output);
                used += newline + 1;
            }

            var rest = bytes[used..].ToArray();
            pending.SetLength(0);
            pending.Write(rest);
            var length = limit is { } most ? Math.Min(output.Length, most - _written) : output.Length;
            _written += length;
            return output.GetBuffer().AsMemory(0, (int)length);
        }

        private void Line(ReadOnlySpan<byte> line, MemoryStream output)
        {
            var space = line.IndexOf((byte)' ');
            var stream = space < 0 ? -1 : line[(space + 1)..].IndexOf((byte)' ');
            var tag = stream < 0 ? -1 : line[(space + stream + 2)..].IndexOf((byte)' ');
            if (tag < 0)
            {
                return;   // not an entry: a write was cut short
            }

            var stamp = line[..space];
            if (since is { } from && DateTimeOffset.TryParse(Encoding.ASCII.GetString(stamp), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
                && time < from)
            {
                return;
            }

            if (timestamps)
            {
                output.Write(stamp);
                output.WriteByte((byte)' ');
            }

            output.Write(line[(space + stream + tag + 3)..]);
            output.WriteByte((byte)'\n');
        }
    }
}
