using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Election;

public sealed class LeaseElectionTests
{
    private static readonly TimeSpan Never = TimeSpan.FromDays(1);

    private readonly FakeApiServer _server = new();
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task Round_NoLease_CreatesItAndLeads()
    {
        var a = Candidate("a");
        var told = Changes(a);

        await RoundAsync(a);

        Assert.True(a.IsLeader);
        Assert.Equal([true], told);
        Assert.Equal("a", Spec()["holderIdentity"]!.GetValue<string>());
        Assert.Equal(5, Spec()["leaseDurationSeconds"]!.GetValue<int>());
    }

    [Fact]
    public async Task Round_HeldAndRenewed_StaysWithItsHolder()
    {
        var (a, b) = (Candidate("a"), Candidate("b"));
        for (var second = 0; second < 60; second++)
        {
            await RoundAsync(a);
            await RoundAsync(b);
            Assert.True(a.IsLeader);
            Assert.False(b.IsLeader);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal("a", b.Holder);
        Assert.Equal(0, b.Term);
    }

    [Fact]
    public async Task Round_HolderDies_FollowerTakesOverAfterTheDurationAndNotBefore()
    {
        var (a, b) = (Candidate("a"), Candidate("b"));
        await RoundAsync(a);
        await RoundAsync(b);   // b's wait starts here

        _clock.Advance(TimeSpan.FromSeconds(4.9));
        await RoundAsync(b);
        Assert.False(b.IsLeader);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        await RoundAsync(b);

        Assert.True(b.IsLeader);
        Assert.False(a.IsLeader);   // by its own clock, without a word from anybody
        Assert.Equal(1, b.Term);
    }

    [Fact]
    public async Task Round_HoldersClockIsFarAhead_DoesNotMatter()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        var lease = _server.Get(ResourceTypes.Leases, "apps", "watch")!;
        lease["spec"]!["renewTime"] = "2999-01-01T00:00:00.000000Z";
        _ = _server.Put(ResourceTypes.Leases, lease);

        var b = Candidate("b");
        await RoundAsync(b);
        _clock.Advance(TimeSpan.FromSeconds(5));
        await RoundAsync(b);

        Assert.True(b.IsLeader);
    }

    [Fact]
    public async Task Round_FollowerJustStarted_WaitsAWholeDurationEvenForAnOldRecord()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        _clock.Advance(TimeSpan.FromHours(1));

