using System.Diagnostics;
using System.Text.Json;

namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>What <c>offline pack</c> writes is enough where there is no network: a namespace of the kernel's that has loopback and nothing else.</summary>
[Trait("tier", "offline")]
public sealed class OfflineTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    /// <summary>Who is not root is root in a user namespace of their own, where the kernel lets them make one.</summary>
    private static readonly string[] NoNetwork = Environment.IsPrivilegedProcess ? ["--net"] : ["--map-root-user", "--net"];

    [Fact(Explicit = true)]
    public async Task Pack_Unpacked_RunsOutage_AndRestoresItsPackages_WithoutNetwork()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "network namespaces are Linux's");
        Assert.SkipUnless(await TryAsync("/", "unshare", [.. NoNetwork, "ip", "link", "set", "lo", "up"]) is { Code: 0 }, "no right to make a network namespace, or no \"ip\"");
        using var folder = new TemporaryFolder();
        var archive = Path.Combine(folder.Path, "pack.tar.gz");
        var (code, output, error) = await LabProcess.RunAsync(folder.Path, "offline", "pack", "--out", archive, "--json");
        Assert.True(code == 0, error);
        using var report = JsonDocument.Parse(output);
        Assert.Empty(report.RootElement.GetProperty("missing").EnumerateArray());
        Assert.True(report.RootElement.GetProperty("packages").GetInt32() > 50);
        await PassAsync(folder.Path, "tar", "xzf", archive);
        var root = Path.Combine(folder.Path, "resilience");

        // The test means nothing if the network is there after all.
        var cut = await TryAsync(root, "unshare", [.. NoNetwork, "sh", "-c", "ip link set lo up && ip route"]);
        Assert.Equal((0, string.Empty), (cut.Code, cut.Output.Trim()));

        var ran = await TryAsync(root, "unshare", [.. NoNetwork, "sh", "-c", "ip link set lo up && ./lab run outage --duration 6s --rps 50 --json"]);
        Assert.True(ran.Code is 0 or 1, ran.Error);
        using var run = JsonDocument.Parse(ran.Output);
        Assert.Equal("rescue", Assert.Single(run.RootElement.GetProperty("failovers").EnumerateArray()).GetProperty("kind").GetString());
        Assert.DoesNotContain("building", ran.Error, StringComparison.Ordinal);   // the packed programs are used as they are

        await DashboardAsync(root, Path.Combine(folder.Path, "cache"), report.RootElement);

        // Into an empty package folder: what this machine has elsewhere must not help.
        await PassAsync(root, "unshare", [.. NoNetwork, "sh", "-c", $"ip link set lo up && NUGET_PACKAGES={folder.Path}/nuget dotnet restore src/Resilience.Lab --locked-mode"]);
    }

    /// <summary>The one in the archive serves, and takes what the run reports; this machine's own, in its cache, is out of reach.</summary>
    private static async Task DashboardAsync(string root, string cache, JsonElement packed)
    {
        if (packed.GetProperty("dashboard").GetString() is null)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"without dashboard: {packed.GetProperty("dashboardMissing").GetString()}");
            Assert.NotEmpty(packed.GetProperty("dashboardMissing").GetString()!);
            return;
        }

        var ran = await TryAsync(root, "unshare", [.. NoNetwork, "sh", "-c", $"ip link set lo up && LAB_CACHE={cache} ./lab run outage --duration 6s --rps 50 --dashboard --json"]);
        Assert.True(ran.Code is 0 or 1, ran.Error);
        Assert.Matches("dashboard serves at http://127.0.0.1:\\d+/ by .*artifacts/dashboard/aspire-[0-9.]+ \\(packed\\)", ran.Error);
        Assert.False(Directory.Exists(cache), "nothing is installed where everything is packed");
    }

    private static async Task PassAsync(string folder, string program, params string[] arguments)
    {
        var (code, output, error) = await TryAsync(folder, program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}: {output}{error}");
    }

    private static async Task<(int Code, string Output, string Error)> TryAsync(string folder, string program, params string[] arguments)
    {
        using var limit = new CancellationTokenSource(Patience, TimeProvider.System);
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await error);
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return (127, string.Empty, missing.Message);
        }
    }
}
