using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Resilience.Lab.Hosting;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Dashboard;

/// <summary>
/// What this process itself reports: the lab's lines of progress as logs of the service <c>lab</c>, and as the service
/// <c>load-generator</c> the metrics of the load and the traces of some of its requests.
/// </summary>
internal sealed partial class LabTelemetry : IDisposable
{
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(2);
    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _progress;

    private LabTelemetry(TelemetryTarget? target)
    {
        var load = Describe("load-generator");
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(load).AddSource(LoadTelemetry.Name)
            .AddOtlpExporter(exporter => To(exporter, target)).Build();
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(load).AddMeter(LoadTelemetry.Name)
            .AddOtlpExporter((exporter, reader) =>
            {
                To(exporter, target);
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 2_000;
            }).Build();
        _logs = LoggerFactory.Create(logging => logging.AddOpenTelemetry(options =>
        {
            options.IncludeFormattedMessage = true;
            _ = options.SetResourceBuilder(Describe("lab")).AddOtlpExporter(exporter => To(exporter, target));
        }));
        _progress = _logs.CreateLogger("Resilience.Lab");
    }

    public static LabTelemetry Start(TelemetryTarget target) => new(target);

    /// <summary>For a command beside a running lab: reports where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says, else to the lab's dashboard.</summary>
    /// <returns>Null when there is neither.</returns>
    public static LabTelemetry? StartBeside(LabDirectory directory) =>
        Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } ? new(null)
        : directory.Read() is { Telemetry: { } target } record && new ProcessIdentity(record.Pid, record.Start).IsAlive ? new(target)
        : null;

    /// <summary>Sends a line of progress.</summary>
    public void Say(string line)
    {
        if (!string.IsNullOrWhiteSpace(line))
        {
            LogProgress(_progress, line);
        }
    }

    public void Dispose()
    {
        // Each sends what is left; a dashboard that is gone must not hold up the end.
        _ = _traces.ForceFlush((int)FlushLimit.TotalMilliseconds);
        _ = _metrics.ForceFlush((int)FlushLimit.TotalMilliseconds);
        _traces.Dispose();
        _metrics.Dispose();
        _logs.Dispose();
    }

    private static ResourceBuilder Describe(string service) => ResourceBuilder.CreateEmpty().AddService(
        Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME") is { Length: > 0 } given ? given : service,
        serviceInstanceId: $"{Environment.MachineName}-{Environment.ProcessId}");

    /// <param name="target">Null leaves what the exporter has read from the environment.</param>
    private static void To(OtlpExporterOptions exporter, TelemetryTarget? target)
    {
        exporter.TimeoutMilliseconds = (int)FlushLimit.TotalMilliseconds;
        if (target is null)
        {
            return;
        }

        (exporter.Endpoint, exporter.Protocol, exporter.Headers) = (target.Endpoint, OtlpExportProtocol.Grpc, target.Headers);
    }

    [LoggerMessage(EventId = 1, EventName = "Progress", Level = LogLevel.Information, Message = "{Line}")]
    private static partial void LogProgress(ILogger logger, string line);
}
