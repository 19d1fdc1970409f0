using System.Diagnostics;

namespace Resilience.Web.Tests;

/// <summary>The page in a real browser. Run with <c>--explicit only --filter-trait tier=browser</c>.</summary>
public sealed class BrowserTests
{
    private static readonly string[] Browsers = ["chromium", "chromium-browser", "google-chrome"];

    [Fact(Explicit = true)]
    [Trait("tier", "browser")]
    public async Task HomePage_PollsAndShowsWhoAnswers()
    {
        var cancel = TestContext.Current.CancellationToken;
        var browser = Browsers.Select(Find).FirstOrDefault(static path => path is not null);
        Assert.SkipWhen(browser is null, "No Chromium or Chrome on the PATH.");
        await using var web = await WebFixture.StartAsync();
        var profile = Directory.CreateTempSubdirectory("resilience-browser-");
        try
        {
            var dom = await DumpDomAsync(browser!, profile.FullName, web.Main.BaseAddress!, cancel);
            Assert.Contains("data-slot=\"blue\" data-state=\"up\"", dom, StringComparison.Ordinal);
            Assert.Contains("Page loaded from blue", dom, StringComparison.Ordinal);
            // The strip holds squares of answered polls and the pod has been counted more than once.
            Assert.Contains("<i class=\"blue\" title=\"blue, web-blue-1, ", dom, StringComparison.Ordinal);
            Assert.Matches("web-blue-1 · ([2-9]|[1-9][0-9]+)<", dom);
        }
        finally
        {
            profile.Delete(recursive: true);
        }
    }

    private static async Task<string> DumpDomAsync(string browser, string profile, Uri page, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(browser) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[]
        {
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", $"--user-data-dir={profile}", "--virtual-time-budget=3000", "--dump-dom", page.ToString(),
        })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        _ = process.StandardError.ReadToEndAsync(cancel);
        var dom = await process.StandardOutput.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return dom;
    }

    private static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
