namespace Resilience.LoadGenerator;

/// <summary>One request under way, and the race between its answer and its deadline: whichever comes first decides, once.</summary>
internal sealed class Flight(TimeSpan deadline)
{
    private readonly Lock _gate = new();
    private HttpConnection? _connection;
    private Outcome? _abortedAs;
    private bool _aborted;
    private bool _ended;

    public TimeSpan Deadline { get; } = deadline;

    public bool HasEnded => Volatile.Read(ref _ended);

    /// <summary>True when its connection was cut; stable once the request has ended.</summary>
    public bool WasAborted
    {
        get
        {
            lock (_gate)
            {
                return _aborted;
            }
        }
    }

    /// <summary>Hands over the connection that an abort has to cut.</summary>
    public void Uses(HttpConnection connection)
    {
        lock (_gate)
        {
            _connection = connection;
            if (_aborted)
            {
                connection.Dispose();
            }
        }
    }

    /// <param name="outcome">How it is to be counted; null when it is not to be counted.</param>
    public void Abort(Outcome? outcome)
    {
        lock (_gate)
        {
            if (!_ended && !_aborted)
            {
                (_aborted, _abortedAs) = (true, outcome);
                _connection?.Dispose();
            }
        }
    }

    /// <returns>How the request ended for its user; null when it is not to be counted.</returns>
    public Outcome? End(Outcome outcome)
    {
        lock (_gate)
        {
            _ended = true;
            return _aborted ? _abortedAs : outcome;
        }
    }
}
