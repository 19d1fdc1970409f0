using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Storage;

/// <summary>A list and the revision it is true at: watch from there and nothing is missed.</summary>
internal sealed record StoreSnapshot(IReadOnlyList<StoredObject> Items, long ResourceVersion);

/// <summary>
/// The cluster's state, in memory. One revision counter for all kinds, like etcd; writes commit one at a time and reach
/// subscribers before the call returns. Reads never wait.
/// </summary>
/// <remarks>
/// A <c>mutate</c> callback runs outside the lock and again when another writer got in between, so it must depend on its argument
/// only. Without a <see cref="Precondition"/> an update therefore never fails with Conflict.
/// </remarks>
internal sealed class ObjectStore
{
    /// <summary>Events kept per kind for watches that start in the past.</summary>
    public const int HistoryLength = 4096;

    /// <summary>Events a slow watcher may be behind before it is cut off.</summary>
    public const int WatchBuffer = 8192;

    private static readonly char[] NameAlphabet = [.. "bcdfghjklmnpqrstvwxz2456789"];

    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly IObjectStrategy? _strategy;
    private readonly int _historyLength;
    private ImmutableDictionary<string, Table> _tables = ImmutableDictionary<string, Table>.Empty;
    private long _revision;

    /// <param name="before">Revision that the first one follows. A store that replaces another must begin above all of its revisions.</param>
    public ObjectStore(TimeProvider clock, IObjectStrategy? strategy = null, int historyLength = HistoryLength, long before = 0)
    {
        Beginning = _revision = before;
        _clock = clock;
        _strategy = strategy;
        _historyLength = historyLength;
    }

    /// <summary>Raised inside the commit, before anybody else sees the change: handlers must be quick and must not write.</summary>
    public event Action<StoreEvent>? Committing;

    /// <summary>The revision before the first: a watch from here tells everything, as long as the history holds it.</summary>
    public long Beginning { get; }

    /// <summary>The newest committed revision.</summary>
    public long ResourceVersion => Volatile.Read(ref _revision);

    public StoredObject? Get(ResourceType type, string? ns, string name) =>
        TableOf(type).Objects.GetValueOrDefault(KeyOf(type, ns, name));

    /// <summary>Objects in namespace and name order; all namespaces when <paramref name="ns"/> is null.</summary>
    public IReadOnlyList<StoredObject> List(ResourceType type, string? ns = null) => Select(TableOf(type).Objects, ns);

    /// <summary>A list together with the revision a watch has to start from.</summary>
    public StoreSnapshot Snapshot(ResourceType type, string? ns = null)
    {
        ImmutableSortedDictionary<string, StoredObject> objects;
        long revision;
        lock (_gate)
        {
            objects = TableOf(type).Objects;
            revision = _revision;
        }

        return new(Select(objects, ns), revision);
    }

    /// <summary>Stores a new object; name, uid, resourceVersion, creationTimestamp and generation are filled in.</summary>
    /// <param name="body">Taken over by the store: pass a copy if it is used afterwards.</param>
    public StoredObject Create(ResourceType type, string? ns, JsonObject body, bool dryRun = false)
    {
        type = type.Stored;
        var metadata = ObjectMeta.PrepareNew(type, ns, body, _clock.GetUtcNow());
        var generated = metadata.String("name") is null && metadata.String("generateName") is { Length: > 0 };
        if (generated)
        {
            metadata["name"] = metadata.String("generateName")! + RandomNumberGenerator.GetString(NameAlphabet, 5);
        }

        if (type.HasStatus)
        {
            _ = body.Remove("status");
        }

        _strategy?.PrepareCreate(type, body);
        var name = metadata.String("name") ?? "";
        var ordered = ObjectMeta.Ordered(type, body);
        lock (_gate)
        {
            var table = TableOf(type);
            var key = KeyOf(type, ns, name);
            if (table.Objects.ContainsKey(key))
            {
                throw StatusException.AlreadyExists(type, name);
            }

            return dryRun ? new StoredObject(type, ordered, 0) : Commit(key, StoreEventType.Added, type, ordered, previous: null);
        }
    }

