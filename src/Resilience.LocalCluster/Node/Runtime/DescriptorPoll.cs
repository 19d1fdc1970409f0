using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>One thread that waits for any number of descriptors to become readable (epoll) and calls what belongs to each.</summary>
internal sealed class DescriptorPoll : IDisposable
{
    private readonly ConcurrentDictionary<int, Func<bool>> _watched = new();
    private readonly int _epoll;
    private readonly int _stopWrite;
    private readonly Thread _thread;
    private int _disposed;

    public DescriptorPoll(string name)
    {
        _epoll = Checked(LinuxNative.EpollCreate(LinuxNative.CloseOnExec), "epoll_create1");
        var (read, write) = OpenPipe();
        _stopWrite = write;
        Watch(read, () => false);
        _thread = new Thread(() => Run(read)) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <param name="whenReadable">Runs on the poll's thread; false ends the watch and closes the descriptor.</param>
    public void Watch(int descriptor, Func<bool> whenReadable)
    {
        _watched[descriptor] = whenReadable;
        var change = new byte[LinuxNative.EpollEventSize];
        BinaryPrimitives.WriteUInt32LittleEndian(change, LinuxNative.EpollIn);
        BinaryPrimitives.WriteInt32LittleEndian(change.AsSpan(LinuxNative.EpollDataOffset), descriptor);
        _ = Checked(LinuxNative.EpollControl(_epoll, LinuxNative.EpollAdd, descriptor, change), "epoll_ctl");
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _ = LinuxNative.Close(_stopWrite);
            _thread.Join();
            _ = LinuxNative.Close(_epoll);
            foreach (var descriptor in _watched.Keys)
            {
                _ = LinuxNative.Close(descriptor);
            }
        }
    }

    public static (int Read, int Write) OpenPipe()
    {
        var ends = new int[2];
        _ = Checked(LinuxNative.Pipe(ends, LinuxNative.CloseOnExec), "pipe2");
        return (ends[0], ends[1]);
    }

    private void Run(int stopRead)
    {
        var events = new byte[64 * LinuxNative.EpollEventSize];
        while (true)
        {
            var count = LinuxNative.EpollWait(_epoll, events, 64, -1);
            if (count < 0 && Marshal.GetLastPInvokeError() != LinuxNative.InterruptedCall)
            {
                return;
            }

            for (var index = 0; index < count; index++)
            {
                var offset = (index * LinuxNative.EpollEventSize) + LinuxNative.EpollDataOffset;
                var descriptor = BinaryPrimitives.ReadInt32LittleEndian(events.AsSpan(offset));
                if (descriptor == stopRead)
                {
                    return;
                }

                if (_watched.TryGetValue(descriptor, out var whenReadable) && !whenReadable())
                {
                    _ = _watched.TryRemove(descriptor, out _);   // before closing: the number may be reused at once
                    _ = LinuxNative.EpollControl(_epoll, LinuxNative.EpollDelete, descriptor, new byte[LinuxNative.EpollEventSize]);
                    _ = LinuxNative.Close(descriptor);
                }
            }
        }
    }

    private static int Checked(int result, string call) =>
        result >= 0 ? result : throw new IOException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
}
