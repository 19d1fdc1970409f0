using Resilience.Testing;

namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>However a lab ends, nothing of it stays.</summary>
[Trait("tier", "slow")]
public sealed class HygieneTests
{
    [Theory(Explicit = true)]
    [InlineData("INT", 0)]
    [InlineData("TERM", 0)]
    [InlineData("KILL", 137)]
    public async Task Up_EndedBySignal_LeavesNoProcess(string signal, int code)
    {
        SkipWhenIgnored(signal);
        using var folder = new TemporaryFolder();
        await using var lab = LabProcess.Start(folder.Path, "up");
        await lab.WaitForAsync("stop       Ctrl-C");
        var below = lab.Descendants();
        Assert.True(below.Count >= 7, $"a cluster, four web pods and two watchers were expected, not {below.Count} processes");

        await lab.SignalAsync(signal);

        Assert.Equal(code, await lab.ExitAsync());
        Assert.All(below, process => Assert.False(process.IsAlive && !process.WaitForEndAsync(TimeSpan.FromSeconds(10), TimeProvider.System, CancellationToken.None).Result));

        await using var next = LabProcess.Start(folder.Path, "up");
        await next.WaitForAsync("stop       Ctrl-C");
        await next.SignalAsync("TERM");
        Assert.Equal(0, await next.ExitAsync());
    }

    [Theory(Explicit = true)]
    [InlineData("INT", 130)]
    [InlineData("TERM", 130)]
    [InlineData("KILL", 137)]
    public async Task Run_EndedInMidDrill_LeavesNoProcess(string signal, int code)
    {
        SkipWhenIgnored(signal);
        using var folder = new TemporaryFolder();
        await using var lab = LabProcess.Start(folder.Path, "run", "outage", "--duration", "20s", "--rps", "50");
        await lab.WaitForAsync("fault: outage");
        var below = lab.Descendants();

        await lab.SignalAsync(signal);

        Assert.Equal(code, await lab.ExitAsync());
        foreach (var process in below)
        {
            Assert.True(await process.WaitForEndAsync(TimeSpan.FromSeconds(10), TimeProvider.System, CancellationToken.None), $"process {process.Pid} survived");
        }
    }

    [Fact(Explicit = true)]
    public async Task Up_WhenOneRuns_SaysSoAndEnds()
    {
        using var folder = new TemporaryFolder();
        await using var first = LabProcess.Start(folder.Path, "up");
        await first.WaitForAsync("stop       Ctrl-C");

        var (code, _, error) = await LabProcess.RunAsync(folder.Path, "up");
        Assert.Equal(2, code);
        Assert.Contains("a lab already runs in", error, StringComparison.Ordinal);

        var (cleaned, _, _) = await LabProcess.RunAsync(folder.Path, "cleanup");
        Assert.Equal(0, cleaned);
        Assert.Equal(0, await first.ExitAsync());
        Assert.False(Directory.Exists(Path.Combine(folder.Path, ".lab")));
    }

    [Fact(Explicit = true)]
    public async Task Up_OnAPortInUse_SaysSoAndEnds()
    {
        using var folder = new TemporaryFolder();
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);

        var (code, _, error) = await LabProcess.RunAsync(folder.Path, "up", "--bare", "--port", port);

        Assert.Equal(2, code);
        Assert.Contains(port, error, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", error.TrimEnd(), StringComparison.Ordinal);
    }

    private static void SkipWhenIgnored(string signal) => Assert.SkipWhen(signal == "INT" && Interrupts.AreIgnored, Interrupts.WhyNot);
}
