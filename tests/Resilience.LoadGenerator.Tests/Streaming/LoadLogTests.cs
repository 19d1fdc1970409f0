using Resilience.LoadGenerator.Streaming;
using Resilience.Testing;

namespace Resilience.LoadGenerator.Tests.Streaming;

public sealed class LoadLogTests
{
    private static readonly TimeSpan Way = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Skew = TimeSpan.FromHours(-3);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The reader is on a machine whose clock is three hours behind, and its lines are up to half a second late.</summary>
    [Fact]
    public async Task Run_ReadFromItsLines_IsTheRun_OnTheReadersClock()
    {
        await using var server = new StubServer
        {
            Answer = static number => number % 10 == 0 ? "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n" : StubServer.Ok(number % 2 == 0 ? "blue" : "green"),
        };
        var plan = Plan(server, rps: 400, seconds: 2);
        var lines = new Heard();
        Assert.Equal(0, await LoadLog.WriteAsync(LoadLog.Plan(plan), lines, TimeProvider.System, Cancel));
        var began = Written(lines, LoadLine.Started).At!.Value;

        var reader = new LoadLogReader(plan);
        var late = new Random(3);
        foreach (var (line, at) in lines.All)
        {
            reader.Take(line, at + Skew + Way + (late.Next(4) == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(late.Next(500))));
        }

        Assert.True(reader.HasEnded);
        var result = reader.Result();
        Assert.Equal((800, 720, 80), (result.Scheduled, result.Ok, result.FailedBy[Outcome.HttpError]));
        Assert.Equal((320, 400), (result.PerSlot["blue"], result.PerSlot["green"]));
        Assert.Equal(plan.Duration, result.Duration);
        Assert.InRange((reader.StartedAt!.Value - (began + Skew)).TotalMilliseconds, -1, Way.TotalMilliseconds + 10);
        Assert.InRange((reader.ClockDifference!.Value + Skew).TotalMilliseconds, -Way.TotalMilliseconds - 10, 1);
        Assert.Equal(800, result.Series().Sum(static second => second.Ok + second.Failed));
        Assert.Equal([400, 400], result.Series().Select(static second => second.Ok + second.Failed));
        Assert.True(result.Latency.P50Ms > 0 && result.Generator.ConnectionsOpened >= 400);
        // The timeline answers on the reader's clock too.
        Assert.InRange(result.FirstGoodFrom("blue", result.StartedAt)!.Value, result.StartedAt, result.StartedAt + TimeSpan.FromSeconds(1));
        Assert.Equal(80, result.FailedBetween(result.StartedAt, result.StartedAt + TimeSpan.FromSeconds(3)));
    }

    [Fact]
    public async Task Lines_ReadAgainFromTheFirst_CountOnce_AndOthersAreLastWords()
    {
        await using var server = new StubServer();
        var plan = Plan(server, rps: 200, seconds: 1);
        var lines = new Heard();
        _ = await LoadLog.WriteAsync(LoadLog.Plan(plan), lines, TimeProvider.System, Cancel);
        var reader = new LoadLogReader(plan);
        foreach (var (line, at) in lines.All.Take(lines.All.Count - 2).Concat(lines.All))
        {
            reader.Take(line, at);
            reader.Take("Unhandled exception. Something broke.", at);
        }

        Assert.Equal(200, reader.Result().Scheduled);
        Assert.Equal("Unhandled exception. Something broke.", reader.LastWords);
    }

    [Fact]
    public async Task Lines_WithAHole_CannotBeTakenForARun()
    {
        await using var server = new StubServer();
        var plan = Plan(server, rps: 200, seconds: 1);
        var lines = new Heard();
        _ = await LoadLog.WriteAsync(LoadLog.Plan(plan), lines, TimeProvider.System, Cancel);
        var reader = new LoadLogReader(plan);
        var hole = lines.All.FindIndex(line => line.Text.Contains("\"requests\"", StringComparison.Ordinal));
        foreach (var (line, at) in lines.All.Take(hole))
        {
            reader.Take(line, at);
        }

        var problem = Assert.Throws<FormatException>(() => reader.Take(lines.All[hole + 1].Text, lines.All[hole + 1].At));
        Assert.Equal($"Lines {hole} to {hole} of the load generator's log are missing.", problem.Message);
        Assert.Throws<FormatException>(() => reader.Take("{\"load\":\"clock\"", default));
    }

    /// <summary>Its pod was told to go: the end is in order, and what was under way counts neither way.</summary>
    [Fact]
    public async Task Stopped_TellsWhatWas_AndEnds()
    {
        await using var server = new StubServer();
        var plan = Plan(server, rps: 200, seconds: 600);
        using var stop = new CancellationTokenSource();
        var reader = new LoadLogReader(plan);
        var lines = new Heard();
        lines.Hears = (line, at) =>
        {
            reader.Take(line, at);
            if (reader.Snapshot() is { Ok: >= 100 } seen)
            {
                Assert.Equal("blue", seen.LastSlot);
                Assert.InRange(seen.Elapsed.TotalSeconds, 0.4, 10);
                stop.Cancel();
            }
        };
        Assert.Equal(0, await LoadLog.WriteAsync(LoadLog.Plan(plan), lines, TimeProvider.System, stop.Token));
        Assert.True(reader.HasEnded);
        Assert.InRange(reader.Result().Duration.TotalSeconds, 0.4, 60);
        Assert.InRange(reader.Result().AchievedRps, 150, 220);
    }

