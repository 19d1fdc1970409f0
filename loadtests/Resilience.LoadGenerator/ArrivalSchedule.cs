namespace Resilience.LoadGenerator;

/// <summary>The instants at which requests are due. Same plan and seed, same instants.</summary>
internal sealed class ArrivalSchedule(LoadPlan plan)
{
    private readonly Random? _random = plan.Arrivals == Arrivals.Poisson ? new Random(plan.Seed) : null;
    private double _requests;
    private bool _started;

    /// <summary>Time of the next request since the start of the run; null when there is none left.</summary>
    public TimeSpan? Next()
    {
        // Constant: whole numbers of the profile's integral. Poisson: exponential steps of mean 1, which any rate turns into its own process.
        _requests += _random is { } random ? -Math.Log(1 - random.NextDouble()) : _started ? 1 : 0;
        _started = true;
        return plan.Profile.TimeOf(_requests) is { } due && due < plan.Duration ? due : null;
    }
}
