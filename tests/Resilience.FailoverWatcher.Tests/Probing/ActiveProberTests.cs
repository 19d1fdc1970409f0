using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Resilience.FailoverWatcher.Probing;
using Resilience.FailoverWatcher.Reconciling;
using Resilience.Testing;

namespace Resilience.FailoverWatcher.Tests.Probing;

/// <summary>Real loopback sockets, virtual time: a timeout happens when the test says so.</summary>
public sealed class ActiveProberTests : IAsyncDisposable
{
    private static readonly BlueGreenKey Key = new("shop", "web");
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly CountingClock _clock = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly List<PodServer> _servers = [];
    private readonly ConcurrentQueue<BlueGreenKey> _changes = new();
    private readonly ActiveProber _prober;

    public ActiveProberTests()
    {
        _prober = new(Options.Create(new WatcherOptions()), new(_services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>()), _clock,
            NullLogger<ActiveProber>.Instance);
        _prober.Changed += _changes.Enqueue;
    }

    public async ValueTask DisposeAsync()
    {
        _prober.Dispose();
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
        await _services.DisposeAsync();
    }

    [Fact]
    public async Task Watch_PodAnswers_NotesTheSuccessAndCallsNobody()
    {
        var pod = Serve("HTTP/1.1 200 OK\r\n\r\n");
        Watch(pod);
        await ProbedAsync(1);
        Assert.Equal(_clock.GetUtcNow(), _prober.Look(Key, "pod")!.LastSuccess);
        Assert.Empty(_changes);
        Assert.Contains("GET /healthz HTTP/1.1\r\n", pod.Requests.First(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\n\r\n")]
    [InlineData("HTTP/1.1 404 Not Found\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n\r\n")]
    [InlineData("HTTP")]   // torn in mid-answer
    public async Task Watch_BadAnswers_CountAsFailingAfterThree(string answer)
    {
        var pod = Serve(answer);
        Watch(pod);
        await FailsAfterThreeAsync(Interval);
        Assert.Equal(3, pod.Requests.Count);
    }

    [Fact]
    public async Task Watch_ClosesWithoutAWord_IsAskedAgainSooner()
    {
        var pod = Serve("");
        Watch(pod);
        await FailsAfterThreeAsync(Interval / 5);
        Assert.Equal(3, pod.Requests.Count);
    }

    [Fact]
    public async Task Watch_NobodyListens_IsAskedAgainSooner_UntilItCountsAsFailing()
    {
        var pod = Serve("");
        await pod.DisposeAsync();
        Watch(pod);
        await FailsAfterThreeAsync(Interval / 5);

        // From now on there is nothing to find out quickly.
        _clock.Advance(Interval - TimeSpan.FromMilliseconds(1));
        Assert.Equal(2 * 3, _clock.Alarms);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await ProbedAsync(4);
    }

    [Theory]
    [InlineData(150, 250)]   // at once: its last probe is long enough ago
    [InlineData(240, 290)]   // a fifth of the interval after its last probe
    public async Task Watch_OneBeginsToFail_TheOthersAreAskedAheadOfTheirTurn(int otherBegins, int otherIsAskedAgain)
    {
        var (failing, other) = (Serve("HTTP/1.1 200 OK\r\n\r\n"), Serve("HTTP/1.1 200 OK\r\n\r\n"));
        Watch(("failing", failing));
        await ProbedAsync(1);
        Advance(otherBegins);
        Watch(("failing", failing), ("other", other));
        await ProbedAsync(2);
        await failing.DisposeAsync();
        Advance(250 - otherBegins);
        await ProbedAsync(3);
        if (otherIsAskedAgain > 250)
        {
            await Eventually.TrueAsync(() => _clock.Alarms >= 7, "the other has a new alarm");
            Advance(otherIsAskedAgain - 250 - 1);
            Assert.Single(other.Requests);
            Advance(1);
        }
        await Eventually.TrueAsync(() => _prober.Look(Key, "other")!.LastSuccess == _clock.GetUtcNow(), "the other answers");
        Assert.Equal(2, other.Requests.Count);

        // It goes on failing, which is no news: the other waits for its turn.
        Advance(300 - otherIsAskedAgain);
        await Eventually.TrueAsync(() => _clock.Alarms >= (otherIsAskedAgain > 250 ? 11 : 10), "the failing one was asked again");
        Assert.Equal(2, other.Requests.Count);
    }

    /// <summary>Three failures in a row shall have taken their time: whoever fails already is not hurried by others.</summary>
    [Fact]
    public async Task Watch_OneBeginsToFail_ThoseThatFailAlreadyKeepTheirTurn()
    {
        var (sick, gone) = (Serve("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Serve(""));
        await gone.DisposeAsync();
        Watch(("sick", sick));
        await ProbedAsync(1);
        Advance(150);
        Watch(("sick", sick), ("gone", gone));
        await ProbedAsync(2);
        Advance(50);
        await ProbedAsync(3);
        Assert.Single(sick.Requests);
    }

    /// <summary>The same when their first failure was under way already.</summary>
    [Fact]
    public async Task Watch_TwoBeginToFailTogether_NeitherHurriesTheOther()
    {
        var (one, two) = (Serve("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Serve("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        Watch(("one", one), ("two", two));
        await ProbedAsync(2);
        Advance(249);
        Assert.Equal((4, 1, 1), (_clock.Alarms, one.Requests.Count, two.Requests.Count));
        Advance(1);
        await ProbedAsync(4);
    }

    private void Advance(int milliseconds) => _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private async Task FailsAfterThreeAsync(TimeSpan apart)
    {
        var start = _clock.GetUtcNow();
        for (var probe = 1; probe < 3; probe++)
        {
            await ProbedAsync(probe);
            Assert.Null(_prober.Look(Key, "pod")!.FailingSince);
            _clock.Advance(apart - TimeSpan.FromMilliseconds(1));
            Assert.Equal(2 * probe, _clock.Alarms);
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }
        await ProbedAsync(3);
        Assert.Equal(start, _prober.Look(Key, "pod")!.FailingSince);
        Assert.Single(_changes);
    }

    [Fact]
    public async Task Send_NoWayThere_IsNotTakenForARefusal() =>
        Assert.Equal(ProbeOutcome.Unreachable, await HttpProbe.SendAsync(new(IPAddress.Broadcast, 80), "/", Interval, TimeProvider.System, TestContext.Current.CancellationToken));

    [Fact]
    public async Task Watch_PodHangs_IsFoundAfterThreeTimeouts()
    {
        var pod = Serve(answer: null);
        var start = _clock.GetUtcNow();
        Watch(pod);
        for (var probe = 1; probe <= 3; probe++)
        {
            await Eventually.TrueAsync(() => pod.Requests.Count >= probe, $"probe {probe} arrives");
            Assert.Null(_prober.Look(Key, "pod")!.FailingSince);
            _clock.Advance(Interval);
        }
        await Eventually.TrueAsync(() => !_changes.IsEmpty, "the hang is reported");
        Assert.Equal(start, _prober.Look(Key, "pod")!.FailingSince);
        Assert.Equal(TimeSpan.FromMilliseconds(750), _clock.GetUtcNow() - start);   // interval × failures, not more
    }

    [Fact]
    public async Task Watch_HungPodHeals_IsReported()
    {
        var pod = Serve(answer: null);
        Watch(pod);
        await Eventually.AfterAsync(_clock, Interval, () => !_changes.IsEmpty, "the hang is reported");
        pod.Answer = "HTTP/1.1 200 OK\r\n\r\n";
        await Eventually.AfterAsync(_clock, Interval, () => _changes.Count >= 2, "the recovery is reported");
        Assert.Null(_prober.Look(Key, "pod")!.FailingSince);
    }

    [Fact]
    public async Task Watch_ProberRanLate_DiscardsTheFailure()
    {
        var pod = Serve(answer: null);
        Watch(pod);
        for (var probe = 1; probe <= 6; probe++)
        {
            await Eventually.TrueAsync(() => pod.Requests.Count >= probe, $"probe {probe} arrives");
            _clock.Advance(Interval * 4);   // as if the machine had stood still for a second
        }
        await Eventually.TrueAsync(() => pod.Requests.Count >= 7, "probing goes on");
        Assert.Null(_prober.Look(Key, "pod")!.FailingSince);
        Assert.Empty(_changes);
    }

    [Fact]
    public async Task Watch_OneHangsAndOneAnswers_TheAnswerIsReportedAsEvidence()
    {
        var hung = Serve(answer: null);
        var well = Serve("HTTP/1.1 200 OK\r\n\r\n");
        Watch(("hung", hung), ("well", well));
        await Eventually.AfterAsync(_clock, Interval, () => _prober.Look(Key, "hung")?.FailingSince is not null, "the hang is found");
        await Eventually.AfterAsync(_clock, Interval, () => _prober.Look(Key, "well")!.LastSuccess > _prober.Look(Key, "hung")!.FailingSince, "the other answers after");
        await Eventually.TrueAsync(() => !_changes.IsEmpty, "it is told");   // the facts are there a moment before the word of them
    }

    [Fact]
    public async Task Watch_PodIsGone_IsForgottenAndNotProbed()
    {
        var pod = Serve("HTTP/1.1 200 OK\r\n\r\n");
        Watch(pod);
        await Eventually.TrueAsync(() => !pod.Requests.IsEmpty, "the pod is probed");
        _prober.Watch(Key, Settings(pod.Port), []);
        Assert.Null(_prober.Look(Key, "pod"));
        var before = pod.Requests.Count;
        _clock.Advance(Interval * 4);
        Assert.InRange(pod.Requests.Count, before, before + 1);
    }

    /// <summary>
    /// Waits until the answer to so many probes has been dealt with. Each sets two alarms: its own limit, then the start of
    /// the next. Advancing the clock earlier would make the prober late, and it rightly discards what it is late for.
    /// </summary>
    private Task ProbedAsync(int probes) => Eventually.TrueAsync(() => _clock.Alarms >= 2 * probes, $"{probes} probes are done");

    private static ProbeSettings Settings(int port) => new("/healthz", port, Interval, Interval, 3);

    private void Watch(PodServer pod) => Watch(("pod", pod));

    // Each server has a loopback address of its own and they share one port, as pods do.
    private void Watch(params (string Uid, PodServer Server)[] pods) =>
        _prober.Watch(Key, Settings(pods[0].Server.Port), [.. pods.Select(pod => new ProbeTarget(pod.Uid, pod.Uid, pod.Server.Address.ToString()))]);

    private PodServer Serve(string? answer)
    {
        var server = new PodServer(IPAddress.Parse($"127.0.0.{_servers.Count + 1}"), _servers.FirstOrDefault()?.Port ?? 0) { Answer = answer };
        _servers.Add(server);
        return server;
    }

    /// <summary>Counts the timers that have been set, so that a test knows when the prober is at rest.</summary>
    private sealed class CountingClock() : FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
        private int _alarms;

        public int Alarms => Volatile.Read(ref _alarms);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            Interlocked.Increment(ref _alarms);
            return timer;
        }
    }

    /// <summary>Accepts connections and answers with fixed words, or not at all.</summary>
    private sealed class PodServer : IAsyncDisposable
    {
        private readonly LoopbackListener _listener;

        public PodServer(IPAddress address, int port) => _listener = new(ServeAsync, new(address, port));

        public IPAddress Address => _listener.Endpoint.Address;

        public int Port => _listener.Endpoint.Port;

        /// <summary>Null hangs.</summary>
        public string? Answer { get; set; }

        public ConcurrentQueue<string> Requests { get; } = new();

        public ValueTask DisposeAsync() => _listener.DisposeAsync();

        private async Task ServeAsync(Socket socket)
        {
            var buffer = new byte[1024];
            var count = await socket.ReceiveAsync(buffer);
            Requests.Enqueue(Encoding.ASCII.GetString(buffer, 0, count));
            if (Answer is { } answer)
            {
                await socket.SendAsync(Encoding.ASCII.GetBytes(answer));
            }
            else
            {
                _ = await socket.ReceiveAsync(buffer);   // until the prober gives up
            }
        }
    }
}
