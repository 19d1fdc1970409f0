using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>
/// Starts children in sessions of their own, so that a terminal's Ctrl-C does not reach them. One thread waits for the end of all
/// of them, another for their output: no polling, and no pool thread blocked per child.
/// </summary>
/// <remarks>
/// System.Diagnostics.Process is not used because it cannot start a session and keeps a thread waiting per redirected stream.
/// </remarks>
internal sealed class LinuxChildLauncher : IChildLauncher
{
    private const int SpawnStructureBytes = 1024;   // glibc needs 336, musl as many; room to spare
    private static readonly int[] SignalsToReset = [1, 2, 3, 10, 12, 13, 14, 15, 17, 20, 21, 22];

    private readonly DescriptorPoll _ends = new("pod ends");
    private readonly DescriptorPoll _output = new("pod output");
    private readonly byte[] _buffer = new byte[64 * 1024];   // only the output thread uses it

    public IChildProcess Start(ChildStart start)
    {
        var path = Resolve(start.Command[0], start.Environment);
        var (input, lifeline) = DescriptorPoll.OpenPipe();
        var (output, outputEnd) = DescriptorPoll.OpenPipe();
        var (errors, errorsEnd) = DescriptorPoll.OpenPipe();
        int pid;
        try
        {
            pid = Spawn(path, start, input, outputEnd, errorsEnd);
        }
        catch
        {
            foreach (var descriptor in (ReadOnlySpan<int>)[lifeline, output, errors])
            {
                _ = LinuxNative.Close(descriptor);
            }

            throw;
        }
        finally
        {
            foreach (var descriptor in (ReadOnlySpan<int>)[input, outputEnd, errorsEnd])
            {
                _ = LinuxNative.Close(descriptor);
            }
        }

        var child = new Child(pid, lifeline);
        var open = 2;
        _output.Watch(output, () => Pump(output, error: false));
        _output.Watch(errors, () => Pump(errors, error: true));
        WatchEnd(child);
        return child;

        bool Pump(int descriptor, bool error)
        {
            var count = (int)LinuxNative.Read(descriptor, _buffer, _buffer.Length);
            if (count > 0)
            {
                start.Log.Write(error, _buffer.AsSpan(0, count));
                return true;
            }

            if (Interlocked.Decrement(ref open) == 0)
            {
                start.Log.Complete();
            }

            return false;
        }
    }

    public void Dispose()
    {
        _ends.Dispose();
        _output.Dispose();
    }

    private void WatchEnd(Child child)
    {
        var descriptor = LinuxNative.OpenProcess(child.Id);
        if (descriptor < 0)
        {
            child.Signal(ContainerSignal.Kill, group: true);
            child.Reap();
            throw new ContainerStartException("process descriptors are not available (Linux 5.3 or newer is needed)");
        }

        _ends.Watch(descriptor, () =>
        {
            child.Reap();
            return false;
        });
    }

    private static int Spawn(string path, ChildStart start, int input, int output, int errors)
    {
        var memory = Marshal.AllocHGlobal(4 * SpawnStructureBytes);
        var (actions, attributes) = (memory, memory + SpawnStructureBytes);
        var (defaults, mask) = (memory + (2 * SpawnStructureBytes), memory + (3 * SpawnStructureBytes));
        var arguments = ToNative(start.Command);
        var environment = ToNative(start.Environment.Select(e => $"{e.Key}={e.Value}"));
        try
        {
            _ = LinuxNative.FileActionsInit(actions);
            _ = LinuxNative.AttributesInit(attributes);
            _ = LinuxNative.SignalSetEmpty(mask);
            _ = LinuxNative.SignalSetEmpty(defaults);
            foreach (var signal in SignalsToReset)
            {
                _ = LinuxNative.SignalSetAdd(defaults, signal);   // .NET ignores SIGPIPE, and "ignored" survives exec
            }

            _ = LinuxNative.AttributesSetSignalDefaults(attributes, defaults);
            _ = LinuxNative.AttributesSetSignalMask(attributes, mask);
            _ = LinuxNative.AttributesSetFlags(attributes,
                LinuxNative.SpawnNewSession | LinuxNative.SpawnSetSignalDefaults | LinuxNative.SpawnSetSignalMask);
            if (start.WorkingDirectory is { } directory)
            {
                _ = LinuxNative.FileActionsAddChangeDirectory(actions, directory);
            }

            _ = LinuxNative.FileActionsAddDup(actions, input, 0);
            _ = LinuxNative.FileActionsAddDup(actions, output, 1);
            _ = LinuxNative.FileActionsAddDup(actions, errors, 2);
            var error = LinuxNative.Spawn(out var pid, path, actions, attributes, arguments, environment);
            return error == 0 ? pid : throw Refused(start.Command[0], start.WorkingDirectory, error);
        }
        finally
        {
            _ = LinuxNative.FileActionsDestroy(actions);
            _ = LinuxNative.AttributesDestroy(attributes);
            Marshal.FreeHGlobal(memory);
            Free(arguments);
            Free(environment);
        }
    }

