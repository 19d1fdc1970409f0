using Resilience.LoadGenerator;

namespace Resilience.Lab.Running;

/// <summary>Where the load of a run comes from. The report says which.</summary>
internal interface ILoadSource
{
    /// <summary>Word for reports: <c>lab</c> or <c>job</c>.</summary>
    string Kind { get; }

    /// <summary>Starts sending; returns once the load has begun.</summary>
    /// <param name="stop">Gives up starting. A load that has begun goes on until it is over, stopped or disposed of.</param>
    Task<ILoadRun> StartAsync(LoadPlan plan, CancellationToken stop);
}

/// <summary>This process.</summary>
internal sealed class OwnLoad(TimeProvider time) : ILoadSource
{
    public const string Word = "lab";

    public string Kind => Word;

    public async Task<ILoadRun> StartAsync(LoadPlan plan, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        return await LoadRun.StartAsync(plan, time, CancellationToken.None).ConfigureAwait(false);
    }
}
