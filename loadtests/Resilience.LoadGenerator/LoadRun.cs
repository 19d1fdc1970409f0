using System.Diagnostics;
using System.Net.Sockets;

namespace Resilience.LoadGenerator;

/// <summary>A running load. One thread keeps the schedule; answers are taken on the thread pool.</summary>
public sealed class LoadRun : ILoadRun
{
    private readonly LoadPlan _plan;
    private readonly Pacer _pacer;
    private readonly HttpTarget _target;
    private readonly Recorder _recorder;
    private readonly ConnectionPool _pool;
    private readonly Queue<Flight> _deadlines = new();
    private readonly TraceSampler _sampler;
    private readonly TaskCompletionSource<LoadResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _cancellation;
    private int _inFlight;
    private long _connectionsOpened;
    private long _onNewConnections;
    private double _newConnectionDebt;
    private volatile bool _stopping;

    private LoadRun(LoadPlan plan, HttpTarget target, TimeProvider clock, CancellationToken cancellationToken)
    {
        (_plan, _target) = (plan, target);
        _recorder = new Recorder(plan.MaxSamples);
        _pool = new ConnectionPool(target, plan.KeptConnections);
        _sampler = new TraceSampler(plan.TracesPerSecond);
        StartedAt = clock.GetUtcNow();
        _pacer = new Pacer(clock);
        _cancellation = cancellationToken.Register(StopSending);
    }

    /// <summary>Zero of the run's time.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>The result, once the last request has ended. A stopped run gives the result so far.</summary>
    public Task<LoadResult> Completion => _completion.Task;

    /// <summary>Starts sending. Returns at once; the load runs until its duration has passed or it is stopped.</summary>
    /// <param name="plan">What to send.</param>
    /// <param name="clock">Real time in earnest; another clock is waited for by its timers.</param>
    /// <param name="cancellationToken">Stops the run as <see cref="StopSending"/> does.</param>
    /// <exception cref="ArgumentException">The plan cannot be run.</exception>
    /// <exception cref="SocketException">The host of the URL has no address.</exception>
    public static async Task<LoadRun> StartAsync(LoadPlan plan, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        plan.Validate();
        var target = await HttpTarget.ResolveAsync(plan.Url, clock, cancellationToken).ConfigureAwait(false);
        await WarmUp.OnceAsync().ConfigureAwait(false);
        var run = new LoadRun(plan, target, clock, cancellationToken);
        new Thread(run.KeepSchedule) { IsBackground = true, Name = "load schedule", Priority = ThreadPriority.AboveNormal }.Start();
        return run;
    }

    public LoadSnapshot Snapshot()
    {
        var elapsed = _pacer.Elapsed;
        return _recorder.Snapshot(elapsed, elapsed < _plan.Duration && !_stopping ? _plan.Profile.RateAt(elapsed) : 0, Volatile.Read(ref _inFlight));
    }

    /// <summary>Time since <see cref="StartedAt"/> on the clock that never jumps.</summary>
    internal TimeSpan Elapsed => _pacer.Elapsed;

    internal int InFlight => Volatile.Read(ref _inFlight);

    internal GeneratorSummary Generator() => _recorder.Generator(Interlocked.Read(ref _connectionsOpened), Interlocked.Read(ref _onNewConnections));

    /// <inheritdoc cref="Recorder.Since"/>
    internal (IReadOnlyList<Sample> Samples, IReadOnlyList<string> Slots) RecordedSince(int known, int most) => _recorder.Since(known, most);

    /// <summary>Sends nothing more and gives up what is under way, which then counts neither as good nor as failed.</summary>
    public void StopSending() => _stopping = true;

