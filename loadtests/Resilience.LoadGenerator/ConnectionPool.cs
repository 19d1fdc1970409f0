namespace Resilience.LoadGenerator;

/// <summary>The kept-alive connections of a run: so many steady users, who take turns.</summary>
/// <remarks>
/// First in, first out. The usual last-in-first-out would send everything through one warm connection, and so to one pod.
/// </remarks>
internal sealed class ConnectionPool(HttpTarget target, int users) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<HttpConnection> _idle = new();
    private int _open;
    private bool _disposed;

    /// <returns>A connection and whether it is still to be opened.</returns>
    public (HttpConnection Connection, bool IsNew) Take()
    {
        lock (_gate)
        {
            while (_open >= users && _idle.TryDequeue(out var idle))
            {
                if (idle.IsUsable)
                {
                    return (idle, false);
                }

                idle.Dispose();
                _open--;
            }

            _open++;
            return (new HttpConnection(target), true);
        }
    }

    public void GiveBack(HttpConnection connection, bool keep)
    {
        lock (_gate)
        {
            if (keep && !_disposed && _idle.Count < users)
            {
                _idle.Enqueue(connection);
                return;
            }

            _open--;
        }

        connection.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            while (_idle.TryDequeue(out var idle))
            {
                idle.Dispose();
            }
        }
    }
}
