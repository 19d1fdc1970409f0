// NBomber 6: https://nbomber.com/docs
namespace NBomber.Contracts
{
    public interface IResponse;

    public interface IScenarioContext;

    /// <summary>Here it remembers what was asked for, so that a test can add it up.</summary>
    public sealed record LoadSimulation(int Rate, TimeSpan Interval, TimeSpan During, bool Ramps);

    public sealed record ThresholdProps;

    public sealed record ScenarioProps;
}

namespace NBomber.Contracts.Stats
{
    public enum ReportFormat
    {
        Txt,
        Html,
        Csv,
        Md,
    }

    public sealed record RequestStats(int Count, int Percent, double RPS);

    public sealed record LatencyStats(double Percent50, double Percent75, double Percent95, double Percent99);

    public sealed record MeasurementStats(RequestStats Request, LatencyStats Latency);

    public sealed record ScenarioStats(string ScenarioName, MeasurementStats Ok, MeasurementStats Fail);

    public sealed record NodeStats(ScenarioStats[] ScenarioStats);
}
