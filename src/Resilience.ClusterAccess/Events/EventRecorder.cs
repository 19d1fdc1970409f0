using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Events;

public enum EventSeverity
{
    Normal,
    Warning,
}

/// <summary>Limits of an <see cref="EventRecorder"/>.</summary>
public sealed record EventRecorderOptions
{
    /// <summary>Event source and reporting component, such as <c>failover-watcher</c>.</summary>
    public required string Component { get; init; }

    /// <summary>Reporting instance: the pod's name.</summary>
    public required string Instance { get; init; }

    /// <summary>A repetition within this time raises the count of the event instead of making another. Default 10 min.</summary>
    public TimeSpan AggregateFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Repetitions of one event reach the server at most this often. Default 1 s.</summary>
    public TimeSpan UpdateInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>So many different messages for one object and reason; from then on they share one event. Default 10.</summary>
    public int DistinctMessages { get; init; } = 10;

    /// <summary>Events remembered at a time; beyond it the oldest is forgotten. Default 512.</summary>
    public int Capacity { get; init; } = 512;
}

/// <summary>
/// Writes Kubernetes Events in the background: <see cref="Record"/> never waits and never throws, so that a slow or
/// dead API server delays no decision. The same event again raises its count, and nothing is sent more often than once
/// per <see cref="EventRecorderOptions.UpdateInterval"/>.
/// </summary>
public sealed partial class EventRecorder : IDisposable
{
    /// <summary>The server's limits; it refuses what is longer.</summary>
    private const int MessageLimitBytes = 1024;
    private const int InstanceLimitBytes = 128;
    private const int NameLimitBytes = 253;
    private const int Attempts = 3;

    private readonly ClusterApi _api;
    private readonly EventRecorderOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<EventKey, Entry> _entries = [];
    private bool _toldForbidden;
    private readonly Queue<EventKey> _oldestFirst = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private long _sequence;

    public EventRecorder(ClusterApi api, EventRecorderOptions options, TimeProvider clock, ILogger<EventRecorder> logger)
    {
        _api = api;
        _options = options;
        _clock = clock;
        _logger = logger;
    }

    /// <summary>Events that never reached the server.</summary>
    public long Lost { get; private set; }

    /// <param name="reason">One word in CamelCase, stable: people filter by it.</param>
    /// <param name="action">What was done or refused, one word.</param>
    /// <param name="message">A sentence; cut at 1,024 bytes, the server's limit.</param>
    public void Record<T>(ResourceType<T> type, T about, EventSeverity severity, string reason, string action, string message)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var reference = new V1ObjectReference
        {
            ApiVersion = type.ApiVersion,
            Kind = type.Kind,
            Name = about.Metadata.Name,
            NamespaceProperty = about.Metadata.NamespaceProperty,
            Uid = about.Metadata.Uid,
            ResourceVersion = about.Metadata.ResourceVersion,
        };
        lock (_gate)
        {
            Note(reference, severity, reason, action, Cut(message, MessageLimitBytes));
        }

