using System.Text.Json;

namespace Resilience.LoadGenerator.Streaming;

/// <summary>A <see cref="LoadPlan"/> as it is written into a manifest. What is left out has the plan's default.</summary>
/// <param name="Profile">Straight lines between points of seconds and requests per second: <c>[[0, 200]]</c> is 200/s all the time.</param>
internal sealed record PlanDocument(Uri? Url, double DurationSeconds, double[][]? Profile)
{
    private const int MostPoints = 10_000;
    private static readonly LoadPlan Defaults = new() { Url = new Uri("http://localhost/"), Profile = LoadProfile.Constant(1), Duration = TimeSpan.FromSeconds(1) };

    // Setters, because the generated reader gives init properties that are left out the type's default instead of these.
    public string ProfileName { get; set; } = "constant";

    public Arrivals Arrivals { get; set; } = Defaults.Arrivals;

    public int Seed { get; set; } = Defaults.Seed;

    public double NewConnectionRatio { get; set; } = Defaults.NewConnectionRatio;

    public int KeptConnections { get; set; } = Defaults.KeptConnections;

    public double TimeoutSeconds { get; set; } = Defaults.Timeout.TotalSeconds;

    public int MaxInFlight { get; set; } = Defaults.MaxInFlight;

    public static string Write(LoadPlan plan)
    {
        var document = new PlanDocument(plan.Url, plan.Duration.TotalSeconds, [.. plan.Profile.Points.Select(static point => (double[])[point.At.TotalSeconds, point.Rps])])
        {
            ProfileName = plan.Profile.Name,
            Arrivals = plan.Arrivals,
            Seed = plan.Seed,
            NewConnectionRatio = plan.NewConnectionRatio,
            KeptConnections = plan.KeptConnections,
            TimeoutSeconds = plan.Timeout.TotalSeconds,
            MaxInFlight = plan.MaxInFlight,
        };
        return JsonSerializer.Serialize(document, StreamingJson.Default.PlanDocument);
    }

    /// <exception cref="FormatException">This is no plan, or one that cannot be run; the message says why.</exception>
    public static LoadPlan Read(string text)
    {
        try
        {
            var document = JsonSerializer.Deserialize(text, StreamingJson.Default.PlanDocument);
            if (document is not { Url: not null, Profile: { Length: > 0 and <= MostPoints } points } || points.Any(static point => point is not { Length: 2 }))
            {
                throw new FormatException($"The plan needs a url, durationSeconds, and a profile of up to {MostPoints} pairs of seconds and requests per second.");
            }

            var plan = Defaults with
            {
                Url = document.Url,
                Duration = TimeSpan.FromSeconds(document.DurationSeconds),
                Profile = LoadProfile.FromPoints(document.ProfileName, points.Select(static point => new RatePoint(TimeSpan.FromSeconds(point[0]), point[1]))),
                Arrivals = document.Arrivals,
                Seed = document.Seed,
                NewConnectionRatio = document.NewConnectionRatio,
                KeptConnections = document.KeptConnections,
                Timeout = TimeSpan.FromSeconds(document.TimeoutSeconds),
                MaxInFlight = document.MaxInFlight,
            };
            plan.Validate();
            return LoadLog.RequestsOf(plan) <= LoadLog.MostRequests ? plan
                : throw new FormatException($"The plan is for more than {LoadLog.MostRequests} requests, which is what the log of a pod holds.");
        }
        catch (Exception wrong) when (wrong is JsonException or ArgumentException or OverflowException)
        {
            throw new FormatException($"The plan cannot be run: {wrong.Message}", wrong);
        }
    }
}
