using Microsoft.Extensions.DependencyInjection;
using Resilience.AppHost.EmbeddedCluster;
using Resilience.AppHost.Publishing;

namespace Resilience.AppHost.Slots;

/// <summary>The slots as resources, with what one can do to them.</summary>
internal static class SlotExtensions
{
    public const string ResourceType = "Slot";

    /// <summary>
    /// Adds a slot. Here it mirrors the pods of the Deployment of that name, with commands that hurt and heal them through the cluster's
    /// API; in the chart it is the project itself, as the Deployment of that name in <c>k8s/</c>.
    /// </summary>
    /// <param name="name"><c>web-blue</c> or <c>web-green</c>.</param>
    public static IResourceBuilder<IResource> AddSlot<TProject>(this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ProjectResource> cluster)
        where TProject : IProjectMetadata, new()
    {
        if (builder.ExecutionContext.IsPublishMode)
        {
            return builder.AddProject<TProject>(name, launchProfileName: null).PublishAsManifest(cluster.Cluster().Manifests);
        }

        var slot = new SlotResource(name, name["web-".Length..], cluster.Resource);
        builder.Services.AddHealthChecks().AddPatientCheck(
            $"{name}-pods", () => slot.State is { Ready: > 0 } state && state.Ready >= state.Desired, () => slot.State.ToString());
        return builder.AddResource(slot)
            .WithInitialState(new CustomResourceSnapshot { ResourceType = ResourceType, Properties = [], State = KnownResourceStates.Waiting })
            .WithHealthCheck($"{name}-pods")
            .WithIconName("Globe")
            .WithParentRelationship(cluster)
            .WithDrills(new SlotDrills(cluster.Cluster().Api, slot, TimeProvider.System))
            .ExcludeFromManifest();
    }

    private static IResourceBuilder<SlotResource> WithDrills(this IResourceBuilder<SlotResource> builder, SlotDrills drills)
    {
        var name = builder.Resource.Name;
        return builder
            .WithDrill("latency", "Inject latency", "Timer", $"Let every answer of {name} take 400 ms longer, until it is healed?", drills.SlowAsync)
            .WithDrill("errors", "Inject errors", "Warning", $"Let one in five answers of {name} be an error, until it is healed?", drills.FailAsync)
            .WithDrill("hang", "Hang", "Pause", $"Stop the processes of {name}, until it is healed? Kubernetes goes on calling them Ready for a while.", drills.HangAsync)
            .WithDrill("crash", "Crash", "Flash", $"Kill every process of {name} once?", drills.CrashAsync)
            .WithDrill("outage", "Outage 20 s", "PlugDisconnected", $"Scale {name} away for 20 seconds?", drills.OutageAsync)
            .WithDrill("heal", "Heal", "HeartPulse", $"Undo every drill on {name}?", drills.HealAsync)
            .WithDrill("failover", "Fail over to this slot", "ArrowSwap", $"Ask the failover watcher to move the traffic to {name}?", drills.FailOverAsync, highlighted: true);
    }

    private static IResourceBuilder<SlotResource> WithDrill(
        this IResourceBuilder<SlotResource> builder, string name, string title, string icon, string question, Func<CancellationToken, Task<string>> act, bool highlighted = false) =>
        builder.WithCommand(name, title, context => RunAsync(act, context), new CommandOptions
        {
            IconName = icon,
            IsHighlighted = highlighted,
            ConfirmationMessage = question,
            UpdateState = state => state.ResourceSnapshot.State?.Text == KnownResourceStates.Waiting ? ResourceCommandState.Disabled : ResourceCommandState.Enabled,
        });

    private static async Task<ExecuteCommandResult> RunAsync(Func<CancellationToken, Task<string>> act, ExecuteCommandContext context)
    {
        try
        {
            return CommandResults.Success(await act(context.CancellationToken).ConfigureAwait(false));
        }
        catch (Exception refused) when (refused is KubernetesApiException or HttpRequestException or DrillException || (refused is TaskCanceledException && !context.CancellationToken.IsCancellationRequested))
        {
            return CommandResults.Failure(refused.Message);
        }
    }
}