    public async ValueTask DisposeAsync()
    {
        StopSending();
        await ((Task)_completion.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _cancellation.DisposeAsync().ConfigureAwait(false);
    }

    private void KeepSchedule()
    {
        try
        {
            var schedule = new ArrivalSchedule(_plan);
            while (!_stopping && schedule.Next() is { } due)
            {
                WaitUntil(due);
                if (!_stopping)
                {
                    Depart(due);
                }
            }

            var duration = _stopping ? TimeSpan.FromTicks(Math.Min(_pacer.Elapsed.Ticks, _plan.Duration.Ticks)) : _plan.Duration;
            WaitUntil(duration);
            WaitForAnswers();
            _pool.Dispose();
            _completion.SetResult(_recorder.Result(StartedAt, duration, Generator()));
        }
        catch (Exception ex)
        {
            // The thread's owner waits on the task; without this a defect here would end the process instead of the run.
            _completion.SetException(ex);
        }
    }

    private void WaitUntil(TimeSpan due)
    {
        while (!_stopping && _pacer.Elapsed < due)
        {
            EndOverdue();
            _pacer.WaitTowards(_deadlines.TryPeek(out var flight) && flight.Deadline < due ? flight.Deadline : due);
        }
    }

    private void WaitForAnswers()
    {
        while (Volatile.Read(ref _inFlight) > 0)
        {
            EndOverdue();
            _pacer.WaitTowards(_pacer.Elapsed + TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>Requests leave in order and share one timeout, so the oldest is always the next to expire.</summary>
    private void EndOverdue()
    {
        var now = _pacer.Elapsed;
        while (_deadlines.TryPeek(out var flight) && (flight.HasEnded || flight.Deadline <= now || _stopping))
        {
            _ = _deadlines.Dequeue();
            flight.Abort(_stopping ? null : Outcome.TimedOut);
        }
    }

    private void Depart(TimeSpan due)
    {
        EndOverdue();
        var intendedUs = due.Ticks / TimeSpan.TicksPerMicrosecond;
        // Evenly interleaved rather than drawn: half means every other request.
        _newConnectionDebt += _plan.NewConnectionRatio;
        var ownConnection = _newConnectionDebt >= 1 - 1e-9;
        _newConnectionDebt -= ownConnection ? 1 : 0;
        if (Volatile.Read(ref _inFlight) >= _plan.MaxInFlight)
        {
            _recorder.Ended(intendedUs, _pacer.ElapsedUs, Outcome.NotSent, null);
            LoadTelemetry.Ended(Outcome.NotSent, null, TimeSpan.Zero);
            return;
        }

        Interlocked.Increment(ref _inFlight);
        _recorder.Sent(_pacer.ElapsedUs - intendedUs);
        var flight = new Flight(due + _plan.Timeout);
        _deadlines.Enqueue(flight);
        _ = FlyAsync(flight, intendedUs, ownConnection, _sampler.IsDue(due, ownConnection));
    }

    private async Task FlyAsync(Flight flight, long intendedUs, bool ownConnection, bool traced)
    {
        var span = traced ? LoadTelemetry.Start(_target) : null;
        var (connection, isNew) = ownConnection ? (new HttpConnection(_target), true) : _pool.Take();
        var keep = false;
        var outcome = Outcome.NotConnected;
        Answer answer = default;
        try
        {
            flight.Uses(connection);
            if (isNew)
            {
                Interlocked.Increment(ref _onNewConnections);
                await connection.OpenAsync().ConfigureAwait(false);
                Interlocked.Increment(ref _connectionsOpened);
            }

            outcome = Outcome.Broken;
            answer = await connection.AskAsync(_target.Request(ownConnection, LoadTelemetry.Source.HasListeners(), span)).ConfigureAwait(false);
            outcome = answer.Status < 400 ? Outcome.Ok : Outcome.HttpError;
            keep = answer.KeepsAlive;
        }
        catch (Exception ex) when (ex is IOException or SocketException or ObjectDisposedException or System.Security.Authentication.AuthenticationException)
        {
            // The outcome already says how far it came. Our own abort arrives here too, as a disposed socket.
        }
        finally
        {
            Land(flight, intendedUs, outcome, answer, span);
            Release(connection, ownConnection, keep && !flight.WasAborted);
        }
    }

    private void Land(Flight flight, long intendedUs, Outcome outcome, Answer answer, Activity? span)
    {
        var ended = flight.End(outcome);
        if (ended is { } seen)
        {
            var nowUs = _pacer.ElapsedUs;
            _recorder.Ended(intendedUs, nowUs, seen, answer.Slot);
            LoadTelemetry.Ended(seen, answer.Slot, TimeSpan.FromMicroseconds(nowUs - intendedUs));
        }

        if (span is not null)
        {
            LoadTelemetry.End(span, ended, answer);
        }
    }

    private void Release(HttpConnection connection, bool ownConnection, bool keep)
    {
        if (ownConnection)
        {
            connection.Dispose();
        }
        else
        {
            _pool.GiveBack(connection, keep);
        }

        Interlocked.Decrement(ref _inFlight);
    }
}
