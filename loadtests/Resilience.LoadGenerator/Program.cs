using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Resilience.LoadGenerator.Streaming;
using Resilience.ServiceDefaults;

// The program of the Job in k8s/load: sends the load of LOAD_PLAN and tells it on standard output. "lab load" is the one for people.
_ = Lifeline.Start();
using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Lifeline.IsRequested ? static signal => signal.Cancel = true : End);

// Not Console.Out, which takes no notice when nobody reads any more.
using var handle = OperatingSystem.IsWindows() ? null : new SafeFileHandle(1, ownsHandle: false);
using var output = new StreamWriter(handle is null ? Console.OpenStandardOutput() : new FileStream(handle, FileAccess.Write, bufferSize: 0)) { NewLine = "\n" };
return await LoadLog.WriteAsync(Environment.GetEnvironmentVariable("LOAD_PLAN"), output, TimeProvider.System, stop.Token);

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
