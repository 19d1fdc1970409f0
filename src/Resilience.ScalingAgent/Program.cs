using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Api;
using Resilience.ScalingAgent;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.ServiceDefaults;

try
{
    var builder = WebApplication.CreateSlimBuilder(args);
    // No HTTP resilience: a retry would count a pod's requests twice or hide that a source is gone. No draining: nobody sends traffic here.
    builder.AddServiceDefaults(defaults =>
    {
        defaults.HttpResilience = false;
        defaults.Drain = false;
    });
    builder.AddPodEndpoints(main: false);
    builder.AddAgentStore();
    builder.Services.PostConfigure<AgentStoreOptions>(store => store.Path = VolumeMounts.Resolve(store.Path));
    builder.Services.AddDemandSources();
    builder.AddScalingAgent();
    var app = builder.Build();
    app.MapDefaultEndpoints();
    app.MapLedger();
    await app.RunAsync();
    return 0;
}
catch (Exception refusal) when (refusal is OptionsValidationException or EnvironmentException or ClusterException or AgentStoreException or IOException)
{
    await Console.Error.WriteLineAsync($"scaling-agent: {refusal.Message}");
    return 2;
}
