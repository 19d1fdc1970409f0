using System.Diagnostics;
using System.Globalization;
using System.Text;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>The lab's own program, started as people start it, in a folder of its own.</summary>
internal sealed class LabProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly SemaphoreSlim _spoke = new(0);

    private LabProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public string Output => Text(_output);

    public string Error => Text(_error);

    public static LabProcess Start(string folder, params string[] arguments)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return StartProgram(folder, [Path.Combine(own.Parent!.Parent!.FullName, "Resilience.Lab", own.Name, "Resilience.Lab"), .. arguments]);
    }

    /// <summary>Another of our programs, by its command line.</summary>
    public static LabProcess StartProgram(string folder, IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var lab = new LabProcess(new Process { StartInfo = start });
        lab._process.OutputDataReceived += (_, line) => lab.Hear(lab._output, line.Data);
        lab._process.ErrorDataReceived += (_, line) => lab.Hear(lab._error, line.Data);
        _ = lab._process.Start();
        lab._process.BeginOutputReadLine();
        lab._process.BeginErrorReadLine();
        return lab;
    }

    public static async Task<(int Code, string Output, string Error)> RunAsync(string folder, params string[] arguments)
    {
        await using var lab = Start(folder, arguments);
        var code = await lab.ExitAsync();
        return (code, lab.Output, lab.Error);
    }

    /// <summary>Runs a command that has to succeed. A run may miss its figures (1): they are the benchmark's business.</summary>
    /// <returns>What it printed.</returns>
    public static async Task<string> PassAsync(string folder, TimeSpan limit, params string[] arguments)
    {
        await using var lab = Start(folder, arguments);
        var code = await lab.ExitAsync(limit);
        Assert.True(code == 0 || (code == 1 && arguments[0] == "run"), $"{string.Join(' ', arguments)} ended with {code}: {lab.Output}{lab.Error}");
        return lab.Output;
    }

    public async Task WaitForAsync(string words)
    {
        using var limit = new CancellationTokenSource(Patience, TimeProvider.System);
        while (!Output.Contains(words, StringComparison.Ordinal) && !Error.Contains(words, StringComparison.Ordinal))
        {
            Assert.False(_process.HasExited, $"the lab ended before it said \"{words}\": {Output}{Error}");
            await _spoke.WaitAsync(limit.Token);
        }
    }

    /// <param name="patience">Default 90 s.</param>
    public async Task<int> ExitAsync(TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? Patience, TimeProvider.System);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Every process below the lab: the cluster and its pods.</summary>
    public IReadOnlyList<ProcessIdentity> Descendants()
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) && Parent(pid) is { } parent)
            {
                parents[pid] = parent;
            }
        }

        bool IsBelow(int pid) => parents.TryGetValue(pid, out var parent) && (parent == Id || IsBelow(parent));
        return [.. parents.Keys.Where(IsBelow).Select(ProcessIdentity.Of).OfType<ProcessIdentity>()];
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _spoke.Dispose();
    }

    private static int? Parent(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Hear(StringBuilder into, string? line)
    {
        if (line is not null)
        {
            lock (into)
            {
                _ = into.AppendLine(line);
            }

            _ = _spoke.Release();
        }
    }

    private static string Text(StringBuilder from)
    {
        lock (from)
        {
            return from.ToString();
        }
    }
}

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("resilience-lab-").FullName;

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A log file is still being closed; the system's temporary folder is cleaned anyway.
        }
    }
}
