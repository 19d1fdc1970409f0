using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Resilience.Testing;

/// <summary>A real Prometheus server on loopback, with its data in a folder of its own; it can be killed and started again.</summary>
public sealed class PrometheusProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly string _folder = Directory.CreateTempSubdirectory("resilience-prometheus-").FullName;
    private readonly int _port = FreePort();
    private Process? _process;

    /// <summary>Why the tests of the tier cannot run; null when they can.</summary>
    public static string? Missing => Find("prometheus") is null || Find("promtool") is null
        ? "prometheus and promtool are not on the PATH (Debian: RUNLEVEL=1 apt-get install --no-install-recommends prometheus)" : null;

    public string Folder => _folder;

    public string Url => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}");

    public static async Task<(int ExitCode, string Output)> PromtoolAsync(string folder, params string[] arguments)
    {
        using var promtool = Start(Find("promtool")!, folder, arguments);
        var output = promtool.StandardOutput.ReadToEndAsync();
        var errors = await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        return (promtool.ExitCode, await output + errors);
    }

    public void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder, file), text);

    /// <summary>Starts on <c>prometheus.yml</c> in <see cref="Folder"/> and waits until the server is ready.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _process = Start(
            Find("prometheus")!, _folder, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=1h",
            string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{_port}"), "--log.level=warn");
        var log = _process.StandardError.ReadToEndAsync(cancellationToken);
        _ = _process.StandardOutput.ReadToEndAsync(cancellationToken);
        await UntilAsync(async () => _process.HasExited ? throw new InvalidOperationException(await log) : await IsReadyAsync(cancellationToken), "Prometheus is ready", cancellationToken);
    }

    /// <summary>Ends the server without giving it time to tidy up.</summary>
    public void Kill()
    {
        if (_process is { } process)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
            _process = null;
        }
    }

    public void Dispose()
    {
        Kill();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Asks again and again; real time, because Prometheus lives in it.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"did not happen within {Patience.TotalSeconds:0} s: {what}");
            }

            await Task.Delay(Pause, TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>The shipped scrape configuration, with a list of targets in a file where Kubernetes would be asked: Debian's build cannot ask it.</summary>
    public static string ShippedConfiguration()
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "k8s", "monitoring", "prometheus", "prometheus.yml")).ToList();
        var first = lines.FindIndex(line => line.TrimStart().StartsWith("kubernetes_sd_configs:", StringComparison.Ordinal));
        var next = lines.FindIndex(first, line => line.TrimStart().StartsWith("relabel_configs:", StringComparison.Ordinal));
        if (first < 0 || next < first)
        {
            throw new InvalidOperationException("The shipped prometheus.yml is not laid out as this expects.");
        }

        lines.RemoveRange(first, next - first);
        lines.Insert(first, "    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]");
        return string.Join('\n', lines) + "\n";
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(Url + "/-/ready"), cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;   // not listening yet
        }
    }

    private static Process Start(string program, string folder, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false })!;

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
