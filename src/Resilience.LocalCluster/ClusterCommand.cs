using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Runtime.InteropServices;
using Resilience.LocalCluster.Machinery;

namespace Resilience.LocalCluster;

/// <summary>The command line of the stand-alone cluster.</summary>
internal static class ClusterCommand
{
    private const int CouldNotRun = 2;
    private const int AlreadyRunning = 3;

    public static Task<int> RunAsync(string[] args)
    {
        var data = new Option<string>("--data-dir") { Description = "Directory of keys, kubeconfig, logs and state; one cluster at a time.", Required = true };
        var port = new Option<int>("--port") { Description = "Port of the API server on 127.0.0.1; 0 takes a free one." };
        var images = new Option<string?>("--images") { Description = "JSON file that maps image names to commands." };
        var address = new Option<string>("--node-address") { Description = "127.x.y.1 of the node, or auto.", DefaultValueFactory = static _ => "auto" };
        var sync = Duration("--hpa-sync-period", "How often autoscalers look.", 15);
        var resolution = Duration("--metrics-resolution", "How often use is measured.", 15);
        var scale = new Option<double>("--time-scale") { Description = "How much faster the controllers' long periods pass.", DefaultValueFactory = static _ => 1 };
        var cpu = new Option<int>("--node-cpu") { Description = "Cores the node claims to have.", DefaultValueFactory = static _ => 8 };
        scale.Validators.Add(result => Within(result, scale, 0.01, 10_000));
        cpu.Validators.Add(result => Within(result, cpu, 1, 1_024));
        var noRbac = new Option<bool>("--no-rbac") { Description = "Let every token do everything, whatever the Roles say." };
        var lifeline = new Option<bool>("--lifeline") { Description = "End when standard input ends, and leave Ctrl-C to the parent." };
        var command = new RootCommand("An embedded Kubernetes cluster: API server, controllers and a node whose pods are processes.")
        {
            data, port, images, address, sync, resolution, scale, cpu, noRbac, lifeline,
        };
        command.SetAction((parsed, cancellationToken) => ServeAsync(new()
        {
            DataDirectory = Path.GetFullPath(parsed.GetValue(data)!),
            Port = parsed.GetValue(port),
            ImagesPath = parsed.GetValue(images),
            NodeAddress = parsed.GetValue(address)!,
            HpaSyncPeriod = parsed.GetValue(sync),
            MetricsResolution = parsed.GetValue(resolution),
            TimeScale = parsed.GetValue(scale),
            NodeCpu = parsed.GetValue(cpu),
            EnforceRbac = !parsed.GetValue(noRbac),
        }, parsed.GetValue(lifeline) || Environment.GetEnvironmentVariable("RESILIENCE_LIFELINE") == "stdin", cancellationToken));
        return command.Parse(args).InvokeAsync();
    }

    private static void Within<T>(OptionResult result, Option<T> option, T min, T max)
        where T : IComparable<T>
    {
        if (!result.Errors.Any() && result.GetValueOrDefault<T>() is { } value && (value.CompareTo(min) < 0 || value.CompareTo(max) > 0))
        {
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be from {min} to {max}"));
        }
    }

    private static async Task<int> ServeAsync(EmbeddedClusterOptions options, bool lifeline, CancellationToken cancellationToken)
    {
        if (ClusterLock.TryTake(options.DataDirectory) is not { } taken)
        {
            await Console.Error.WriteLineAsync($"A cluster already runs in {options.DataDirectory}.").ConfigureAwait(false);
            return AlreadyRunning;
        }

        using (taken)
        using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        using (PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => End(signal, stop)))
        using (PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => End(signal, lifeline ? null : stop)))
        {
            if (lifeline)
            {
                _ = EndWithInputAsync(stop);
            }

            try
            {
                var cluster = await EmbeddedCluster.StartAsync(options, stop.Token).ConfigureAwait(false);
                await using var closing = cluster.ConfigureAwait(false);
                taken.Publish(cluster, options.Clock.GetUtcNow());
                await Console.Out.WriteLineAsync($"Serving {cluster.ApiServer} (kubeconfig {cluster.KubeconfigPath})").ConfigureAwait(false);
                await WaitAsync(stop.Token).ConfigureAwait(false);
                taken.Withdraw();
                return 0;
            }
            catch (IOException ex)
            {
                await Console.Error.WriteLineAsync($"The cluster could not start: {ex.Message}").ConfigureAwait(false);
                return CouldNotRun;
            }
        }
    }

    private static void End(PosixSignalContext signal, CancellationTokenSource? stop)
    {
        signal.Cancel = true;   // our own shutdown, or, for a child of the lab, the lab's
        stop?.Cancel();
    }

    private static async Task EndWithInputAsync(CancellationTokenSource stop)
    {
        var input = Console.OpenStandardInput();
        await using var closing = input.ConfigureAwait(false);
        var buffer = new byte[256];
        while (await input.ReadAsync(buffer).ConfigureAwait(false) > 0)
        {
            // What the parent writes means nothing; that it can still write does.
        }

        await stop.CancelAsync().ConfigureAwait(false);
    }

    private static async Task WaitAsync(CancellationToken cancellationToken)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = cancellationToken.Register(ended.SetResult);
        await ended.Task.ConfigureAwait(false);
    }

    private static Option<TimeSpan> Duration(string name, string description, int seconds) => new(name)
    {
        Description = $"{description} Default {seconds}s.",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(seconds),
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            var (number, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 0.001)
                : text.EndsWith('s') ? (text[..^1], 1.0) : text.EndsWith('m') ? (text[..^1], 60.0) : (text, 0.0);
            if (unit > 0 && double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0)
            {
                return TimeSpan.FromSeconds(value * unit);
            }

            if (TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) && span > TimeSpan.Zero)
            {
                return span;
            }

            result.AddError($"{name}: '{text}' is not a duration; write 15s, 500ms, 1m or 00:00:15.");
            return default;
        },
    };
}