    /// <summary>Looks a bare name up in the child's PATH, as execvp does.</summary>
    private static string Resolve(string program, IReadOnlyDictionary<string, string> environment)
    {
        if (program.Contains('/', StringComparison.Ordinal))
        {
            return program;
        }

        var found = environment.GetValueOrDefault("PATH", "/usr/bin:/bin").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        return found ?? throw Refused(program, null, LinuxNative.NoSuchFile, "executable file not found in $PATH");
    }

    private static ContainerStartException Refused(string program, string? directory, int error, string? why = null)
    {
        why ??= error == LinuxNative.NoSuchFile && directory is not null && !Directory.Exists(directory)
            ? $"working directory {directory} does not exist"
            : $"stat {program}: {Marshal.GetPInvokeErrorMessage(error).ToLowerInvariant()}";
        var code = error switch { LinuxNative.NoSuchFile => 127, LinuxNative.PermissionDenied => 126, _ => 128 };
        return new ContainerStartException($"failed to create containerd task: exec: \"{program}\": {why}", code);
    }

    private static IntPtr[] ToNative(IEnumerable<string> texts) =>
        [.. texts.Select(Marshal.StringToCoTaskMemUTF8), IntPtr.Zero];

    private static void Free(IntPtr[] texts)
    {
        foreach (var text in texts)
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    private sealed class Child(int id, int lifeline) : IChildProcess
    {
        private readonly Lock _gate = new();   // no signal may be sent once the number is free for another process
        private readonly TaskCompletionSource<ChildExit> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _reaped;

        public int Id => id;

        public Task<ChildExit> Exited => _exited.Task;

        public void Signal(ContainerSignal signal, bool group)
        {
            var number = signal switch
            {
                ContainerSignal.Terminate => LinuxNative.SigTerm,
                ContainerSignal.Kill => LinuxNative.SigKill,
                ContainerSignal.Stop => LinuxNative.SigStop,
                _ => LinuxNative.SigCont,
            };
            lock (_gate)
            {
                if (!_reaped)
                {
                    _ = LinuxNative.Kill(group ? -id : id, number);
                }
            }
        }

        public void Reap()
        {
            var information = new byte[128];   // siginfo_t: code at 8, status at 24
            lock (_gate)
            {
                // What the process started and left behind ends with it, as in a container's process namespace.
                _ = LinuxNative.Kill(-id, LinuxNative.SigKill);
                _ = LinuxNative.WaitId(LinuxNative.WaitForPid, id, information, LinuxNative.WaitExited);
                _reaped = true;
            }

            _ = LinuxNative.Close(lifeline);
            var bySignal = BinaryPrimitives.ReadInt32LittleEndian(information.AsSpan(8)) != 1;
            var status = BinaryPrimitives.ReadInt32LittleEndian(information.AsSpan(24));
            _exited.SetResult(bySignal ? new(128 + status, status) : new(status, null));
        }
    }
}
