using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>
/// Writes Kubernetes Events off the callers' path: equal ones raise the count of the first, and each lives for an hour as on a
/// real server. When the queue is full the newest are dropped: events explain, they do not steer.
/// </summary>
internal sealed class EventRecorder(ObjectStore store, TimeProvider clock) : IController
{
    private const int QueueLength = 4096;
    private const int Remembered = 4096;
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly Channel<Item> _queue = Channel.CreateBounded<Item>(
        new BoundedChannelOptions(QueueLength) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Dictionary<(string Uid, string Reason, string Message, string Component), (string Namespace, string Name)> _known = [];
    private int _sequence;

    public string Name => "events";

    /// <param name="component">Source shown by kubectl: kubelet, deployment-controller, …</param>
    public void Normal(StoredObject about, string component, string reason, string message, string? fieldPath = null) =>
        Record(about, component, "Normal", reason, message, fieldPath);

    public void Warning(StoredObject about, string component, string reason, string message, string? fieldPath = null) =>
        Record(about, component, "Warning", reason, message, fieldPath);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var sweep = clock.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
        await foreach (var item in _queue.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                Write(item);
            }
            catch (StatusException)
            {
                // The namespace is going, or the event was deleted in between.
            }
        }
    }

    private void Record(StoredObject about, string component, string type, string reason, string message, string? fieldPath) =>
        _ = _queue.Writer.TryWrite(new(about, component, type, reason, message, fieldPath, clock.GetUtcNow()));

    private void Write(Item item)
    {
        var key = (item.About.Uid, item.Reason, item.Message, item.Component);
        if (_known.TryGetValue(key, out var known) && store.Get(ResourceTypes.Events, known.Namespace, known.Name) is not null)
        {
            _ = StoreOf(item).Update(ResourceTypes.Events, known.Namespace, known.Name, body =>
            {
                body["count"] = (body.Int("count") ?? 1) + 1;
                body["lastTimestamp"] = item.At.ToKubernetesTime();
            });
            return;
        }

        if (_known.Count >= Remembered)
        {
            _known.Clear();
        }

        var ns = item.About.Namespace ?? "default";
        var name = $"{item.About.Name}.{(item.At.UtcTicks + _sequence++).ToString("x16", CultureInfo.InvariantCulture)}";
        _ = StoreOf(item).Create(ResourceTypes.Events, ns, Body(item, name));
        _known[key] = (ns, name);
    }

    private ComponentStore StoreOf(Item item) => new(store, clock, item.Component switch
    {
        "kubelet" => ComponentStore.Kubelet,
        "default-scheduler" => ComponentStore.Scheduler,
        _ => ComponentStore.ControllerManager,
    });

    private static JsonObject Body(Item item, string name)
    {
        var involved = new JsonObject
        {
            ["kind"] = item.About.Type.Kind,
            ["namespace"] = item.About.Namespace,
            ["name"] = item.About.Name,
            ["uid"] = item.About.Uid,
            ["apiVersion"] = item.About.Type.ApiVersion,
            ["resourceVersion"] = item.About.ResourceVersion.ToString(CultureInfo.InvariantCulture),
        };
        if (item.FieldPath is not null)
        {
            involved["fieldPath"] = item.FieldPath;
        }

        var source = new JsonObject { ["component"] = item.Component };
        if (item.Component == "kubelet")
        {
            source["host"] = Node.NodeOptions.NodeName;
        }

        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = name },
            ["involvedObject"] = involved,
            ["reason"] = item.Reason,
            ["message"] = item.Message,
            ["source"] = source,
            ["firstTimestamp"] = item.At.ToKubernetesTime(),
            ["lastTimestamp"] = item.At.ToKubernetesTime(),
            ["count"] = 1,
            ["type"] = item.Type,
            ["eventTime"] = null,
            ["reportingComponent"] = item.Component,
            ["reportingInstance"] = item.Component == "kubelet" ? Node.NodeOptions.NodeName : "",
        };
    }

    private void Sweep()
    {
        var oldest = clock.GetUtcNow() - Lifetime;
        foreach (var item in store.List(ResourceTypes.Events))
        {
            var last = item.Body.Time("lastTimestamp") ?? item.Body.Time("eventTime") ?? item.Metadata.Time("creationTimestamp");
            if (last < oldest)
            {
                try
                {
                    _ = store.Delete(ResourceTypes.Events, item.Namespace, item.Name);
                }
                catch (StatusException)
                {
                    // Deleted in between.
                }
            }
        }
    }

    private sealed record Item(
        StoredObject About, string Component, string Type, string Reason, string Message, string? FieldPath, DateTimeOffset At);
}
