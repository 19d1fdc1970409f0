using System.CommandLine;
using System.Globalization;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Dashboard;

/// <summary>The options <c>--dashboard</c> and <c>--aspire</c> of the commands that start processes.</summary>
internal sealed class DashboardOptions
{
    private readonly Option<bool> _dashboard = new("--dashboard")
    {
        Description = $"Show logs, traces and metrics of every process in the Aspire dashboard. Without an Aspire CLI on PATH, {AspireCli.Version} is installed by npm into the lab's cache.",
    };

    private readonly Option<string?> _aspire = new("--aspire") { Description = "The Aspire CLI to use for --dashboard.", HelpName = "file" };

    public void AddTo(Command command)
    {
        command.Add(_dashboard);
        command.Add(_aspire);
    }

    /// <summary>Starts the dashboard if one was asked for, else gives <see cref="LabDashboard.None"/>.</summary>
    /// <exception cref="LabException">It was asked for and cannot be had.</exception>
    public Task<LabDashboard> StartAsync(ParseResult parse, TimeProvider time, Action<string> say, CancellationToken stop) =>
        parse.GetValue(_dashboard) || parse.GetValue(_aspire) is not null
            ? LabDashboard.StartAsync(parse.GetValue(_aspire), time, say, stop)
            : Task.FromResult(LabDashboard.None);
}

/// <summary>The dashboard of one lab and what the lab itself sends to it; or none, and then nothing is sent.</summary>
internal sealed class LabDashboard : IAsyncDisposable
{
    public static readonly LabDashboard None = new(null);
    private readonly LabTelemetry? _telemetry;

    private LabDashboard(DashboardHost? host)
    {
        Host = host;
        _telemetry = host is null ? null : LabTelemetry.Start(host.Target);
    }

    public DashboardHost? Host { get; }

    public static async Task<LabDashboard> StartAsync(string? aspire, TimeProvider time, Action<string> say, CancellationToken stop)
    {
        var cli = await AspireCli.FindOrInstallAsync(aspire, time, say, stop).ConfigureAwait(false);
        var started = time.GetTimestamp();
        var host = await DashboardHost.StartAsync(cli, time, stop).ConfigureAwait(false);
        say(string.Create(CultureInfo.InvariantCulture, $"{time.GetElapsedTime(started).TotalSeconds:0.0}s dashboard serves at {host.Page} by {cli.Origin}"));
        return new LabDashboard(host);
    }

    /// <summary>Lines of progress for people, which the dashboard gets too.</summary>
    public Action<string> Also(Action<string> say) => _telemetry is null ? say : line =>
    {
        say(line);
        _telemetry.Say(line);
    };

    public async ValueTask DisposeAsync()
    {
        _telemetry?.Dispose();
        if (Host is not null)
        {
            await Host.DisposeAsync().ConfigureAwait(false);
        }
    }
}
