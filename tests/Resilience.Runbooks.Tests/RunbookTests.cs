using System.Diagnostics;

namespace Resilience.Runbooks.Tests;

/// <summary>Runs every command of a runbook, in order, against the embedded cluster and checks what the runbook promises.</summary>
public sealed class RunbookTests
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private static string Root { get; } = FindRoot();

    public static TheoryData<string> Runbooks => [.. Directory.EnumerateFiles(Root, "RUNBOOK_*.md").Select(path => Path.GetFileName(path))];

    [Theory, MemberData(nameof(Runbooks))]
    public void EveryCommand_PromisesSomethingThatIsChecked(string runbook)
    {
        var steps = RunbookReader.Read(File.ReadAllText(Path.Combine(Root, runbook)));

        Assert.NotEmpty(steps);
        Assert.All(steps, step => Assert.True(step.Stops is not null || step.Checks.Count > 0 || step.ExitCode != 0, $"{step} has no check"));
        var started = steps.Where(s => s.Background is not null).Select(s => s.Background);
        Assert.All(steps.Where(s => (s.Stops ?? s.Awaits) is not null), step => Assert.Contains(step.Stops ?? step.Awaits, started));
    }

    [Theory(Explicit = true), MemberData(nameof(Runbooks)), Trait("tier", "runbook")]
    public async Task EveryCommand_ShowsWhatTheRunbookPromises(string runbook)
    {
        Assert.SkipUnless(OnPath("kubectl"), "kubectl is not on PATH");
        Assert.SkipUnless(OnPath("bash"), "bash is not on PATH");
        var environment = new Dictionary<string, string> { ["KUBECONFIG"] = Path.Combine(Root, ".lab", "kubeconfig"), ["NO_COLOR"] = "1" };
        var terminals = new Dictionary<string, Terminal>(StringComparer.Ordinal);
        try
        {
            foreach (var step in RunbookReader.Read(await File.ReadAllTextAsync(Path.Combine(Root, runbook), TestContext.Current.CancellationToken)))
            {
                TestContext.Current.TestOutputHelper?.WriteLine(step.ToString());
                await RunAsync(step, terminals, environment);
            }
        }
        finally
        {
            foreach (var terminal in terminals.Values)
            {
                await terminal.DisposeAsync();
            }
        }
    }

    private static async Task RunAsync(RunbookStep step, Dictionary<string, Terminal> terminals, Dictionary<string, string> environment)
    {
        if ((step.Stops ?? step.Awaits) is { } name)
        {
            Assert.True(terminals.Remove(name, out var ending), $"{step}: nothing named '{name}' runs");
            await using (ending)
            {
                _ = step.Stops is null ? await ending.WaitAsync(CommandLimit) : await ending.InterruptAsync(TimeSpan.FromSeconds(20));
                await RepeatAsync(step, () => Task.FromResult(ending.Output));
            }

            return;
        }

        if (step.Background is { } background)
        {
            var terminal = Terminal.Start("exec " + step.Script, Root, environment);
            terminals.Add(background, terminal);
            await RepeatAsync(step, () => Task.FromResult(terminal.Output));
            return;
        }

        await RepeatAsync(step, async () =>
        {
            await using var terminal = Terminal.Start(step.Script, Root, environment);
            var exitCode = await terminal.WaitAsync(CommandLimit);
            return exitCode == step.ExitCode ? terminal.Output : $"exit code {exitCode} instead of {step.ExitCode}\n{terminal.Output}";
        });
    }

    // A person who reads "within 30 s you will see" looks again; so does this. Everything else is looked at once.
    private static async Task RepeatAsync(RunbookStep step, Func<Task<string>> look)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var output = await look();
            var missing = step.Checks.Where(check => !check.IsMatch(output)).Select(check => check.ToString()).ToList();
            if (missing.Count == 0 && !output.StartsWith("exit code ", StringComparison.Ordinal))
            {
                return;
            }

            if (clock.Elapsed >= step.Within)
            {
                Assert.Fail($"{step}\nmissing: {string.Join("\n         ", missing)}\noutput:\n{output}");
            }

            await Task.Delay(Pause, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private static bool OnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Resilience.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("Resilience.sln is in none of the parent folders of the tests.");
    }
}
