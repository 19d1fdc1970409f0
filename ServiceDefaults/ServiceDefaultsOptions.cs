namespace Resilience.ServiceDefaults;

/// <summary>What a process leaves out of the defaults. Everything is on unless it says otherwise.</summary>
public sealed class ServiceDefaultsOptions
{
    /// <summary>
    /// Retries, timeouts and circuit breaking, with service discovery, on every <see cref="HttpClient"/> of the factory. Default true.
    /// Off for the watcher, the agent and the load generator: a retry hides the failure that they are there to see.
    /// </summary>
    public bool HttpResilience { get; set; } = true;

    /// <summary>
    /// On SIGTERM keep serving for <c>DRAIN_SECONDS</c> with readiness failed before hosted services stop. Default true.
    /// Off for a process that no Service sends traffic to: it has nothing to drain and should hand over at once.
    /// </summary>
    public bool Drain { get; set; } = true;
}
