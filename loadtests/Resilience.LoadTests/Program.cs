using System.CommandLine;
using NBomber.Contracts.Stats;
using NBomber.CSharp;
using Resilience.LoadTests;

var scenario = new Argument<string>("scenario") { Description = "One of: " + string.Join(", ", ScenarioCatalog.All.Select(spec => $"{spec.Name} ({spec.Description})")) };
// System.CommandLine has no parser for addresses of its own: an Option<Uri> without one throws when it is read.
var url = new Option<string>("--url") { Description = "Address under load.", Required = true };
var rps = new Option<int>("--rps") { Description = "Highest rate, requests per second.", DefaultValueFactory = _ => 100 };
var seconds = new Option<int>("--seconds") { Description = "Length of the run.", DefaultValueFactory = _ => 60 };
var reports = new Option<string>("--reports") { Description = "Folder for the HTML report.", DefaultValueFactory = _ => "lab-reports/nbomber" };
var fresh = new Option<bool>("--new-connections") { Description = "A new connection for each request." };
var root = new RootCommand("Load tests with NBomber. NBomber is free for personal use only; organisations need a licence (\"lab load\" needs none).")
{
    scenario, url, rps, seconds, reports, fresh,
};
root.SetAction(parsed =>
{
    var name = parsed.GetValue(scenario)!;
    if (ScenarioCatalog.All.FirstOrDefault(spec => spec.Name == name) is not { } spec)
    {
        return Refuse($"unknown scenario '{name}'; there are {string.Join(", ", ScenarioCatalog.All.Select(known => known.Name))}");
    }

    if (!Uri.TryCreate(parsed.GetValue(url), UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
    {
        return Refuse($"--url must be an http or https address, not '{parsed.GetValue(url)}'");
    }

    var settings = new Settings(address, parsed.GetValue(rps), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(reports)!, parsed.GetValue(fresh));
    return settings.Rps is < 1 or > 20_000 ? Refuse("--rps must be from 1 to 20000")
        : settings.Duration < TimeSpan.FromSeconds(10) || settings.Duration > TimeSpan.FromDays(1) ? Refuse("--seconds must be from 10 to 86400")
        : Run(spec, settings);
});
return await root.Parse(args).InvokeAsync().ConfigureAwait(false);

static int Run(ScenarioSpec spec, Settings settings)
{
    // Lifetime zero: each request opens its own connection; otherwise a kept one stays with its pod after traffic has moved.
    using var handler = new SocketsHttpHandler { PooledConnectionLifetime = settings.NewConnections ? TimeSpan.Zero : Timeout.InfiniteTimeSpan };
    using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(2) };
    var stats = NBomberRunner
        .RegisterScenarios(ScenarioCatalog.Build(spec, http, settings))
        .WithTestSuite("resilience")
        .WithTestName(spec.Name)
        .WithReportFolder(settings.ReportFolder)
        .WithReportFileName(spec.Name)
        .WithReportFormats(ReportFormat.Html, ReportFormat.Md)
        .Run();
    var kept = stats.ScenarioStats.All(spec.Limits.AreKept);
    Console.WriteLine($"{spec.Name}: {(kept ? "PASS" : "FAIL")}; at most {spec.Limits.MaxFailedPercent}% failed and p99 {spec.Limits.MaxP99Milliseconds} ms were allowed. Report: {Path.GetFullPath(settings.ReportFolder)}");
    return kept ? 0 : 1;
}

static int Refuse(string why)
{
    Console.Error.WriteLine("loadtests: " + why + ".");
    return 2;
}