        Wake();
    }

    /// <summary>Sends until cancelled, then once more what is left, for at most two seconds.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var next = await FlushAsync(all: false, ct);
            using var timer = new CancellationTokenSource(next, _clock);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timer.Token);
            await _wake.WaitAsync(linked.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        using var last = new CancellationTokenSource(TimeSpan.FromSeconds(2), _clock);
        _ = await FlushAsync(all: true, last.Token);
    }

    public void Dispose() => _wake.Dispose();

    /// <summary>Sends what is due.</summary>
    /// <returns>When something will be due next.</returns>
    internal async Task<TimeSpan> FlushAsync(bool all, CancellationToken ct)
    {
        while (TakeDue(all, out var next) is { } due)
        {
            try
            {
                await SendAsync(due, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                Lost++;
                return next;
            }
            catch (ClusterException ex)
            {
                GiveUpOrRetry(due, ex);
            }
        }

        lock (_gate)
        {
            return NextDue();
        }
    }

    private void Note(V1ObjectReference about, EventSeverity severity, string reason, string action, string message)
    {
        var now = _clock.GetUtcNow();
        Forget(now);
        var key = new EventKey(about.Uid ?? about.Name, severity, reason, message);
        if (!_entries.ContainsKey(key) && _entries.Keys.Count(k => k.Object == key.Object && k.Reason == reason) >= _options.DistinctMessages)
        {
            key = key with { Message = null };
        }

        if (!_entries.TryGetValue(key, out var entry))
        {
            var suffix = $".{now.ToUnixTimeMilliseconds():x}{++_sequence:x4}";
            entry = new Entry(key, about, action, now, Head(about.Name, NameLimitBytes - suffix.Length) + suffix);
            _entries[key] = entry;
            _oldestFirst.Enqueue(key);
        }

        entry.Count++;
        entry.Last = now;
        entry.Message = key.Message is null ? Cut("(one of several like it) " + message, MessageLimitBytes) : message;
        entry.Dirty = true;
    }

    private void Forget(DateTimeOffset now)
    {
        while (_oldestFirst.TryPeek(out var oldest) && (_entries.Count >= _options.Capacity || now - _entries[oldest].First > _options.AggregateFor))
        {
            if (_entries.Remove(_oldestFirst.Dequeue(), out var entry) && entry.Dirty)
            {
                Lost++;
            }
        }
    }

    private Entry? TakeDue(bool all, out TimeSpan next)
    {
        lock (_gate)
        {
            var now = _clock.GetUtcNow();
            var due = _entries.Values.Where(e => e.Dirty && (all || e.NotBefore <= now)).MinBy(e => e.Last);
            if (due is not null)
            {
                due.Dirty = false;
                due.NotBefore = now + _options.UpdateInterval;
            }

            next = NextDue();
            return due;
        }
    }

    private TimeSpan NextDue()
    {
        var next = _entries.Values.Where(e => e.Dirty).Select(e => (DateTimeOffset?)e.NotBefore).Min();
        var wait = next is { } at ? at - _clock.GetUtcNow() : _options.AggregateFor;
        return wait > TimeSpan.FromMilliseconds(1) ? wait : TimeSpan.FromMilliseconds(1);
    }

    private async Task SendAsync(Entry entry, CancellationToken ct)
    {
        if (!entry.Exists)
        {
            try
            {
                _ = await _api.CreateAsync(ResourceTypes.Events, entry.Namespace, Compose(entry), ct, _options.Component);
                (entry.Exists, entry.Failures) = (true, 0);
                return;
            }
            catch (ClusterException ex) when (ex.IsAlreadyExists)
            {
                entry.Exists = true;   // the answer to an earlier attempt was lost
            }
        }

        try
        {
            _ = await _api.PatchAsync(ResourceTypes.Events, entry.Namespace, entry.Name, ResourcePatch.Merge(Repetition(entry)), ct);
            entry.Failures = 0;
        }
        catch (ClusterException ex) when (ex.IsNotFound)
        {
            _ = await _api.CreateAsync(ResourceTypes.Events, entry.Namespace, Compose(entry), ct, _options.Component);   // the server forgets events after an hour
            entry.Failures = 0;
        }
    }

    private void GiveUpOrRetry(Entry entry, ClusterException ex)
    {
        lock (_gate)
        {
            entry.Failures++;
            var retry = entry.Failures < Attempts && (ex.IsUnreachable || (int)ex.StatusCode!.Value >= 500);
            entry.Dirty |= retry;
            entry.NotBefore = _clock.GetUtcNow() + (_options.UpdateInterval * Math.Pow(2, entry.Failures));
            if (!retry)
            {
                Lost++;
                entry.Failures = 0;
            }

            LogFailed(_logger, entry.Key.Reason, ex.Message, retry ? "will try again" : "gave up");
            if (ex.IsForbidden && !_toldForbidden)
            {
                _toldForbidden = true;   // a missing verb in a Role concerns somebody; each lost Event would only be noise
                LogForbidden(_logger, ex.Message);
            }
        }
    }

    private static JsonObject Repetition(Entry entry) => new()
    {
        ["count"] = entry.Count,
        ["lastTimestamp"] = Seconds(entry.Last),
        ["message"] = entry.Message,
    };

    private Corev1Event Compose(Entry entry) => new()
    {
        ApiVersion = ResourceTypes.Events.ApiVersion,
        Kind = ResourceTypes.Events.Kind,
        Metadata = new V1ObjectMeta
        {
            Name = entry.Name,
            NamespaceProperty = entry.Namespace,
        },
        InvolvedObject = entry.About,
        Type = entry.Key.Severity.ToString(),
        Reason = entry.Key.Reason,
        Action = entry.Action,
        Message = entry.Message,
        Count = entry.Count,
        FirstTimestamp = Whole(entry.First),
        LastTimestamp = Whole(entry.Last),
        EventTime = entry.First.UtcDateTime,
        Source = new V1EventSource { Component = _options.Component },
        ReportingComponent = _options.Component,
        ReportingInstance = Head(_options.Instance, InstanceLimitBytes),
    };

    /// <summary>The timestamps of core Events are whole seconds; only eventTime has fractions.</summary>
    private static DateTime Whole(DateTimeOffset at) => at.UtcDateTime.AddTicks(-(at.Ticks % TimeSpan.TicksPerSecond));

    private static string Seconds(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Cut(string text, int limitBytes) =>
        Encoding.UTF8.GetByteCount(text) <= limitBytes ? text : Head(text, limitBytes - Encoding.UTF8.GetByteCount("…")) + "…";

    /// <summary>As many whole characters from the start as fit.</summary>
    private static string Head(string text, int limitBytes)
    {
        var length = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if ((limitBytes -= rune.Utf8SequenceLength) < 0)
            {
                return text[..length];
            }

            length += rune.Utf16SequenceLength;
        }

        return text;
    }

    private void Wake()
    {
        lock (_gate)
        {
            if (_wake.CurrentCount == 0)
            {
                _ = _wake.Release();
            }
        }
    }

    [LoggerMessage(EventId = 2201, EventName = "EventNotWritten", Level = LogLevel.Debug, Message = "Event {Reason} was not written ({Outcome}): {Error}")]
    private static partial void LogFailed(ILogger logger, string reason, string error, string outcome);

    [LoggerMessage(EventId = 2202, EventName = "EventsForbidden", Level = LogLevel.Warning, Message = "Events cannot be written, so decisions are told in the log and the status only: {Error}")]
    private static partial void LogForbidden(ILogger logger, string error);

    /// <summary>Two events are the same when all of this is; a null message stands for any.</summary>
    private readonly record struct EventKey(string Object, EventSeverity Severity, string Reason, string? Message);

    private sealed class Entry(EventKey key, V1ObjectReference about, string action, DateTimeOffset first, string name)
    {
        public EventKey Key { get; } = key;

        /// <summary>Of the Event; chosen once, so that an attempt whose answer was lost is not repeated as another Event.</summary>
        public string Name { get; } = name;

        public V1ObjectReference About { get; } = about;

        public string Action { get; } = action;

        public DateTimeOffset First { get; } = first;

        /// <summary>Events about cluster-scoped objects live in <c>default</c>.</summary>
        public string Namespace => string.IsNullOrEmpty(About.NamespaceProperty) ? "default" : About.NamespaceProperty;

        public DateTimeOffset Last { get; set; }

        public DateTimeOffset NotBefore { get; set; }

        public string Message { get; set; } = "";

        public int Count { get; set; }

        public bool Dirty { get; set; }

        public int Failures { get; set; }

        /// <summary>The server has it, as far as is known.</summary>
        public bool Exists { get; set; }
    }
}
