using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Queues;

namespace Resilience.ClusterAccess.Tests.Queues;

public sealed class PacedWritesTests : IAsyncLifetime
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _clock = new();
    private readonly PacedWrites<string> _writes;
    private readonly Channel<string> _written = Channel.CreateUnbounded<string>();
    private readonly Channel<(string Key, string Error, TimeSpan Delay)> _failed = Channel.CreateUnbounded<(string, string, TimeSpan)>();
    private readonly CancellationTokenSource _stop = new();
    private Func<string, Task> _write = static _ => Task.CompletedTask;
    private Task _running = Task.CompletedTask;

    public PacedWritesTests() => _writes = new(_clock, Interval, settle: TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _running = _writes.RunAsync(WriteAsync, (key, error, delay) => _failed.Writer.TryWrite((key, error, delay)), _stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _writes.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Note_TheFirst_IsWrittenAtOnce_ThoseOfTheInterval_TogetherAtItsEnd()
    {
        _writes.Note("a");
        Assert.Equal("a", await NextAsync());

        _writes.Note("a");
        _writes.Note("a");
        _clock.Advance(Interval - TimeSpan.FromMilliseconds(1));
        await NothingYetAsync();

        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("a", await NextAsync());
        _clock.Advance(10 * Interval);
        await NothingYetAsync();
    }

    [Fact]
    public async Task Note_OfOneKey_DoesNotDelayAnother()
    {
        _writes.Note("a");
        Assert.Equal("a", await NextAsync());
        _writes.Note("a");
        _writes.Note("b");
        Assert.Equal("b", await NextAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Forget_TheNextNoteIsAFirstOne(bool all)
    {
        _writes.Note("a");
        Assert.Equal("a", await NextAsync());
        if (all)
        {
            _writes.Reset();
        }
        else
        {
            _writes.Forget("a");
        }

        _writes.Note("a");
        Assert.Equal("a", await NextAsync());
    }

    [Fact]
    public async Task Write_Fails_IsTriedAgainLaterAndLater_UntilItSucceeds()
    {
        var refusals = 8;
        _write = _ => refusals-- > 0 ? Task.FromException(new IOException("refused")) : Task.CompletedTask;
        _writes.Note("a");
        double[] expected = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10];
        foreach (var seconds in expected)
        {
            Assert.Equal(("a", "refused", TimeSpan.FromSeconds(seconds)), await _failed.Reader.ReadAsync(Token));
            _clock.Advance(TimeSpan.FromSeconds(seconds));
        }

        Assert.Equal("a", await NextAsync());

        // Success has ended the back-off.
        refusals = 1;
        _clock.Advance(Interval);
        _writes.Note("a");
        Assert.Equal(TimeSpan.FromSeconds(0.2), (await _failed.Reader.ReadAsync(Token)).Delay);
    }

    [Fact]
    public async Task Note_WhileItsKeyIsBeingWritten_IsWrittenAfterTheInterval()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _write = key =>
        {
            _ = begun.TrySetResult();
            return go.Task;
        };
        _writes.Note("a");
        await begun.Task.WaitAsync(Token);
        _writes.Note("a");
        go.SetResult();
        Assert.Equal("a", await NextAsync());
        await NothingYetAsync();
        _clock.Advance(Interval);
        Assert.Equal("a", await NextAsync());
    }

    private async Task WriteAsync(string key, CancellationToken cancellationToken)
    {
        if (key != "probe")
        {
            await _write(key);
        }

        await _written.Writer.WriteAsync(key, cancellationToken);
    }

    private async Task<string> NextAsync() => await _written.Reader.ReadAsync(Token);

    /// <summary>Keys are written in their turn: what is due would come before a key that is noted now.</summary>
    private async Task NothingYetAsync()
    {
        _writes.Forget("probe");
        _writes.Note("probe");
        Assert.Equal("probe", await NextAsync());
    }
}