    /// <summary>Changes what the user asked for: status stays as it is where status is a subresource.</summary>
    /// <param name="mutate">Gets a deep copy to change; may run more than once.</param>
    public StoredObject Update(
        ResourceType type, string? ns, string name, Action<JsonObject> mutate, Precondition? precondition = null, bool dryRun = false) =>
        Change(type, ns, name, mutate, precondition, status: false, dryRun);

    /// <summary>Changes the status only; whatever else <paramref name="mutate"/> touches is put back, annotations of built-in kinds excepted.</summary>
    public StoredObject UpdateStatus(
        ResourceType type, string? ns, string name, Action<JsonObject> mutate, Precondition? precondition = null, bool dryRun = false) =>
        Change(type, ns, name, mutate, precondition, status: true, dryRun);

    /// <summary>
    /// Deletes, or starts to: an object with finalizers, and a pod that still runs, only get their deletionTimestamp. Returns the
    /// object as it is afterwards; <see cref="StoredObject.IsDeleting"/> and <see cref="Get"/> tell which it was.
    /// </summary>
    public StoredObject Delete(ResourceType type, string? ns, string name, DeleteOptions? options = null)
    {
        options ??= DeleteOptions.Default;
        type = type.Stored;
        lock (_gate)
        {
            var table = TableOf(type);
            var key = KeyOf(type, ns, name);
            if (!table.Objects.TryGetValue(key, out var current))
            {
                throw StatusException.NotFound(type, name);
            }

            ObjectMeta.CheckDelete(current, options.Precondition);
            var body = current.Clone();
            var waits = ObjectMeta.MarkDeleted(type, current, body, options, _strategy, _clock.GetUtcNow());
            if (options.DryRun)
            {
                return new StoredObject(type, body, current.ResourceVersion);
            }

            if (!waits)
            {
                return Commit(key, StoreEventType.Deleted, type, body, current);
            }

            return JsonNode.DeepEquals(body, current.Body) ? current : Commit(key, StoreEventType.Modified, type, body, current);
        }
    }

    /// <summary>
    /// Subscribes from after <paramref name="fromResourceVersion"/>; throws Expired (410) when that is older than the history. One in the future
    /// waits for it, as on a real server.
    /// </summary>
    public StoreWatch Watch(ResourceType type, long fromResourceVersion)
    {
        lock (_gate)
        {
            var table = EnsureTable(type);
            var oldest = Math.Max(table.ForgottenThrough, Beginning);
            if (fromResourceVersion < oldest)
            {
                throw StatusException.Expired($"too old resource version: {fromResourceVersion} ({oldest})");
            }

            var watch = new StoreWatch(Math.Max(WatchBuffer, table.History.Count + 1), Unsubscribe);
            foreach (var change in table.History)
            {
                if (change.Object.ResourceVersion > fromResourceVersion)
                {
                    _ = watch.Publish(change);
                }
            }

            table.Watchers = table.Watchers.Add(watch);
            return watch;

            void Unsubscribe(StoreWatch ended)
            {
                lock (_gate)
                {
                    table.Watchers = table.Watchers.Remove(ended);
                }
            }
        }
    }

    /// <inheritdoc cref="Watch"/>
    public async IAsyncEnumerable<StoreEvent> WatchAsync(
        ResourceType type, long fromResourceVersion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = Watch(type, fromResourceVersion);
        await foreach (var change in watch.Events.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return change;
        }
    }

    /// <summary>Forgets every object and the history of a kind whose definition was deleted; watchers are told Deleted first.</summary>
    public void Drop(ResourceType type)
    {
        foreach (var item in List(type))
        {
            lock (_gate)
            {
                var table = TableOf(type);
                var key = KeyOf(type, item.Namespace, item.Name);
                if (table.Objects.TryGetValue(key, out var current))
                {
                    _ = Commit(key, StoreEventType.Deleted, type, current.Clone(), current);
                }
            }
        }
    }

