using System.Diagnostics;
using System.Text;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>Children on systems other than Linux: no sessions, and signals other than Kill act as Kill or not at all.</summary>
internal sealed class PortableChildLauncher : IChildLauncher
{
    public IChildProcess Start(ChildStart start)
    {
        var info = new ProcessStartInfo(start.Command[0])
        {
            WorkingDirectory = start.WorkingDirectory ?? "",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
        };
        foreach (var argument in start.Command.Skip(1))
        {
            info.ArgumentList.Add(argument);
        }

        info.Environment.Clear();
        foreach (var (name, value) in start.Environment)
        {
            info.Environment[name] = value;
        }

        try
        {
            return new Child(Process.Start(info)!, start.Log);
        }
        catch (Exception ex) when (ex is System.ComponentModel.Win32Exception or FileNotFoundException)
        {
            throw new ContainerStartException($"exec: \"{start.Command[0]}\": {ex.Message}", 127);
        }
    }

    public void Dispose()
    {
    }

    private sealed class Child : IChildProcess
    {
        private readonly Process _process;
        private readonly ContainerLog _log;

        public Child(Process process, ContainerLog log)
        {
            _process = process;
            Id = process.Id;
            _log = log;
            _process.OutputDataReceived += (_, line) => Write(false, line.Data);
            _process.ErrorDataReceived += (_, line) => Write(true, line.Data);
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
            Exited = WaitAsync();
        }

        public int Id { get; }

        public Task<ChildExit> Exited { get; }

        public void Signal(ContainerSignal signal, bool group)
        {
            if (signal is not (ContainerSignal.Kill or ContainerSignal.Terminate))
            {
                return;
            }

            try
            {
                if (signal == ContainerSignal.Terminate)
                {
                    _process.StandardInput.Close();   // the lifeline: our programs end when it closes
                }
                else
                {
                    _process.Kill(entireProcessTree: group);
                }
            }
            catch (Exception ex) when (ex is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // Ended in the meantime.
            }
        }

        private async Task<ChildExit> WaitAsync()
        {
            await _process.WaitForExitAsync().ConfigureAwait(false);
            var exit = new ChildExit(_process.ExitCode, null);
            _log.Complete();
            _process.Dispose();
            return exit;
        }

        private void Write(bool error, string? line)
        {
            if (line is not null)
            {
                _log.Write(error, Encoding.UTF8.GetBytes(line + "\n"));
            }
        }
    }
}
