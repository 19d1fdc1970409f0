using System.CommandLine;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Hosting;
using Resilience.Lab.Status;
using Spectre.Console;

namespace Resilience.Lab.Commands;

/// <summary><c>up</c>: cluster, manifests, URLs, and a live table until Ctrl-C.</summary>
internal static class UpCommand
{
    private sealed record Wishes(bool Bare, bool Watcher, string Overlay, int Port);

    public static Command Create()
    {
        var bare = new Option<bool>("--bare") { Description = "Start an empty cluster; apply nothing." };
        var noWatcher = new Option<bool>("--no-watcher") { Description = "Leave the failover watcher out: other tools move the traffic." };
        var intelligent = new Option<bool>("--intelligent") { Description = "Add the scaling agent, which keeps the replica floor ahead of demand." };
        var port = new Option<int>("--port") { Description = "Port of the API server. Default: a free one.", HelpName = "port" };
        port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 65_535)
            {
                result.AddError("--port must be from 0 to 65535");
            }
        });
        var directory = CommandRunner.LabDirectoryOption();
        var dashboard = new DashboardOptions();
        var command = new Command("up", "Start the embedded cluster with both slots and the watcher; show what happens until Ctrl-C.") { bare, noWatcher, intelligent, port, directory };
        dashboard.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var lab = LabDirectory.At(parse.GetValue(directory));
            using var claim = lab.Claim();
            var shown = await dashboard.StartAsync(parse, TimeProvider.System, console.Say, stop).ConfigureAwait(false);
            await using (shown.ConfigureAwait(false))
            {
                var overlay = parse.GetValue(intelligent) ? LabStackOptions.Intelligent : LabStackOptions.Traditional;
                await RunAsync(console, lab, new(parse.GetValue(bare), !parse.GetValue(noWatcher), overlay, parse.GetValue(port)), shown, stop).ConfigureAwait(false);
            }

            console.Say("stopped; nothing is left running.");
            return ExitCode.Pass;
        });
    }

    private static async Task RunAsync(LabConsole console, LabDirectory directory, Wishes wishes, LabDashboard dashboard, CancellationToken stop)
    {
        var time = TimeProvider.System;
        var self = ProcessIdentity.Current;
        var record = new LabRecord(1, self.Pid, self.Start, time.GetUtcNow(), null, dashboard.Host?.Target);
        directory.Write(record);
        try
        {
            var options = new LabStackOptions(new ClusterHostOptions(directory.Path) { Port = wishes.Port })
            {
                Bare = wishes.Bare, Watcher = wishes.Watcher, Overlay = wishes.Overlay, Telemetry = dashboard.Host?.Target,
            };
            var stack = await LabStack.StartAsync(options, time, dashboard.Also(console.Say), stop).ConfigureAwait(false);
            await using (stack.ConfigureAwait(false))
            {
                directory.Write(record with { Url = wishes.Bare ? null : stack.Url.ToString() });
                Greet(console, stack, wishes, dashboard);
                await ShowAsync(console, stack, wishes.Bare, time, stop).ConfigureAwait(false);
                console.Say("stopping ...");
            }
        }
        finally
        {
            directory.Forget();
        }
    }

    private static void Greet(LabConsole console, LabStack stack, Wishes wishes, LabDashboard dashboard)
    {
        console.Say(string.Empty);
        if (!wishes.Bare)
        {
            console.Say($"  page       {stack.Url}");
        }

        if (dashboard.Host is { } shown)
        {
            console.Say($"  dashboard  {shown.Login}");
        }

        console.Say($"  kubectl    export KUBECONFIG={stack.Kubeconfig}");
        console.Say(wishes.Bare ? $"  empty      ./lab deploy --kubeconfig {stack.Kubeconfig}   (or kubectl apply -k k8s/crds, then k8s/traditional)" : "  break it   ./lab chaos outage blue --for 20s   (in another terminal)");
        if (!wishes.Watcher)
        {
            console.Say("  no watcher: nothing moves traffic unless you do");
        }

        console.Say("  stop       Ctrl-C");
        console.Say(string.Empty);
    }

    /// <summary>Until Ctrl-C; ends with an error when the cluster ends by itself.</summary>
    private static async Task ShowAsync(LabConsole console, LabStack stack, bool bare, TimeProvider time, CancellationToken stop)
    {
        using var probe = new LightProbe(stack.Url, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var probing = bare ? Task.CompletedTask : probe.RunAsync(ended.Token);
        try
        {
            if (console.Interactive && !bare)
            {
                await console.Ansi.Live(new Text(string.Empty)).StartAsync(async live =>
                    await EachStatusAsync(stack, time, status => live.UpdateTarget(StatusView.Table(status, probe.Summary())), stop).ConfigureAwait(false)).ConfigureAwait(false);
            }
            else
            {
                await EachStatusAsync(stack, time, LineOnChange(console, bare, time), stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Ctrl-C is how this command ends.
        }

        await ended.CancelAsync().ConfigureAwait(false);
        await probing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static Action<LabStatus> LineOnChange(LabConsole console, bool bare, TimeProvider time)
    {
        var last = string.Empty;
        return status =>
        {
            var line = bare ? string.Empty : StatusView.Line(status);
            if (line != last)
            {
                console.Say($"{time.GetLocalNow():HH:mm:ss.fff} {line}");
                last = line;
            }
        };
    }

    private static async Task EachStatusAsync(LabStack stack, TimeProvider time, Action<LabStatus> show, CancellationToken stop)
    {
        while (true)
        {
            if (stack.ClusterHasExited)
            {
                throw new LabException("the embedded cluster ended by itself", $"Its logs are in {Path.Combine(Path.GetDirectoryName(stack.Kubeconfig)!, "logs")}.");
            }

            try
            {
                show(await StatusReader.ReadAsync(stack.Cluster, stop).ConfigureAwait(false));
            }
            catch (ClusterException)
            {
                // One missed reading; if the cluster is gone the check above says so.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), time, stop).ConfigureAwait(false);
        }
    }
}
