using NBomber.Contracts;
using NBomber.Contracts.Stats;

namespace NBomber.CSharp;

public static class Response
{
    public static IResponse Ok(string statusCode = "", long sizeBytes = 0, string message = "") => throw new NotSupportedException();

    public static IResponse Fail(string statusCode = "", string message = "", long sizeBytes = 0) => throw new NotSupportedException();
}

public static class Simulation
{
    public static LoadSimulation Inject(int rate, TimeSpan interval, TimeSpan during) => new(rate, interval, during, Ramps: false);

    public static LoadSimulation RampingInject(int rate, TimeSpan interval, TimeSpan during) => new(rate, interval, during, Ramps: true);
}

public static class Threshold
{
    public static ThresholdProps Create(Func<ScenarioStats, bool> checkScenario, int? abortWhenErrorCount = null, TimeSpan? startCheckAfter = null) =>
        throw new NotSupportedException();
}

public static class Scenario
{
    public static ScenarioProps Create(string name, Func<IScenarioContext, Task<IResponse>> run) => throw new NotSupportedException();

    public static ScenarioProps WithoutWarmUp(this ScenarioProps scenario) => throw new NotSupportedException();

    public static ScenarioProps WithLoadSimulations(this ScenarioProps scenario, params LoadSimulation[] loadSimulations) => throw new NotSupportedException();

    public static ScenarioProps WithThresholds(this ScenarioProps scenario, params ThresholdProps[] thresholds) => throw new NotSupportedException();
}

public sealed class NBomberContext;

public static class NBomberRunner
{
    public static NBomberContext RegisterScenarios(params ScenarioProps[] scenarios) => throw new NotSupportedException();

    public static NBomberContext WithTestSuite(this NBomberContext context, string testSuite) => throw new NotSupportedException();

    public static NBomberContext WithTestName(this NBomberContext context, string testName) => throw new NotSupportedException();

    public static NBomberContext WithReportFolder(this NBomberContext context, string reportFolderPath) => throw new NotSupportedException();

    public static NBomberContext WithReportFileName(this NBomberContext context, string reportFileName) => throw new NotSupportedException();

    public static NBomberContext WithReportFormats(this NBomberContext context, params ReportFormat[] reportFormats) => throw new NotSupportedException();

    public static NodeStats Run(this NBomberContext context) => throw new NotSupportedException();
}
