using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Drills;

/// <summary>Starts drills on slots named as people name them, and undoes every one of them at the end, whatever happened.</summary>
internal sealed class DrillCrew(IDrillTarget target, TimeProvider time) : IAsyncDisposable
{
    private readonly List<Drill> _running = [];
    private readonly Lock _gate = new();

    /// <param name="slot">blue, green, active, standby, both or leader.</param>
    public async Task<IReadOnlyList<Drill>> StartAsync(
        string fault, string slot, IReadOnlyDictionary<string, double> parameters, TimeSpan lasts, CancellationToken stop)
    {
        var kind = FaultCatalog.Find(fault);
        var slots = kind.OnLeader ? ["leader"] : await ResolveAsync(slot, stop).ConfigureAwait(false);

        // At once: between one slot and the other the watcher would have time to flee to the one that is next.
        return await Task.WhenAll(slots.Select(each => StartOneAsync(kind, each, parameters, lasts, stop))).ConfigureAwait(false);
    }

    public async Task RestoreAsync(Drill drill)
    {
        await drill.RestoreAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _ = _running.Remove(drill);
        }
    }

    /// <summary>Undoes drills that somebody left behind.</summary>
    /// <returns>What was undone, for people.</returns>
    public static async Task<IReadOnlyList<string>> HealAsync(IDrillTarget target, CancellationToken stop)
    {
        var healed = new List<string>();
        foreach (var slot in Names.Slots)
        {
            var (_, record) = await target.ReadAsync(slot, stop).ConfigureAwait(false);
            if (record is not null)
            {
                await Drill.UndoAsync(target, FaultCatalog.Find(record.Kind), slot, record, stop).ConfigureAwait(false);
                healed.Add($"{record.Kind} on {slot}");
            }
        }

        return healed;
    }

    /// <summary>Undoes everything; tries each drill even when another one's undoing fails.</summary>
    public async ValueTask DisposeAsync()
    {
        Drill[] left;
        lock (_gate)
        {
            left = [.. _running];
            _running.Clear();
        }

        foreach (var drill in left)
        {
            try
            {
                await drill.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception gone) when (gone is ClusterException or OperationCanceledException)
            {
                // The cluster is away; its record stays on the Deployment for "lab chaos heal".
            }
        }
    }

    private async Task<Drill> StartOneAsync(FaultKind kind, string slot, IReadOnlyDictionary<string, double> parameters, TimeSpan lasts, CancellationToken stop)
    {
        var drill = await Drill.StartAsync(target, time, kind, slot, parameters, lasts, stop).ConfigureAwait(false);
        lock (_gate)
        {
            _running.Add(drill);
        }

        return drill;
    }

    private async Task<IReadOnlyList<string>> ResolveAsync(string slot, CancellationToken stop) => slot switch
    {
        "both" => Names.Slots,
        "active" => [await target.ActiveSlotAsync(stop).ConfigureAwait(false)],
        "standby" => [Names.Other(await target.ActiveSlotAsync(stop).ConfigureAwait(false))],
        _ => [slot],
    };
}
