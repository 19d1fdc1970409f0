using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Resilience.ServiceDefaults;

/// <summary>
/// Host lifetime of a pod process: SIGTERM stops gracefully; SIGINT and SIGQUIT do too, unless a lifeline is armed, when the parent decides.
/// It replaces the console lifetime because that one stops on SIGINT, and nobody can take that back.
/// </summary>
internal sealed class PodLifetime(IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        Action<PosixSignalContext> onInterrupt = Lifeline.IsRequested ? static context => context.Cancel = true : Stop;
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, onInterrupt));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGQUIT, onInterrupt));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        application.StopApplication();
    }
}
