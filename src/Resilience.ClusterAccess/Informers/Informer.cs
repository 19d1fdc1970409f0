using System.Diagnostics.CodeAnalysis;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Informers;

/// <summary>
/// A local copy of the objects of one kind, kept current by list and watch. Callbacks run on the thread that read the
/// event, in order, within a millisecond of its arrival; they must only enqueue. Objects handed out are shared:
/// treat them as immutable (each change brings a new instance).
/// </summary>
/// <remarks>
/// A watch that ends, breaks or falls silent resumes from the last resourceVersion; when that has left the server's
/// history (410) the informer lists again and reports the difference, deletions included. It never gives up.
/// </remarks>
public sealed partial class Informer<T> : IInformer
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly ClusterApi _api;
    private readonly ResourceType<T> _type;
    private readonly ResourceScope _scope;
    private readonly InformerOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Backoff _backoff;
    private readonly InformerCache<T> _cache = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action<InformerEvent<T>>? _changed;
    private long _lastContact;
    private string? _resourceVersion;

    public Informer(ClusterApi api, ResourceType<T> type, ResourceScope scope, InformerOptions options, TimeProvider clock, ILogger<Informer<T>> logger)
    {
        _api = api;
        _type = type;
        _scope = scope;
        _options = options;
        _clock = clock;
        _logger = logger;
        _backoff = new(options.BackoffFirst, options.BackoffCap, new Random(options.Seed ^ StableHash.Of(type.Plural)));
        _lastContact = clock.GetTimestamp();
    }

    /// <summary>
    /// Changes, in order. Subscribe before <see cref="RunAsync"/>. An exception from a handler is logged and does not
    /// stop the others' events.
    /// </summary>
    [SuppressMessage("Design", "CA1003:Use generic event handler instances", Justification = "A struct argument without sender: no allocation per event.")]
    public event Action<InformerEvent<T>>? Changed
    {
        add => _changed += value;
        remove => _changed -= value;
    }

    /// <summary>Raised after each list, once its differences have been told.</summary>
    public event Action? Resynced;

    public string Name => _type.ToString();

    public bool HasSynced => _synced.Task.IsCompletedSuccessfully;

    /// <summary>Time since the server last said anything: a list, an event, a bookmark, an accepted watch.</summary>
    public TimeSpan Silence => _clock.GetElapsedTime(Volatile.Read(ref _lastContact));

    /// <summary>False from the first failed request until the next success.</summary>
    public bool IsConnected { get; private set; }

    public long Relists { get; private set; }

    public long WatchRestarts { get; private set; }

    public int Count => _cache.Count;

    public Task WaitForSyncAsync(CancellationToken ct) => _synced.Task.WaitAsync(ct);

    public T? Get(NamespacedName key) => _cache.Get(key);

    public T? Get(string ns, string name) => _cache.Get(new(ns, name));

    /// <summary>A snapshot; of one namespace, or of all when <paramref name="ns"/> is null.</summary>
    public IReadOnlyCollection<T> List(string? ns = null) => _cache.List(ns);

    /// <summary>Runs until cancelled; returns then without an exception.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            TimeSpan? pause = null;
            try
            {
                if (_resourceVersion is null)
                {
                    await RelistAsync(ct);
                }

                pause = await WatchOnceAsync(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (ClusterException ex) when (ex.IsExpired)
            {
                // History is gone: the list tells everything at once, so the first relist goes out without delay.
                pause = _resourceVersion is null ? _backoff.Next() : null;
                _resourceVersion = null;
                LogExpired(_logger, Name);
            }
            catch (Exception ex)
            {
                IsConnected = false;
                pause = _backoff.Next();
                LogRetry(_logger, Name, pause.Value.TotalSeconds, ex.Message);
            }

            if (pause is { } delay)
            {
                await Task.Delay(delay, _clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RelistAsync(CancellationToken ct)
    {
        var list = await _api.ListAsync(_type, _scope, ct);
        Contact();
        Relists++;
        var noticedLate = HasSynced;
        foreach (var change in _cache.Replace(list.Items))
        {
            Raise(change with { NoticedByRelist = noticedLate });
        }

        _resourceVersion = list.ResourceVersion;
        LogListed(_logger, Name, list.Items.Count, list.ResourceVersion);
        _ = _synced.TrySetResult();
        Resynced?.Invoke();
    }

    /// <returns>How long to pause before the next watch; null when it ended in order.</returns>
    private async Task<TimeSpan?> WatchOnceAsync(CancellationToken ct)
    {
        var opened = _clock.GetTimestamp();
        using var watchdog = new CancellationTokenSource(_options.SilenceLimit, _clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, watchdog.Token);
        WatchRestarts++;
        try
        {
            var events = _api.WatchAsync(_type, _scope, _resourceVersion!, _options.WatchLifetime, Contact, linked.Token);
            await foreach (var change in events.ConfigureAwait(false))
            {
                Contact();
                watchdog.CancelAfter(_options.SilenceLimit);
                Apply(change);
                _backoff.Reset();
            }
        }
        catch (OperationCanceledException) when (watchdog.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            LogSilent(_logger, Name, _options.SilenceLimit.TotalSeconds);
            return null;
        }

        return _clock.GetElapsedTime(opened) < _options.ShortWatch ? _backoff.Next() : null;
    }

    private void Apply(WatchEvent<T> change)
    {
        if (change.Kind != WatchEventKind.Bookmark)
        {
            foreach (var told in change.Kind == WatchEventKind.Deleted ? _cache.Remove(change.Item) : _cache.Put(change.Item))
            {
                Raise(told);
            }
        }

        // Only after the callbacks: an event counts as seen once everybody has heard it.
        _resourceVersion = change.Item.Metadata.ResourceVersion ?? _resourceVersion;
    }

    private void Raise(InformerEvent<T> change)
    {
        foreach (var handler in Delegate.EnumerateInvocationList(_changed))
        {
            try
            {
                handler(change);
            }
            catch (Exception ex)
            {
                LogHandlerFailed(_logger, ex, Name, change.Key.ToString());
            }
        }
    }

    private void Contact()
    {
        Volatile.Write(ref _lastContact, _clock.GetTimestamp());
        IsConnected = true;
    }

    [LoggerMessage(EventId = 2001, EventName = "InformerListed", Level = LogLevel.Debug, Message = "Listed {Count} {Resource} at resourceVersion {ResourceVersion}")]
    private static partial void LogListed(ILogger logger, string resource, int count, string resourceVersion);

    [LoggerMessage(EventId = 2002, EventName = "InformerExpired", Level = LogLevel.Information, Message = "The history of {Resource} has moved past us; listing again")]
    private static partial void LogExpired(ILogger logger, string resource);

    [LoggerMessage(EventId = 2003, EventName = "InformerRetry", Level = LogLevel.Warning, Message = "Watching {Resource} failed, again in {DelaySeconds:0.###} s: {Error}")]
    private static partial void LogRetry(ILogger logger, string resource, double delaySeconds, string error);

    [LoggerMessage(EventId = 2004, EventName = "InformerSilent", Level = LogLevel.Information, Message = "Nothing heard of {Resource} for {SilenceSeconds} s; opening the watch anew")]
    private static partial void LogSilent(ILogger logger, string resource, double silenceSeconds);

    [LoggerMessage(EventId = 2005, EventName = "InformerHandlerFailed", Level = LogLevel.Error, Message = "A handler failed on {Resource} {Key}")]
    private static partial void LogHandlerFailed(ILogger logger, Exception exception, string resource, string key);
}