    /// <summary>Killed without a word: the last line's instant is the end.</summary>
    [Fact]
    public async Task CutOff_ResultIsWhatWasTold()
    {
        await using var server = new StubServer();
        var plan = Plan(server, rps: 200, seconds: 1);
        var lines = new Heard();
        _ = await LoadLog.WriteAsync(LoadLog.Plan(plan), lines, TimeProvider.System, Cancel);
        var reader = new LoadLogReader(plan);
        Assert.Throws<InvalidOperationException>(reader.Result);
        foreach (var (line, at) in lines.All.TakeWhile(line => !line.Text.Contains("\"requests\"", StringComparison.Ordinal)).Concat(lines.All.SkipWhile(line => !line.Text.Contains("\"requests\"", StringComparison.Ordinal)).Take(2)))
        {
            reader.Take(line, at);
        }

        Assert.False(reader.HasEnded);
        var result = reader.Result();
        Assert.InRange(result.Scheduled, 1, 199);
        Assert.InRange(result.Scheduled - (200 * result.Duration.TotalSeconds), -30, 30);
    }

    [Theory]
    [InlineData(null, "The plan cannot be run: ")]
    [InlineData("{}", "The plan needs a url, durationSeconds, and a profile")]
    [InlineData("""{"url":"ftp://web/","durationSeconds":1,"profile":[[0,1]]}""", "The plan cannot be run: The URL must be an absolute http or https address")]
    [InlineData("""{"url":"http://web/","durationSeconds":0,"profile":[[0,1]]}""", "The plan cannot be run: The duration must be")]
    [InlineData("""{"url":"http://web/","durationSeconds":1e300,"profile":[[0,1]]}""", "The plan cannot be run: ")]
    [InlineData("""{"url":"http://web/","durationSeconds":1,"profile":[[0,1,2]]}""", "The plan needs a url")]
    [InlineData("""{"url":"http://web/","durationSeconds":1,"profile":[[0,1],[-1,2]]}""", "The plan cannot be run: The points of a load profile")]
    [InlineData("""{"url":"http://web/","durationSeconds":3600,"profile":[[0,200]]}""", "The plan is for more than 600000 requests")]
    [InlineData("""{"url":"http://no-such-host.invalid/","durationSeconds":1,"profile":[[0,1]]}""", "")]
    public async Task PlanThatCannotBeRun_IsRefused_WithItsReason(string? plan, string reason)
    {
        var lines = new Heard();
        Assert.Equal(LoadLog.Refused, await LoadLog.WriteAsync(plan, lines, TimeProvider.System, Cancel));
        var reader = new LoadLogReader(new LoadPlan { Url = new("http://web/"), Profile = LoadProfile.Constant(1), Duration = TimeSpan.FromSeconds(1) });
        foreach (var (line, at) in lines.All)
        {
            reader.Take(line, at);
        }

        Assert.StartsWith(reason, reader.Problem, StringComparison.Ordinal);
        Assert.False(reader.HasEnded);
    }

    [Fact]
    public void Plan_WrittenAndRead_IsTheSame()
    {
        var plan = new LoadPlan
        {
            Url = new("http://web.shop.svc/work?ms=3"), Profile = LoadProfile.Steps(new(TimeSpan.Zero, 20), new(TimeSpan.FromSeconds(7.5), 200)), Duration = TimeSpan.FromSeconds(12),
            Arrivals = Arrivals.Poisson, Seed = 7, NewConnectionRatio = 0.25, KeptConnections = 3, Timeout = TimeSpan.FromSeconds(1.5), MaxInFlight = 50,
        };
        var read = PlanDocument.Read(LoadLog.Plan(plan));
        Assert.Equal(plan with { Profile = read.Profile }, read);
        Assert.Equal((plan.Profile.Name, plan.Profile.Points), (read.Profile.Name, read.Profile.Points), static (a, b) => a.Name == b.Name && a.Points.SequenceEqual(b.Points));
        Assert.Contains("\"arrivals\":\"Poisson\"", LoadLog.Plan(plan), StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_LeavesOutWhatHasADefault_AsTheShippedJobDoes()
    {
        var manifest = File.ReadLines(Path.Combine(Repository.Root, "k8s", "load", "load-generator.yaml")).Single(static line => line.Contains("durationSeconds", StringComparison.Ordinal));
        var plan = PlanDocument.Read(manifest[manifest.IndexOf('{', StringComparison.Ordinal)..].TrimEnd('\''));
        Assert.Equal(new LoadPlan { Url = new("http://web/"), Profile = plan.Profile, Duration = TimeSpan.FromSeconds(60) }, plan);
        Assert.Equal(100, plan.Profile.RateAt(TimeSpan.FromSeconds(30)));
    }

    private static LoadPlan Plan(StubServer server, double rps, double seconds) =>
        new() { Url = server.Url, Profile = LoadProfile.Constant(rps), Duration = TimeSpan.FromSeconds(seconds) };

    private static LoadLine Written(Heard lines, string kind) => lines.All.Select(static line => LoadLine.Parse(line.Text)!).Single(line => line.Kind == kind);

    /// <summary>Lines with the instant at which they were written.</summary>
    private sealed class Heard : StringWriter
    {
        public List<(string Text, DateTimeOffset At)> All { get; } = [];

        public Action<string, DateTimeOffset>? Hears { get; set; }

        public override Task WriteLineAsync(string? value)
        {
            var at = TimeProvider.System.GetUtcNow();
            All.Add((value!, at));
            Hears?.Invoke(value!, at);
            return Task.CompletedTask;
        }
    }
}
