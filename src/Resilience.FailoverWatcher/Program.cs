using Resilience.ClusterAccess.Api;
using Resilience.FailoverWatcher;
using Resilience.ServiceDefaults;

try
{
    var builder = WebApplication.CreateSlimBuilder(args);
    // No HTTP resilience, because a retry would hide what a probe is there to see; no draining, because nobody sends traffic here.
    builder.AddServiceDefaults(defaults =>
    {
        defaults.HttpResilience = false;
        defaults.Drain = false;
    });
    builder.AddPodEndpoints(main: false);
    builder.AddFailoverWatcher();
    var app = builder.Build();
    app.MapDefaultEndpoints();
    await app.RunAsync();
    return 0;
}
catch (Exception refusal) when (refusal is Microsoft.Extensions.Options.OptionsValidationException or EnvironmentException or ClusterException or IOException)
{
    await Console.Error.WriteLineAsync($"failover-watcher: {refusal.Message}");
    return 2;
}
