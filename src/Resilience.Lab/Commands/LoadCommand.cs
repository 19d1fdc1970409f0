using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Hosting;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Commands;

/// <summary>What <c>load --json</c> prints.</summary>
internal sealed record LoadSummary(
    int SchemaVersion, string Url, double Rps, long Requests, long Failed, double ErrorRatio,
    double P50Ms, double P95Ms, double P99Ms, double P999Ms, double MaxMs, double LongestGapMs, double SendLagP99Ms, IReadOnlyDictionary<string, long> PerSlot);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(LoadSummary))]
internal sealed partial class LoadJson : JsonSerializerContext;

/// <summary><c>load</c>: the load generator alone, against any address.</summary>
internal static class LoadCommand
{
    private static readonly string[] ProfileNames = [.. ProfileCatalog.All.Select(profile => profile.Name)];

    public static Command Create()
    {
        var url = new Option<string?>("--url") { Description = "What to ask for. Default: the running lab's page.", HelpName = "address" };
        var rps = new Option<double>("--rps") { Description = "Requests per second, the highest of the profile; they do not wait for answers.", HelpName = "n", DefaultValueFactory = _ => 200 };
        var profile = new Option<string>("--profile") { Description = "Course of the load: " + string.Join(", ", ProfileNames) + ".", HelpName = "name", DefaultValueFactory = _ => "steady" };
        var duration = Durations.Option("--duration", "How long. Default 60s.");
        var poisson = new Option<bool>("--poisson") { Description = "Arrivals as of independent users instead of evenly spaced." };
        var fresh = new Option<double>("--new-connections") { Description = "Share of requests on a connection of their own, 0 to 1.", HelpName = "ratio", DefaultValueFactory = _ => 0.5 };
        var seed = new Option<int>("--seed") { Description = "Seed of the arrivals.", HelpName = "n", DefaultValueFactory = _ => 1 };
        var directory = CommandRunner.LabDirectoryOption();
        var command = new Command("load", "Send requests at a steady or changing rate and print percentiles as users saw them.")
        {
            url, rps, profile, duration, poisson, fresh, seed, CommandRunner.JsonOption(), directory,
        };
        return command.Does(async (parse, console, stop) =>
        {
            var rate = parse.GetValue(rps) is > 0 and <= 20_000 and var asked ? asked : throw new LabException("--rps must be more than 0 and at most 20000");
            var length = parse.GetValue(duration) ?? TimeSpan.FromSeconds(60);
            var course = ProfileCatalog.Find(parse.GetValue(profile)!) ?? throw Suggest.Unknown("profile", parse.GetValue(profile)!, ProfileNames);
            var lab = LabDirectory.At(parse.GetValue(directory));
            using var telemetry = LabTelemetry.StartBeside(lab);
            var plan = new LoadPlan
            {
                Url = Target(parse.GetValue(url), lab),
                Profile = course.Create(rate, length),
                Duration = length,
                Arrivals = parse.GetValue(poisson) ? Arrivals.Poisson : Arrivals.Constant,
                NewConnectionRatio = parse.GetValue(fresh),
                Seed = parse.GetValue(seed),
            };
            return await RunAsync(console, plan, stop).ConfigureAwait(false);
        });
    }

    private static Uri Target(string? url, LabDirectory directory)
    {
        if (url is null)
        {
            _ = directory.RunningKubeconfig();
            url = directory.Read()?.Url ?? throw new LabException("the running lab serves no page", "Name an address with --url.");
        }

        return HttpAddress.TryParse(url, out var target)
            ? target
            : throw new LabException($"\"{url}\" is not an address", "Write it like http://127.0.0.1:30080/.");
    }

    private static async Task<int> RunAsync(LabConsole console, LoadPlan plan, CancellationToken stop)
    {
        var time = TimeProvider.System;
        LoadRun run;
        try
        {
            run = await LoadRun.StartAsync(plan, time, stop).ConfigureAwait(false);
        }
        catch (Exception wrong) when (wrong is ArgumentException or System.Net.Sockets.SocketException)
        {
            throw new LabException(wrong.Message.TrimEnd('.'));
        }

        await using (run.ConfigureAwait(false))
        {
            while (!run.Completion.IsCompleted)
            {
                await Task.WhenAny(run.Completion, Task.Delay(TimeSpan.FromSeconds(1), time, CancellationToken.None)).ConfigureAwait(false);
                var seen = run.Snapshot();
                console.Say(string.Create(CultureInfo.InvariantCulture, $"t={seen.Elapsed.TotalSeconds,5:0.0}s  {seen.RecentOk} ok, {seen.RecentFailed} failed in the last second, p50 {seen.RecentP50Ms:0.0} ms, p99 {seen.RecentP99Ms:0.0} ms, slot {seen.LastSlot ?? "-"}"));
            }

            var result = await run.Completion.ConfigureAwait(false);
            Report(console, plan, result);
            return stop.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Pass;
        }
    }

    private static void Report(LabConsole console, LoadPlan plan, LoadResult result)
    {
        var latency = result.Latency;
        console.Say(string.Create(CultureInfo.InvariantCulture, $"{result.Scheduled} requests at {result.AchievedRps:0.0}/s: {result.Failed} failed ({result.ErrorRatio:0.###%}), p50 {latency.P50Ms:0.0} ms, p95 {latency.P95Ms:0.0} ms, p99 {latency.P99Ms:0.0} ms, max {latency.MaxMs:0.0} ms, longest gap {result.LongestGapMs:0} ms"));
        if (console.Json)
        {
            var summary = new LoadSummary(
                1, plan.Url.ToString(), result.AchievedRps, result.Scheduled, result.Failed, result.ErrorRatio,
                latency.P50Ms, latency.P95Ms, latency.P99Ms, latency.P999Ms, latency.MaxMs, result.LongestGapMs, result.Generator.SendLagP99Ms, result.PerSlot);
            console.WriteJson(JsonSerializer.Serialize(summary, LoadJson.Default.LoadSummary));
        }
    }
}
