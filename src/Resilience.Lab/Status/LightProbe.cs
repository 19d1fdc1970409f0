using System.Globalization;

namespace Resilience.Lab.Status;

/// <summary>
/// Ten requests a second on new connections: enough to show whether users are answered, too few to disturb. They come in by the
/// front door like any user's, so the pods count them as demand.
/// </summary>
internal sealed class LightProbe(Uri url, TimeProvider time) : IDisposable
{
    /// <summary>Requests per second.</summary>
    public const double Rate = 10;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1 / Rate);
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = TimeSpan.FromSeconds(2) };
    private readonly Queue<(bool Ok, string? Slot, double Milliseconds)> _last = new();
    private readonly Lock _gate = new();

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            _ = AskAsync(stop);
            await Task.Delay(Interval, time, stop).ConfigureAwait(false);
        }
    }

    public string Summary()
    {
        lock (_gate)
        {
            if (_last.Count == 0)
            {
                return "page      no answer yet";
            }

            var good = _last.Where(answer => answer.Ok).ToArray();
            var slots = string.Join(" + ", good.Select(answer => answer.Slot ?? "?").Distinct().Order(StringComparer.Ordinal));
            var median = good.Length == 0 ? 0 : good.Select(answer => answer.Milliseconds).Order().ElementAt(good.Length / 2);
            return string.Create(CultureInfo.InvariantCulture, $"page      {url} : {good.Length} of the last {_last.Count} probes answered{(good.Length == 0 ? string.Empty : $" by {slots}, p50 {median:0} ms")}");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task AskAsync(CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var ok = false;
        string? slot = null;
        try
        {
            using var answer = await _http.GetAsync(url, stop).ConfigureAwait(false);
            ok = answer.IsSuccessStatusCode;
            slot = answer.Headers.TryGetValues("X-Slot", out var values) ? values.FirstOrDefault() : null;
        }
        catch (Exception failed) when (failed is HttpRequestException or OperationCanceledException)
        {
            if (stop.IsCancellationRequested)
            {
                return;
            }
        }

        lock (_gate)
        {
            _last.Enqueue((ok, slot, time.GetElapsedTime(started).TotalMilliseconds));
            if (_last.Count > 20)
            {
                _ = _last.Dequeue();
            }
        }
    }
}
