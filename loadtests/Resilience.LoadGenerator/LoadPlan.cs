namespace Resilience.LoadGenerator;

/// <summary>How arrivals are spaced around the profile's rate.</summary>
public enum Arrivals
{
    /// <summary>Evenly: the least noise, for measuring a failover to the millisecond.</summary>
    Constant,

    /// <summary>As independent users arrive, drawn from the plan's seed.</summary>
    Poisson,
}

/// <summary>One run of load. Arrivals never wait for answers, and nothing is ever retried.</summary>
public sealed record LoadPlan
{
    /// <summary>What is asked for, always with GET; http or https.</summary>
    public required Uri Url { get; init; }

    public required LoadProfile Profile { get; init; }

    /// <summary>How long requests are sent; the run ends when the last has been answered or has timed out. Up to 24 hours.</summary>
    public required TimeSpan Duration { get; init; }

    public Arrivals Arrivals { get; init; } = Arrivals.Constant;

    /// <summary>Seed of the Poisson arrivals.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Share of requests that open a connection of their own and close it, evenly interleaved; the rest reuse idle ones. 0 to 1, default 0.5.</summary>
    /// <remarks>A kept-alive connection stays with its pod after traffic has moved; only both kinds together show what users see.</remarks>
    public double NewConnectionRatio { get; init; } = 0.5;

    /// <summary>Kept-alive connections that the other requests take turns on, each standing for one steady user. Default 16.</summary>
    public int KeptConnections { get; init; } = 16;

    /// <summary>From the intended send time to the last byte of the answer. Default 2 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Requests under way at once; more are not sent and count as failed. Default 2,000.</summary>
    public int MaxInFlight { get; init; } = 2_000;

    /// <summary>Requests remembered one by one, for gaps, timelines and the series; totals and percentiles count all. Default 1,000,000 (24 MB).</summary>
    public int MaxSamples { get; init; } = 1_000_000;

    /// <summary>Requests per second that get a trace of their own while somebody listens to <see cref="LoadTelemetry"/>. 0 to 1,000, default 5.</summary>
    public double TracesPerSecond { get; init; } = 5;

    /// <exception cref="ArgumentException">The plan cannot be run; the message says which part.</exception>
    public void Validate()
    {
        Require(Url.IsAbsoluteUri && Url.Scheme is "http" or "https", $"The URL must be an absolute http or https address, not '{Url}'.");
        Require(Duration > TimeSpan.Zero && Duration <= TimeSpan.FromHours(24), "The duration must be more than 0 and at most 24 hours.");
        Require(NewConnectionRatio is >= 0 and <= 1, "The new-connection ratio must be from 0 to 1.");
        Require(KeptConnections is >= 1 and <= 10_000, "The number of kept-alive connections must be from 1 to 10,000.");
        Require(Timeout >= TimeSpan.FromMilliseconds(1) && Timeout <= TimeSpan.FromMinutes(5), "The timeout must be from 1 ms to 5 minutes.");
        Require(MaxInFlight is >= 1 and <= 20_000, "The limit of requests in flight must be from 1 to 20,000.");
        Require(TracesPerSecond is >= 0 and <= 1_000, "The number of traces per second must be from 0 to 1,000.");
        Require(MaxSamples is >= 1 and <= 20_000_000, "The limit of samples must be from 1 to 20,000,000.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
