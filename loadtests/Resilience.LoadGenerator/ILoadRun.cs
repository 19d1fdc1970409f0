namespace Resilience.LoadGenerator;

/// <summary>A running load, wherever it runs.</summary>
public interface ILoadRun : IAsyncDisposable
{
    /// <summary>Zero of the run's time, on this machine's clock.</summary>
    DateTimeOffset StartedAt { get; }

    /// <summary>The result, once the last request has ended. A stopped run gives the result so far.</summary>
    Task<LoadResult> Completion { get; }

    LoadSnapshot Snapshot();

    /// <summary>Sends nothing more and gives up what is under way, which then counts neither as good nor as failed.</summary>
    void StopSending();
}