    private StoredObject Change(
        ResourceType type, string? ns, string name, Action<JsonObject> mutate, Precondition? precondition, bool status, bool dryRun)
    {
        type = type.Stored;
        while (true)
        {
            var current = Get(type, ns, name) ?? throw StatusException.NotFound(type, name);
            ObjectMeta.CheckUpdate(current, precondition);
            var body = current.Clone();
            mutate(body);
            if (status)
            {
                ObjectMeta.KeepAllButStatus(current, body);
            }
            else
            {
                ObjectMeta.KeepSystemFields(type, current, body);
            }

            _strategy?.PrepareUpdate(type, current, body, status);
            if (!status && type.HasGeneration && ObjectMeta.DesiredStateChanged(type, current.Body, body))
            {
                body["metadata"]!["generation"] = (current.Metadata.Long("generation") ?? 0) + 1;
            }

            body = ObjectMeta.Ordered(type, body);
            if (JsonNode.DeepEquals(body, current.Body))
            {
                return current;
            }

            if (TryCommitChange(type, current, body, dryRun, out var stored))
            {
                return stored;
            }
        }
    }

    private bool TryCommitChange(
        ResourceType type, StoredObject current, JsonObject body, bool dryRun, [NotNullWhen(true)] out StoredObject? stored)
    {
        lock (_gate)
        {
            var table = TableOf(type);
            var key = KeyOf(type, current.Namespace, current.Name);
            if (!table.Objects.TryGetValue(key, out var latest) || latest.ResourceVersion != current.ResourceVersion)
            {
                stored = null;
                return false;
            }

            stored = dryRun ? new StoredObject(type, body, current.ResourceVersion)
                : ObjectMeta.IsDone(type, body) ? Commit(key, StoreEventType.Deleted, type, body, current)
                : Commit(key, StoreEventType.Modified, type, body, current);
            return true;
        }
    }

    /// <summary>Only under the lock.</summary>
    private StoredObject Commit(
        string key, StoreEventType kind, ResourceType type, JsonObject body, StoredObject? previous)
    {
        var revision = _revision + 1;
        body["metadata"]!["resourceVersion"] = revision.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var stored = new StoredObject(type, body, revision);
        var table = EnsureTable(type);
        table.Objects = kind == StoreEventType.Deleted ? table.Objects.Remove(key) : table.Objects.SetItem(key, stored);
        Volatile.Write(ref _revision, revision);
        var change = new StoreEvent(kind, stored, previous);
        Committing?.Invoke(change);
        table.Remember(change, _historyLength);
        foreach (var watch in table.Watchers)
        {
            if (!watch.Publish(change))
            {
                table.Watchers = table.Watchers.Remove(watch);
            }
        }

        return stored;
    }

    private Table TableOf(ResourceType type) => _tables.GetValueOrDefault(type.Stored.StorageKey) ?? Table.Empty;

    private Table EnsureTable(ResourceType type)
    {
        var key = type.Stored.StorageKey;
        if (_tables.TryGetValue(key, out var table))
        {
            return table;
        }

        table = new Table();
        _tables = _tables.Add(key, table);
        return table;
    }

    private static string KeyOf(ResourceType type, string? ns, string name) => type.Namespaced ? $"{ns}/{name}" : name;

    private static List<StoredObject> Select(ImmutableSortedDictionary<string, StoredObject> objects, string? ns)
    {
        if (ns is null)
        {
            return [.. objects.Values];
        }

        var found = new List<StoredObject>();
        foreach (var item in objects.Values)
        {
            if (item.Namespace == ns)
            {
                found.Add(item);
            }
        }

        return found;
    }

    private sealed class Table
    {
        public static readonly Table Empty = new();

        public ImmutableSortedDictionary<string, StoredObject> Objects { get; set; } =
            ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);

        public Queue<StoreEvent> History { get; } = new();

        public ImmutableArray<StoreWatch> Watchers { get; set; } = [];

        /// <summary>The newest revision that has fallen out of the history.</summary>
        public long ForgottenThrough { get; private set; }

        public void Remember(StoreEvent change, int limit)
        {
            History.Enqueue(change);
            while (History.Count > limit)
            {
                ForgottenThrough = History.Dequeue().Object.ResourceVersion;
            }
        }
    }
}
