using System.Diagnostics;
using System.Text;

namespace Resilience.Runbooks.Tests;

/// <summary>A bash process whose output is collected, as a person's terminal would show it.</summary>
internal sealed class Terminal : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Lock _lock = new();

    private Terminal(Process process) => _process = process;

    public string Output
    {
        get
        {
            lock (_lock)
            {
                return _output.ToString();
            }
        }
    }

    public static Terminal Start(string script, string directory, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("bash")
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add("-o");
        start.ArgumentList.Add("pipefail");
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var terminal = new Terminal(new Process { StartInfo = start });
        terminal._process.OutputDataReceived += (_, line) => terminal.Append(line.Data);
        terminal._process.ErrorDataReceived += (_, line) => terminal.Append(line.Data);
        terminal._process.Start();
        terminal._process.BeginOutputReadLine();
        terminal._process.BeginErrorReadLine();
        return terminal;
    }

    /// <summary>Waits for the end and returns the exit code.</summary>
    /// <exception cref="TimeoutException">The command still runs after <paramref name="limit"/>; it is killed.</exception>
    public async Task<int> WaitAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            throw new TimeoutException($"still running after {limit.TotalSeconds} s; printed so far:\n{Output}");
        }
    }

    /// <summary>Ctrl-C: SIGINT to the programs that bash runs, or to bash itself once it was replaced by one.</summary>
    public async Task<int> InterruptAsync(TimeSpan limit)
    {
        using var kill = Process.Start("bash", ["-c", $"kill -INT $(pgrep -P {_process.Id} || echo {_process.Id})"]);
        await kill.WaitForExitAsync();
        return await WaitAsync(limit);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Append(string? line)
    {
        if (line is not null)
        {
            lock (_lock)
            {
                _output.AppendLine(line);
            }
        }
    }
}
