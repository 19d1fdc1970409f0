using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Resilience.Web.Tests;

/// <summary>The built program as a child process on free ports, as a node would start it.</summary>
internal sealed partial class PodProcess : IAsyncDisposable
{
    public const int SigInt = 2;
    public const int SigTerm = 15;

    private readonly Process _process;

    private PodProcess(Process process, Uri main, Uri management) => (_process, Main, Management) = (process, main, management);

    public Uri Main { get; }

    public Uri Management { get; }

    public bool HasExited => _process.HasExited;

    public static async Task<PodProcess> StartAsync(CancellationToken cancellationToken, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Resilience.Web.exe" : "Resilience.Web"))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in new[] { ("POD_IP", "127.0.0.1"), ("PORT", "0"), ("MANAGEMENT_PORT", "0"), ("SLOT", "green"), ("RESILIENCE_LIFELINE", "stdin") }.Concat(environment))
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        try
        {
            var addresses = new List<Uri>();
            while (addresses.Count < 2)
            {
                var line = await process.StandardOutput.ReadLineAsync(cancellationToken) ?? throw new InvalidOperationException("The program ended before it listened.");
                if (line.IndexOf("Now listening on: ", StringComparison.Ordinal) is >= 0 and var at)
                {
                    addresses.Add(new Uri(line[(at + "Now listening on: ".Length)..]));
                }
            }

            // Read on, or the child would block on a full pipe.
            _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            return new(process, addresses[0], addresses[1]);
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    public void CloseLifeline() => _process.StandardInput.Close();

    public async Task<int> ExitCodeAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}

/// <summary>One kept-alive connection, to see what the server does with it.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client = new();
    private readonly byte[] _buffer = new byte[64 * 1024];

    public static async Task<RawConnection> OpenAsync(Uri address, CancellationToken cancellationToken)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync(IPAddress.Parse(address.Host), address.Port, cancellationToken);
        return connection;
    }

    /// <returns>The head of the answer; empty when the server closed instead of answering.</returns>
    public async Task<string> GetAsync(string path, CancellationToken cancellationToken)
    {
        var stream = _client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"), cancellationToken);
        var read = await stream.ReadAsync(_buffer, cancellationToken);
        return Encoding.ASCII.GetString(_buffer, 0, read);
    }

    /// <summary>Completes when the server closes the connection.</summary>
    public async Task ClosedAsync(CancellationToken cancellationToken)
    {
        while (await _client.GetStream().ReadAsync(_buffer, cancellationToken) > 0)
        {
        }
    }

    public void Dispose() => _client.Dispose();
}