        var b = Candidate("b");
        await RoundAsync(b);
        Assert.False(b.IsLeader);   // a's clock may be an hour behind: only our own observation counts
        _clock.Advance(TimeSpan.FromSeconds(5));
        await RoundAsync(b);
        Assert.True(b.IsLeader);
    }

    [Fact]
    public async Task IsLeader_ProcessWasPaused_IsFalseBeforeAnybodyElseLeads()
    {
        var (a, b) = (Candidate("a"), Candidate("b"));
        await RoundAsync(a);
        await RoundAsync(b);
        _clock.Advance(TimeSpan.FromSeconds(3.5));   // a is stopped and has not run any code since
        Assert.False(a.IsLeader);
        Assert.False(b.IsLeader);
        _clock.Advance(TimeSpan.FromSeconds(1.5));
        await RoundAsync(b);
        Assert.True(b.IsLeader);

        var told = Changes(a);
        await RoundAsync(a);   // wakes: its conditional renewal meets b's record
        await RoundAsync(a);
        Assert.False(a.IsLeader);
        Assert.Equal([false], told);
        Assert.True(b.IsLeader);
    }

    [Fact]
    public async Task Round_RenewedAfterTheDeadlineButBeforeAnybodyElse_IsToldAsLostAndWonAgain()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        var told = Changes(a);
        _clock.Advance(TimeSpan.FromSeconds(4));   // stopped for a moment: whoever asked IsLeader meanwhile was told no
        Assert.False(a.IsLeader);
        await RoundAsync(a);
        Assert.True(a.IsLeader);
        Assert.Equal([false, true], told);
        Assert.Equal(0, a.Term);
    }

    [Fact]
    public async Task Round_ServerUnreachable_LeaderStepsDownAtItsDeadline()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        var told = Changes(a);
        _server.Inject = _ => RequestFault.LoseRequest;

        for (var i = 0; i < 3; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await RoundAsync(a);
            Assert.True(a.IsLeader, $"after {i + 1} s");
        }

        _clock.Advance(TimeSpan.FromSeconds(0.5));
        await RoundAsync(a);
        Assert.False(a.IsLeader);
        Assert.Equal([false], told);
    }

    [Fact]
    public async Task Round_RenewalHangs_LeaderStepsDownAtItsDeadline()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        var told = Changes(a);
        _server.Inject = _ => RequestFault.Hang;
        _clock.Advance(TimeSpan.FromSeconds(1));
        var sent = _server.NextRequest(_ => true);
        var round = RoundAsync(a);
        _ = await Eventually.WithinAsync(sent, "the renewal");

        _clock.Advance(TimeSpan.FromSeconds(2.5));
        await round.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.False(a.IsLeader);
        Assert.Equal([false], told);
    }

    [Fact]
    public async Task Round_AnswerToTheRenewalIsLost_LeaderFindsItsOwnRecordAndGoesOn()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        _server.Inject = _ => RequestFault.LoseResponse;
        _clock.Advance(TimeSpan.FromSeconds(1));
        await RoundAsync(a);
        _server.Inject = _ => RequestFault.None;

        await RoundAsync(a);

        Assert.True(a.IsLeader);
        Assert.Equal(0, a.Term);   // the same term goes on
    }

    [Fact]
    public async Task Round_TwoStartTogether_OneLeads()
    {
        var candidates = Enumerable.Range(0, 5).Select(i => Candidate($"c{i}")).ToList();
        await Task.WhenAll(candidates.Select(RoundAsync));
        await Task.WhenAll(candidates.Select(RoundAsync));
        _ = Assert.Single(candidates, c => c.IsLeader);
    }

    [Fact]
    public async Task Run_Stopped_HandsTheLeaseBackSoThatAFollowerLeadsAtItsNextLook()
    {
        var (a, b) = (Candidate("a"), Candidate("b"));
        using var stop = new CancellationTokenSource();
        var running = a.RunAsync(stop.Token);
        await Eventually.TrueAsync(() => a.IsLeader, "a leads");
        await RoundAsync(b);

        await stop.CancelAsync();
        await running;
        Assert.False(a.IsLeader);
        Assert.Equal("", Spec()["holderIdentity"]!.GetValue<string>());

        var wait = await b.RoundAsync(TestContext.Current.CancellationToken);
        Assert.True(b.IsLeader);
        Assert.True(wait <= TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Round_LeaseDeleted_IsMadeAnew()
    {
        var a = Candidate("a");
        await RoundAsync(a);
        _ = _server.Remove(ResourceTypes.Leases, "apps", "watch");
        await RoundAsync(a);
        await RoundAsync(a);
        Assert.True(a.IsLeader);
        Assert.NotNull(_server.Get(ResourceTypes.Leases, "apps", "watch"));
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 100)];

    /// <summary>Three candidates with lost requests, lost answers, pauses and drifting wake-ups: never two leaders.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task IsLeader_UnderFaults_IsNeverTrueForTwo(int seed)
    {
        var random = new Random(seed);
        var candidates = Enumerable.Range(0, 3).Select(i => Candidate($"c{i}")).ToList();
        var pausedUntil = new DateTimeOffset[3];
        var leaders = new HashSet<int>();
        _server.Inject = _ => random.Next(10) switch
        {
            0 => RequestFault.LoseRequest,
            1 => RequestFault.LoseResponse,
            2 => RequestFault.ServerError,
            _ => RequestFault.None,
        };
        for (var step = 0; step < 400; step++)
        {
            var i = random.Next(3);
            if (random.Next(40) == 0)
            {
                pausedUntil[i] = _clock.GetUtcNow() + TimeSpan.FromSeconds(random.Next(15));
            }

            if (pausedUntil[i] <= _clock.GetUtcNow())
            {
                await RoundAsync(candidates[i]);
            }

            _clock.Advance(TimeSpan.FromMilliseconds(random.Next(400)));
            var leading = Enumerable.Range(0, 3).Where(c => candidates[c].IsLeader).ToList();
            Assert.True(leading.Count <= 1, $"step {step}: {string.Join(" and ", leading)} lead together");
            leaders.UnionWith(leading);
        }

        Assert.NotEmpty(leaders);   // a run without a leader proves nothing
    }

    [Theory]
    [InlineData(5, 5, 1, 0.5, "RenewDeadline")]
    [InlineData(5, 3.5, 3.5, 0.5, "RenewInterval")]
    [InlineData(5, 3.5, 1, 4, "RetryPeriod")]
    [InlineData(0.5, 0.4, 0.1, 0.1, "whole seconds")]
    [InlineData(5.5, 3, 1, 0.5, "whole seconds")]
    public void Options_BreakARule_AreRefusedByName(double duration, double deadline, double renew, double retry, string word)
    {
        var options = Options("a") with
        {
            Duration = TimeSpan.FromSeconds(duration),
            RenewDeadline = TimeSpan.FromSeconds(deadline),
            RenewInterval = TimeSpan.FromSeconds(renew),
            RetryPeriod = TimeSpan.FromSeconds(retry),
        };
        var error = Assert.Throws<ValidationException>(() => new LeaseElection(_server.Connect(_clock), options, _clock, NullLogger<LeaseElection>.Instance));
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    private static LeaseElectionOptions Options(string identity) => new() { Namespace = "apps", Name = "watch", Identity = identity };

    private LeaseElection Candidate(string identity) =>
        new(_server.Connect(_clock, Never), Options(identity), _clock, NullLogger<LeaseElection>.Instance);

    private static async Task RoundAsync(LeaseElection election) => _ = await election.RoundAsync(TestContext.Current.CancellationToken);

    private static List<bool> Changes(LeaseElection election)
    {
        var told = new List<bool>();
        election.LeadershipChanged += told.Add;
        return told;
    }

    private JsonObject Spec() => (JsonObject)_server.Get(ResourceTypes.Leases, "apps", "watch")!["spec"]!;
}
