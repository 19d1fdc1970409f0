namespace Resilience.LocalCluster.Controllers;

internal static class ControllerRegistration
{
    /// <summary>Registers the loops of the control plane as <see cref="IController"/>.</summary>
    public static IServiceCollection AddControlLoops(this IServiceCollection services) => services
        .AddSingleton<EventRecorder>()
        .AddSingleton<IController>(s => s.GetRequiredService<EventRecorder>())
        .AddSingleton<IController, EndpointSliceController>()
        .AddSingleton<IController, ReplicaSetController>()
        .AddSingleton<IController, DeploymentController>()
        .AddSingleton<IController, JobController>()
        .AddSingleton<IController, DisruptionController>()
        .AddSingleton(s => s.GetRequiredService<EmbeddedClusterOptions>() is var o ? AutoscalerSettings.Create(o.HpaSyncPeriod, o.TimeScale) : null!)
        .AddSingleton<IController, AutoscalerController>();
}
