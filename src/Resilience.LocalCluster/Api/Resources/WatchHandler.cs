using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>Streams changes: each event is written and flushed as it commits, several at once only when several are waiting.</summary>
internal sealed class WatchHandler(ObjectStore store, Representation representation, IHostApplicationLifetime lifetime, TimeProvider clock)
{
    private static readonly TimeSpan BookmarkPeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(45);

    public async Task HandleAsync(ResourceRequest request)
    {
        var filter = new Filter(request.Namespace, request.Info.Name, request.Labels, request.Fields);
        var from = ParseVersion(request.Query("resourceVersion"));
        var initial = request.Query("sendInitialEvents") is null ? from is null : request.Flag("sendInitialEvents");
        var timeout = request.Number("timeoutSeconds") is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : DefaultTimeout;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, lifetime.ApplicationStopping);
        using var timer = clock.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), ending, timeout, Timeout.InfiniteTimeSpan);

        request.Http.Response.ContentType = Responses.JsonType;
        request.Http.Response.Headers.CacheControl = "no-cache, private";
        var stream = new Stream(request, representation);
        try
        {
            var start = from ?? store.ResourceVersion;
            if (initial)
            {
                start = WriteInitial(request, filter, stream);
            }

            using var watch = store.Watch(request.Type, start);
            await stream.FlushAsync(ending.Token).ConfigureAwait(false);
            await FollowAsync(request, watch, filter, stream, start, ending.Token).ConfigureAwait(false);
        }
        catch (StatusException refusal)
        {
            stream.Write("ERROR", Encoding.UTF8.GetBytes(refusal.ToStatus().ToJsonString(JsonExtensions.Compact)));
            await stream.FlushAsync(request.Aborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!request.Aborted.IsCancellationRequested)
        {
            // The time the client asked for is over: end the response normally.
            if (request.Flag("allowWatchBookmarks"))
            {
                stream.Bookmark(store.ResourceVersion, initialEventsEnd: false);
                await stream.FlushAsync(request.Aborted).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Returns the revision to follow from.</summary>
    private long WriteInitial(ResourceRequest request, Filter filter, Stream stream)
    {
        var snapshot = store.Snapshot(request.Type, request.Namespace);
        foreach (var item in snapshot.Items.Where(filter.Matches))
        {
            stream.Event("ADDED", item);
        }

        if (request.Flag("sendInitialEvents") && request.Query("sendInitialEvents") is not null)
        {
            stream.Bookmark(snapshot.ResourceVersion, initialEventsEnd: true);
        }

        return snapshot.ResourceVersion;
    }

    private async Task FollowAsync(ResourceRequest request, StoreWatch watch, Filter filter, Stream stream, long start, CancellationToken cancellationToken)
    {
        var bookmarks = request.Flag("allowWatchBookmarks");
        using var period = new PeriodicTimer(BookmarkPeriod, clock);
        var bookmark = bookmarks ? period.WaitForNextTickAsync(cancellationToken).AsTask() : null;
        while (true)
        {
            var ready = watch.Events.WaitToReadAsync(cancellationToken).AsTask();
            while (bookmark is not null && await Task.WhenAny(ready, bookmark).ConfigureAwait(false) == bookmark)
            {
                _ = await bookmark.ConfigureAwait(false);
                stream.Bookmark(store.ResourceVersion, initialEventsEnd: false);
                await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
                bookmark = period.WaitForNextTickAsync(cancellationToken).AsTask();
            }

            if (!await ready.ConfigureAwait(false))
            {
                return;
            }

            while (watch.Events.TryRead(out var change))
            {
                if (change.Object.ResourceVersion > start)
                {
                    Send(change, filter, stream);
                }
            }

            await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>An object that leaves the selection is deleted as far as this watch is concerned, and one that enters is new.</summary>
    private static void Send(StoreEvent change, Filter filter, Stream stream)
    {
        var matches = change.Type != StoreEventType.Deleted && filter.Matches(change.Object);
        var matched = change.Previous is { } previous && filter.Matches(previous);
        if (matches)
        {
            stream.Event(matched ? "MODIFIED" : "ADDED", change.Object);
        }
        else if (change.Type == StoreEventType.Deleted && (matched || filter.Matches(change.Object)))
        {
            stream.Event("DELETED", change.Object);
        }
        else if (matched)
        {
            var last = change.Previous!.Clone();
            last["metadata"]!["resourceVersion"] = change.Object.ResourceVersion.ToString(CultureInfo.InvariantCulture);
            stream.Event("DELETED", new StoredObject(change.Object.Type, last, change.Object.ResourceVersion));
        }
    }

    /// <returns>Null for "any": no version, or 0.</returns>
    private static long? ParseVersion(string? text) => string.IsNullOrEmpty(text) || text == "0" ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version
        : throw new StatusException(500, "", $"resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");

    private sealed record Filter(string? Namespace, string? Name, LabelSelector Labels, FieldSelector Fields)
    {
        public bool Matches(StoredObject item) => (Namespace is null || item.Namespace == Namespace) && (Name is null || item.Name == Name)
            && Labels.Matches(item) && Fields.Matches(item);
    }

    private sealed class Stream(ResourceRequest request, Representation representation)
    {
        private bool _columnsSent;

        public void Event(string type, StoredObject item)
        {
            var bytes = representation.Single(request, item, withColumns: !_columnsSent);
            _columnsSent = true;
            Write(type, bytes);
        }

        public void Bookmark(long revision, bool initialEventsEnd)
        {
            var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture) };
            if (initialEventsEnd)
            {
                metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
            }

            var body = new JsonObject { ["kind"] = request.Type.Kind, ["apiVersion"] = request.Type.ApiVersion, ["metadata"] = metadata };
            if (request.Negotiation.Form == ResponseForm.Table)
            {
                body = new JsonObject
                {
                    ["kind"] = "Table",
                    ["apiVersion"] = $"meta.k8s.io/{request.Negotiation.MetaVersion}",
                    ["metadata"] = metadata.DeepClone(),
                    ["columnDefinitions"] = null,
                    ["rows"] = new JsonArray(),
                };
            }

            Write("BOOKMARK", Encoding.UTF8.GetBytes(body.ToJsonString(JsonExtensions.Compact)));
        }

        public void Write(string type, ReadOnlyMemory<byte> body)
        {
            var writer = request.Http.Response.BodyWriter;
            Copy(writer, Encoding.ASCII.GetBytes($$"""{"type":"{{type}}","object":"""));
            Copy(writer, body.Span);
            Copy(writer, "}\n"u8);
        }

        public async ValueTask FlushAsync(CancellationToken cancellationToken) =>
            _ = await request.Http.Response.BodyWriter.FlushAsync(cancellationToken).ConfigureAwait(false);

        private static void Copy(System.IO.Pipelines.PipeWriter writer, ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(writer.GetSpan(bytes.Length));
            writer.Advance(bytes.Length);
        }
    }
}
