using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Dashboard;

/// <summary>
/// A dashboard of this lab's own: its ports, its keys, its data in memory, its end with the lab. It is the last to end, so that it still
/// takes what the processes send while they stop.
/// </summary>
internal sealed class DashboardHost : IAsyncDisposable
{
    private const int KeptLines = 20;
    private const int Attempts = 3;

    /// <summary>The first start unpacks the CLI's parts.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Ends the dashboard when standard input ends, which the system sees to even when the lab is killed. Ctrl-C goes to everything on a
    /// terminal: here it is ignored, for the lab decides. Arguments: the command line of the dashboard.
    /// </summary>
    private const string LifelineScript = """
        trap '' INT HUP
        exec 3<&0 </dev/null
        "$@" 3<&- &
        dashboard=$!
        ( while read -r _; do :; done; kill -TERM "$dashboard" ) <&3 2>/dev/null &
        lifeline=$!
        exec 3<&-
        wait "$dashboard"
        code=$?
        kill "$lifeline" 2>/dev/null
        exit "$code"
        """;

    private readonly Process _process;
    private readonly Queue<string> _said = new();
    private readonly TimeProvider _time;

    private DashboardHost(Process process, DashboardPorts ports, DashboardKeys keys, TimeProvider time)
    {
        _process = process;
        _time = time;
        Page = new Uri($"http://127.0.0.1:{ports.Page}/");
        Login = new Uri(Page, $"login?t={keys.Browser}");
        ApiKey = keys.Api;
        Target = new TelemetryTarget(new Uri($"http://127.0.0.1:{ports.Grpc}/"), keys.Otlp);
        OtlpHttp = new Uri($"http://127.0.0.1:{ports.Http}/");
    }

    public Uri Page { get; }

    /// <summary>The page with the token that lets a browser in. For the person at the terminal only.</summary>
    public Uri Login { get; }

    /// <summary>Header <c>X-API-Key</c> of the telemetry API below <c>/api/telemetry</c>.</summary>
    public string ApiKey { get; }

    public TelemetryTarget Target { get; }

    /// <summary>OTLP over HTTP, for programs that do not speak gRPC.</summary>
    public Uri OtlpHttp { get; }

