using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using Resilience.ClusterAccess.Api;

namespace Resilience.Testing;

/// <summary>How a request to the <see cref="FakeApiServer"/> goes wrong.</summary>
public enum RequestFault
{
    None,

    /// <summary>Lost on the way there: nothing happens, the client sees a broken connection.</summary>
    LoseRequest,

    /// <summary>Lost on the way back: the write is applied, the client sees a broken connection.</summary>
    LoseResponse,

    /// <summary>409 Conflict although the precondition holds, as when somebody writes in between.</summary>
    Conflict,

    /// <summary>500.</summary>
    ServerError,

    /// <summary>410 Gone, in the way of a list whose page token has expired.</summary>
    Expired,

    /// <summary>Never answers; ends only when the client gives up.</summary>
    Hang,
}

/// <summary>
/// A small API server inside the process, reached through KubernetesClient's handler chain: objects with
/// resourceVersion and 409, list with pages, watch with bookmarks, history and 410, create, replace, merge and JSON
/// patch, apply, status, delete. Objects are stored as JSON, so nothing is shared with the client.
/// </summary>
public sealed class FakeApiServer
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly List<(long Version, string Key, string Type, JsonObject Object)> _history = [];
    private readonly List<FakeWatch> _watches = [];
    private readonly List<(Func<FakeRequest, bool> Matches, TaskCompletionSource<FakeRequest> Seen)> _waiters = [];
    private long _version = 100;
    private long _compacted;
    private int _uids;

    /// <summary>Asked for every request; the default lets everything pass.</summary>
    public Func<FakeRequest, RequestFault> Inject { get; set; } = _ => RequestFault.None;

    /// <summary>Answers requests that no store can, such as discovery; null falls through to the store.</summary>
    public Func<FakeRequest, (HttpStatusCode Status, JsonNode Body)?> Custom { get; set; } = _ => null;

    /// <summary>Requests in order of arrival, also the lost ones.</summary>
    public List<FakeRequest> Requests { get; } = [];

    public int OpenWatches
    {
        get
        {
            lock (_gate)
            {
                return _watches.Count;
            }
        }
    }

    /// <summary>Watches stay open but say nothing, like a half-open connection.</summary>
    public bool Mute { get; set; }

    /// <param name="timeout">Request timeout of the client; the default never fires with a stopped clock.</param>
    public ClusterApi Connect(TimeProvider clock, TimeSpan? timeout = null) => new(Client(), clock, timeout ?? TimeSpan.FromSeconds(10));

    public Kubernetes Client() => new(new KubernetesClientConfiguration { Host = "http://fake" }, new FakeChain(this));

    /// <summary>Stores an object as somebody else would, creating or changing it; watchers see it.</summary>
    public JsonObject Put(ResourceType type, JsonObject item)
    {
        lock (_gate)
        {
            var key = Key(type.Path((string?)item["metadata"]!["namespace"], (string)item["metadata"]!["name"]!));
            return Store(key, (JsonObject)item.DeepClone(), _objects.ContainsKey(key) ? "MODIFIED" : "ADDED");
        }
    }

    public JsonObject? Get(ResourceType type, string? ns, string name)
    {
        lock (_gate)
        {
            return _objects.TryGetValue(Key(type.Path(ns, name)), out var found) ? (JsonObject)found.DeepClone() : null;
        }
    }

    public IReadOnlyList<JsonObject> All(ResourceType type)
    {
        lock (_gate)
        {
            return [.. Matching("/" + type.Path(null)).Select(o => (JsonObject)o.Value.DeepClone())];
        }
    }

    public bool Remove(ResourceType type, string? ns, string name)
    {
        lock (_gate)
        {
            return Erase(Key(type.Path(ns, name)));
        }
    }

    /// <summary>Forgets history: a watch from before now gets 410.</summary>
    public void Compact()
    {
        lock (_gate)
        {
            _history.Clear();
            _compacted = _version;
        }
    }

    /// <summary>Advances the version without touching any watched kind and tells every watch by a bookmark.</summary>
    public void Bookmark()
    {
        lock (_gate)
        {
            _version++;
            foreach (var watch in _watches)
            {
                Write(watch, "BOOKMARK", new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = $"{_version}" } });
            }
        }
    }

    /// <summary>Ends every open watch, in order or with a broken connection.</summary>
    public void EndWatches(bool broken)
    {
        lock (_gate)
        {
            foreach (var watch in _watches.ToList())
            {
                watch.End(broken ? new IOException("connection reset") : null);
            }

            _watches.Clear();
        }
    }

    /// <summary>Completes at the next request that matches; ask before causing it.</summary>
    public Task<FakeRequest> NextRequest(Func<FakeRequest, bool> matches)
    {
        lock (_gate)
        {
            var seen = new TaskCompletionSource<FakeRequest>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((matches, seen));
            return seen.Task;
        }
    }

    private async Task<HttpResponseMessage> HandleAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var text = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        var seen = new FakeRequest(
            request.Method.Method, request.RequestUri!.AbsolutePath, System.Web.HttpUtility.ParseQueryString(request.RequestUri.Query),
            request.Content?.Headers.ContentType?.MediaType, string.IsNullOrEmpty(text) ? null : JsonNode.Parse(text));
        RequestFault fault;
        lock (_gate)
        {
            Requests.Add(seen);
            fault = Inject(seen);
            foreach (var waiter in _waiters.Where(w => w.Matches(seen)).ToList())
            {
                _ = _waiters.Remove(waiter);
                _ = waiter.Seen.TrySetResult(seen);
            }
        }

        switch (fault)
        {
            case RequestFault.LoseRequest:
                throw new HttpRequestException("connection reset before the request was sent");
            case RequestFault.Hang:
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
                break;
            case RequestFault.Conflict:
                return Status(HttpStatusCode.Conflict, "Conflict", "the object has been modified");
            case RequestFault.ServerError:
                return Status(HttpStatusCode.InternalServerError, "InternalError", "etcd is unwell");
            case RequestFault.Expired:
                return Status(HttpStatusCode.Gone, "Expired", "too old");
        }

        var response = Answer(seen);
        return fault == RequestFault.LoseResponse ? throw new HttpRequestException("connection reset while waiting for the answer") : response;
    }

    private HttpResponseMessage Answer(FakeRequest request)
    {
        lock (_gate)
        {
            if (Custom(request) is { } custom)
            {
                return Json(custom.Status, custom.Body);
            }

            return request.Method switch
            {
                "GET" when request.Query["watch"] == "true" => Watch(request),
                "GET" when IsCollection(request.Path) => List(request),
                "GET" => _objects.TryGetValue(request.Path, out var found) ? Json(HttpStatusCode.OK, found) : NotFound(request),
                "POST" => Create(request),
                "PUT" => Replace(request),
                "PATCH" => Patch(request),
                "DELETE" => Delete(request),
                _ => Status(HttpStatusCode.MethodNotAllowed, "MethodNotAllowed", request.Method),
            };
        }
    }

    private HttpResponseMessage List(FakeRequest request)
    {
        var items = Matching(request.Path).ToList();
        var limit = int.TryParse(request.Query["limit"], out var asked) && asked > 0 ? asked : int.MaxValue;
        var offset = int.TryParse(request.Query["continue"], out var at) ? at : 0;
        var page = items.Skip(offset).Take(limit).ToList();
        var metadata = new JsonObject { ["resourceVersion"] = $"{_version}" };
        if (offset + page.Count < items.Count)
        {
            metadata["continue"] = $"{offset + page.Count}";
        }

        // Items of a real list carry neither apiVersion nor kind.
        return Json(HttpStatusCode.OK, new JsonObject
        {
            ["kind"] = "List",
            ["metadata"] = metadata,
            ["items"] = new JsonArray([.. page.Select(p => Without((JsonObject)p.Value.DeepClone(), "apiVersion", "kind"))]),
        });
    }

    private HttpResponseMessage Watch(FakeRequest request)
    {
        var from = long.Parse(request.Query["resourceVersion"] ?? "0", System.Globalization.CultureInfo.InvariantCulture);
        var watch = new FakeWatch(request.Path);
        watch.Ended = () =>
        {
            lock (_gate)
            {
                _ = _watches.Remove(watch);
            }
        };
        if (from < _compacted)
        {
            Write(watch, "ERROR", StatusBody(HttpStatusCode.Gone, "Expired", $"too old resource version: {from} ({_compacted})"));
            watch.End(null);
        }
        else
        {
            foreach (var past in _history.Where(h => h.Version > from && Matches(h.Key, request.Path)))
            {
                Write(watch, past.Type, past.Object);
            }

            _watches.Add(watch);
        }

        return new(HttpStatusCode.OK) { Content = new StreamContent(watch.Stream) };
    }

    private HttpResponseMessage Create(FakeRequest request)
    {
        var body = (JsonObject)request.Body!.DeepClone();
        var key = $"{request.Path}/{(string)body["metadata"]!["name"]!}";
        if (_objects.ContainsKey(key))
        {
            return Status(HttpStatusCode.Conflict, "AlreadyExists", $"{key} already exists");
        }

        if (NamespaceOf(request.Path) is { } ns)
        {
            body["metadata"]!["namespace"] = ns;
        }

        return Json(HttpStatusCode.Created, Store(key, body, "ADDED"));
    }

    private HttpResponseMessage Replace(FakeRequest request)
    {
        var (key, status) = Target(request.Path);
        if (!_objects.TryGetValue(key, out var current))
        {
            return NotFound(request);
        }

        var body = (JsonObject)request.Body!.DeepClone();
        if (Stale(body, current))
        {
            return Status(HttpStatusCode.Conflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again");
        }

        return Json(HttpStatusCode.OK, Update(key, status ? OnlyStatus(current, body) : body));
    }

    private HttpResponseMessage Patch(FakeRequest request)
    {
        var (key, status) = Target(request.Path);
        var apply = request.MediaType == "application/apply-patch+yaml";
        if (!_objects.TryGetValue(key, out var current))
        {
            return apply ? Json(HttpStatusCode.Created, Store(key, (JsonObject)request.Body!.DeepClone(), "ADDED")) : NotFound(request);
        }

        if (request.MediaType is not ("application/merge-patch+json" or "application/strategic-merge-patch+json") && !apply)
        {
            return Status(HttpStatusCode.UnsupportedMediaType, "UnsupportedMediaType", request.MediaType ?? "");
        }

        var patch = (JsonObject)request.Body!.DeepClone();
        if (Stale(patch, current))
        {
            return Status(HttpStatusCode.Conflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again");
        }

        var merged = (JsonObject)current.DeepClone();
        Merge(merged, patch);
        return Json(HttpStatusCode.OK, Update(key, status ? OnlyStatus(current, merged) : merged));
    }

    private HttpResponseMessage Delete(FakeRequest request)
    {
        if (!_objects.TryGetValue(request.Path, out var current))
        {
            return NotFound(request);
        }

        if ((string?)request.Body?["preconditions"]?["uid"] is { } uid && uid != (string?)current["metadata"]!["uid"])
        {
            return Status(HttpStatusCode.Conflict, "Conflict", "the uid in the precondition does not match");
        }

        _ = Erase(request.Path);
        return Json(HttpStatusCode.OK, new JsonObject { ["kind"] = "Status", ["status"] = "Success" });
    }

    private JsonObject Update(string key, JsonObject next)
    {
        var current = _objects[key];
        next["metadata"]!["resourceVersion"] = (string?)current["metadata"]!["resourceVersion"];
        next["metadata"]!["uid"] = (string?)current["metadata"]!["uid"];
        return JsonNode.DeepEquals(current, next) ? current : Store(key, next, "MODIFIED");
    }

    private JsonObject Store(string key, JsonObject item, string type)
    {
        item["metadata"]!["resourceVersion"] = $"{++_version}";
        item["metadata"]!["uid"] ??= _objects.TryGetValue(key, out var known) ? (string?)known["metadata"]!["uid"] : $"uid-{++_uids}";
        _objects[key] = item;
        Announce(key, type, item);
        return item;
    }

    private bool Erase(string key)
    {
        if (!_objects.Remove(key, out var last))
        {
            return false;
        }

        var final = (JsonObject)last.DeepClone();
        final["metadata"]!["resourceVersion"] = $"{++_version}";
        Announce(key, "DELETED", final);
        return true;
    }

    private void Announce(string key, string type, JsonObject item)
    {
        var copy = (JsonObject)item.DeepClone();
        _history.Add((_version, key, type, copy));
        foreach (var watch in _watches.Where(w => Matches(key, w.Path)))
        {
            Write(watch, type, copy);
        }
    }

    private void Write(FakeWatch watch, string type, JsonObject item)
    {
        if (!Mute)
        {
            watch.Write(new JsonObject { ["type"] = type, ["object"] = item.DeepClone() }.ToJsonString() + "\n");
        }
    }

    private IEnumerable<KeyValuePair<string, JsonObject>> Matching(string collection) => _objects.Where(o => Matches(o.Key, collection));

    /// <summary>True when the object is in the collection, also when that spans all namespaces.</summary>
    private static bool Matches(string key, string collection)
    {
        var slash = key.LastIndexOf('/');
        var own = key[..slash];
        if (own == collection)
        {
            return true;
        }

        var at = own.IndexOf("/namespaces/", StringComparison.Ordinal);
        var end = at < 0 ? -1 : own.IndexOf('/', at + "/namespaces/".Length);
        return end > 0 && string.Concat(own.AsSpan(0, at), own.AsSpan(end)) == collection;
    }

    private static string Key(string path) => "/" + path;

    private static (string Key, bool Status) Target(string path) =>
        path.EndsWith("/status", StringComparison.Ordinal) ? (path[..^"/status".Length], true) : (path, false);

    /// <summary>Paths have a group part, then namespaces/x/plural or plural: an object has one segment more.</summary>
    private static bool IsCollection(string path)
    {
        var parts = path.Trim('/').Split('/');
        var rest = parts.Length - (parts[0] == "api" ? 2 : 3);
        return rest is 1 or 3;
    }

    private static string? NamespaceOf(string path)
    {
        var parts = path.Split('/');
        var at = Array.IndexOf(parts, "namespaces");
        return at > 0 && at + 2 < parts.Length ? parts[at + 1] : null;
    }

    private static bool Stale(JsonObject body, JsonObject current) =>
        (string?)body["metadata"]?["resourceVersion"] is { Length: > 0 } asked && asked != (string?)current["metadata"]!["resourceVersion"];

    private static JsonObject OnlyStatus(JsonObject current, JsonObject next)
    {
        var result = (JsonObject)current.DeepClone();
        result["status"] = next["status"]?.DeepClone();
        return result;
    }

    private static void Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
            {
                _ = target.Remove(name);
            }
            else if (value is JsonObject change && target[name] is JsonObject inner)
            {
                Merge(inner, change);
            }
            else
            {
                target[name] = value.DeepClone();
            }
        }
    }

    private static JsonObject Without(JsonObject item, params string[] names)
    {
        foreach (var name in names)
        {
            _ = item.Remove(name);
        }

        return item;
    }

    private static HttpResponseMessage NotFound(FakeRequest request) => Status(HttpStatusCode.NotFound, "NotFound", $"{request.Path} not found");

    private static HttpResponseMessage Status(HttpStatusCode code, string reason, string message) => Json(code, StatusBody(code, reason, message));

    private static JsonObject StatusBody(HttpStatusCode code, string reason, string message) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = message,
        ["reason"] = reason,
        ["code"] = (int)code,
    };

    private static HttpResponseMessage Json(HttpStatusCode code, JsonNode body) =>
        new(code) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };

    /// <summary>KubernetesClient attaches its own transport beneath a handler; this one is never asked.</summary>
    private sealed class FakeChain(FakeApiServer server) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            server.HandleAsync(request, cancellationToken);
    }
}
