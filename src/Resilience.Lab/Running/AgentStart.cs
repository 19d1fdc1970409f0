using System.Globalization;
using System.Text;
using Resilience.Lab.Hosting;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Running;

/// <summary>
/// Brings the scaling agent in together with the load. If its PredictiveAutoscaler were there before, the agent would take the quiet of
/// an empty cluster for the demand; one that appears with the load finds the recorded days before this one and then the first real requests.
/// </summary>
internal sealed class AgentStart(LabCluster cluster, CourseSpec course, double timeScale)
{
    public const string History = "demand-history";
    public const string HistoryKey = "demand.csv";

    /// <summary>Time for the agent to start, before the load begins; a longer start makes the load wait.</summary>
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>What the schema gives a PredictiveAutoscaler that says nothing.</summary>
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromMinutes(1);

    private PlanningTime? _planning;
    private PredictiveAutoscaler? _scaler;

    /// <summary>The agent waits for <see cref="PrepareAsync"/>.</summary>
    public static SetupSpec Hold { get; } = SetupSpec.None with { Replicas = new Dictionary<string, int> { [Names.Agent] = 0 } };

    public PlanningTime Planning => _planning ?? throw new InvalidOperationException("The agent was not prepared.");

    public static bool IsNeeded(Experiment experiment) => experiment is { Overlay: LabStackOptions.Intelligent, Load.Course: not null };

    /// <summary>Takes the PredictiveAutoscaler away, starts the agent on its clock, and returns when the load should begin.</summary>
    /// <exception cref="LabException">The agent does not become Ready.</exception>
    public async Task PrepareAsync(CancellationToken stop)
    {
        _scaler = await cluster.Api.GetAsync(ResourceTypes.PredictiveAutoscalers, Names.Namespace, Names.PredictiveAutoscaler, stop).ConfigureAwait(false);
        _ = await cluster.Api.DeleteAsync(ResourceTypes.PredictiveAutoscalers, Names.Namespace, Names.PredictiveAutoscaler, stop).ConfigureAwait(false);
        var begins = cluster.Time.GetUtcNow() + StartTime;
        _planning = PlanningTime.For(begins, course.StartsAt, timeScale);
        await WakeAsync(_planning, stop).ConfigureAwait(false);
        while ((await cluster.Api.GetAsync(ResourceTypes.Deployments, Names.Namespace, Names.Agent, stop).ConfigureAwait(false)).Status?.ReadyReplicas is not > 0)
        {
            if (cluster.Time.GetUtcNow() > begins + StartLimit)
            {
                throw new LabException($"the scaling agent is not Ready after {(StartTime + StartLimit).TotalSeconds:0} s", "Its log is in the folder of the run, under pods/.");
            }

            await Task.Delay(Tick, cluster.Time, stop).ConfigureAwait(false);
        }

        if (begins - cluster.Time.GetUtcNow() is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, cluster.Time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Gives the agent its task, with what was recorded and declared.</summary>
    /// <param name="loadStart">When the day's course began, on the wall clock.</param>
    public async Task BeginAsync(DateTimeOffset loadStart, CancellationToken stop)
    {
        var scaler = _scaler ?? throw new InvalidOperationException("The agent was not prepared.");
        var began = Planning.At(loadStart);
        var now = Planning.At(cluster.Time.GetUtcNow());
        var records = new V1ConfigMap
        {
            ApiVersion = "v1",
            Kind = "ConfigMap",
            Metadata = new V1ObjectMeta { Name = History, NamespaceProperty = Names.Namespace },
            Data = new Dictionary<string, string> { [HistoryKey] = Csv(new DayCourse(course), scaler.Spec.Demand.Interval ?? DefaultInterval, began, now) },
        };
        _ = await cluster.Api.CreateAsync(ResourceTypes.ConfigMaps, Names.Namespace, records, stop).ConfigureAwait(false);
        scaler.Metadata = new V1ObjectMeta { Name = scaler.Metadata.Name, NamespaceProperty = Names.Namespace, Labels = scaler.Metadata.Labels };
        scaler.Status = null;
        scaler.Spec = scaler.Spec with
        {
            Demand = scaler.Spec.Demand with { History = History },
            Calendar = [.. scaler.Spec.Calendar ?? [], .. Calendar(course, began)],
        };
        _ = await cluster.Api.CreateAsync(ResourceTypes.PredictiveAutoscalers, Names.Namespace, scaler, stop, FieldManagers.Lab).ConfigureAwait(false);
    }

    private async Task WakeAsync(PlanningTime planning, CancellationToken stop)
    {
        var deployment = await cluster.Api.GetAsync(ResourceTypes.Deployments, Names.Namespace, Names.Agent, stop).ConfigureAwait(false);
        foreach (var container in deployment.Spec.Template.Spec.Containers)
        {
            container.Env =
            [
                .. (container.Env ?? []).Where(variable => variable.Name is not ("Agent__TimeScale" or "Agent__TimeScaleFrom")),
                new V1EnvVar { Name = "Agent__TimeScale", Value = planning.Scale.ToString(CultureInfo.InvariantCulture) },
                new V1EnvVar { Name = "Agent__TimeScaleFrom", Value = planning.AgreesAt.ToString("O", CultureInfo.InvariantCulture) },
            ];
        }

        deployment.Spec.Replicas = 1;
        _ = await cluster.Api.ReplaceAsync(ResourceTypes.Deployments, deployment, stop).ConfigureAwait(false);
    }

    /// <summary>The recorded days on the agent's grid, each row the mean of the interval that starts at its time.</summary>
    internal static string Csv(DayCourse course, TimeSpan interval, DateTimeOffset began, DateTimeOffset now)
    {
        var end = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % interval.Ticks), TimeSpan.Zero);
        var text = new StringBuilder("timestamp_utc,value\n");
        foreach (var (sinceStart, rps) in course.History(interval, end - began))
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{began + sinceStart:yyyy-MM-dd'T'HH:mm:ss'Z'},{rps:0.###}\n");
        }

        return text.ToString();
    }

    /// <summary>What people declared: peaks of this day, told beforehand.</summary>
    internal static IReadOnlyList<PlannedEventSpec> Calendar(CourseSpec spec, DateTimeOffset began) =>
    [
        .. spec.Surges.Where(surge => surge.Declared is not null).Select(surge => new PlannedEventSpec
        {
            Name = surge.Declared!.Name,
            From = Seconds(began + (surge.At - spec.StartsAt)),
            To = Seconds(began + (surge.At - spec.StartsAt) + surge.Rise + surge.For + surge.Rise),
            Replicas = surge.Declared.Replicas,
        }),
    ];

    /// <summary>Instants of the API are whole seconds.</summary>
    private static DateTimeOffset Seconds(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero);
}