    /// <exception cref="LabException">It did not come up; the line says why.</exception>
    public static async Task<DashboardHost> StartAsync(AspireCli cli, TimeProvider time, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            // Between looking for a free port and its use somebody else may take it, and the CLI gives up on a slow machine: both pass.
            var ports = DashboardPorts.Choose(preferDefaults: attempt == 1);
            var host = Start(cli, ports, time);
            try
            {
                await host.WaitUntilServingAsync(stop).ConfigureAwait(false);
                return host;
            }
            catch (LabException) when (attempt < Attempts && host._process.HasExited)
            {
                await host.DisposeAsync().ConfigureAwait(false);
            }
            catch
            {
                await host.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
            if (OperatingSystem.IsWindows() || !await EndsWithinAsync(EndLimit).ConfigureAwait(false))
            {
                _process.Kill(entireProcessTree: true);
                _ = await EndsWithinAsync(EndLimit).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is InvalidOperationException or IOException)
        {
            // It ended by itself.
        }

        _process.Dispose();
    }

    private static DashboardHost Start(AspireCli cli, DashboardPorts ports, TimeProvider time)
    {
        var keys = DashboardKeys.Create();
        var process = new Process { StartInfo = StartInfo(cli, ports, keys) };
        var host = new DashboardHost(process, ports, keys, time);
        process.OutputDataReceived += (_, line) => host.Remember(line.Data);
        process.ErrorDataReceived += (_, line) => host.Remember(line.Data);
        try
        {
            _ = process.Start();
        }
        catch (System.ComponentModel.Win32Exception wrong)
        {
            process.Dispose();
            throw new LabException($"{cli.Path} does not start: {wrong.Message.TrimEnd('.')}");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return host;
    }

    private static ProcessStartInfo StartInfo(AspireCli cli, DashboardPorts ports, DashboardKeys keys)
    {
        string[] command =
        [
            cli.Path, "dashboard", "run", "--nologo", "--non-interactive",
            "--frontend-url", $"http://127.0.0.1:{ports.Page}",
            "--otlp-grpc-url", $"http://127.0.0.1:{ports.Grpc}",
            "--otlp-http-url", $"http://127.0.0.1:{ports.Http}",
        ];
        var start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo(command[0], command.Skip(1))
            : new ProcessStartInfo("/bin/sh", ["-c", LifelineScript, "sh", .. command]);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, true, false);
        // What is meant for another dashboard, or for other ASP.NET programs, must not reconfigure this one.
        foreach (var name in start.Environment.Keys.Where(IsForDashboards).ToArray())
        {
            _ = start.Environment.Remove(name);
        }

        // By environment, not by arguments: those are for everybody to see.
        start.Environment["DASHBOARD__FRONTEND__BROWSERTOKEN"] = keys.Browser;
        start.Environment["DASHBOARD__API__AUTHMODE"] = "ApiKey";
        start.Environment["DASHBOARD__API__PRIMARYAPIKEY"] = keys.Api;
        start.Environment["DASHBOARD__OTLP__AUTHMODE"] = "ApiKey";
        start.Environment["DASHBOARD__OTLP__PRIMARYAPIKEY"] = keys.Otlp;
        start.Environment["ASPIRE_CLI_TELEMETRY_OPTOUT"] = "true";
        start.Environment["NO_COLOR"] = "1";
        if (cli.Home is { } home)
        {
            start.Environment["ASPIRE_HOME"] = home;
        }

        return start;
    }

    private static bool IsForDashboards(string name)
    {
        string[] prefixes = ["DASHBOARD__", "ASPIRE_DASHBOARD_", "DOTNET_DASHBOARD_", "ASPNETCORE_", "OTEL_"];
        return prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Serving means that the telemetry API takes our key: another program on the port would not.</summary>
    private async Task WaitUntilServingAsync(CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        http.DefaultRequestHeaders.Add("X-API-Key", ApiKey);
        var started = _time.GetTimestamp();
        while (true)
        {
            if (_process.HasExited)
            {
                throw new LabException($"the dashboard ended at once (exit code {_process.ExitCode}): {LastWords()}");
            }

            if (_time.GetElapsedTime(started) > StartLimit)
            {
                throw new LabException($"the dashboard did not come up within {StartLimit.TotalSeconds:0} s: {LastWords()}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), _time, stop).ConfigureAwait(false);
            try
            {
                using var answer = await http.GetAsync(new Uri(Page, "api/telemetry/resources"), stop).ConfigureAwait(false);
                if (answer is { StatusCode: HttpStatusCode.OK, Content.Headers.ContentType.MediaType: "application/json" })
                {
                    return;
                }
            }
            catch (Exception silent) when (silent is HttpRequestException || (silent is TaskCanceledException && !stop.IsCancellationRequested))
            {
                // Not yet.
            }
        }
    }

    private string LastWords()
    {
        lock (_said)
        {
            return _said.Count == 0 ? "it said nothing" : string.Join(" / ", _said.TakeLast(3)).TrimEnd('.');
        }
    }

    private void Remember(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
        {
            return;
        }

        lock (_said)
        {
            _said.Enqueue(line.Trim());
            if (_said.Count > KeptLines)
            {
                _ = _said.Dequeue();
            }
        }
    }

    private async Task<bool> EndsWithinAsync(TimeSpan limit)
    {
        using var patience = new CancellationTokenSource(limit, _time);
        try
        {
            await _process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

/// <summary>Three different secrets, so that each opens one door.</summary>
internal sealed record DashboardKeys(string Browser, string Api, string Otlp)
{
    public static DashboardKeys Create() => new(Random(), Random(), Random());

    private static string Random() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}

/// <summary>Ports on 127.0.0.1: page, OTLP over gRPC, OTLP over HTTP.</summary>
internal sealed record DashboardPorts(int Page, int Grpc, int Http)
{
    /// <summary>Those that documentation everywhere names.</summary>
    public static readonly DashboardPorts Defaults = new(18888, 4317, 4318);

    /// <summary>Each default that is free, and a free port for each that is not.</summary>
    public static DashboardPorts Choose(bool preferDefaults)
    {
        var wanted = preferDefaults ? Defaults : new(0, 0, 0);
        using var page = Take(wanted.Page);
        using var grpc = Take(wanted.Grpc);
        using var http = Take(wanted.Http);
        return new(Port(page), Port(grpc), Port(http));
    }

    private static TcpListener Take(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException) when (port != 0)
        {
            listener.Dispose();
            return Take(0);
        }
    }

    private static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;
}
