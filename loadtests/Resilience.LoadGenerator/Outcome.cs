namespace Resilience.LoadGenerator;

/// <summary>How one request ended, as its user saw it.</summary>
public enum Outcome : byte
{
    /// <summary>A complete answer with a status below 400, in time.</summary>
    Ok,

    /// <summary>A complete answer with a status of 400 or more.</summary>
    HttpError,

    /// <summary>No complete answer within the timeout.</summary>
    TimedOut,

    /// <summary>No connection: refused or unreachable.</summary>
    NotConnected,

    /// <summary>The connection broke before the answer was complete.</summary>
    Broken,

    /// <summary>Never sent: too many were in flight already.</summary>
    NotSent,
}
