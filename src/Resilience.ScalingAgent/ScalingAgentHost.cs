using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Api;
using Resilience.Control.Forecasting;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.ServiceDefaults;

namespace Resilience.ScalingAgent;

/// <summary>Forecasters that run beside the built-in ones for one series and enter its pool when they prove better.</summary>
/// <param name="horizons">Steps ahead that will be asked for, ascending.</param>
public delegate IReadOnlyList<IForecaster> ChallengerSource(IReadOnlyList<int> horizons);

/// <summary>The process, for programs that add challengers of their own.</summary>
public static class ScalingAgentHost
{
    /// <summary>Runs until it is told to stop.</summary>
    /// <param name="args">Command line: settings such as <c>--Agent:Namespace=shop</c>.</param>
    /// <param name="challengers">Null: the built-in forecasters alone.</param>
    /// <returns>The exit code: 0, or 2 with one line on standard error when it could not start.</returns>
    public static async Task<int> RunAsync(string[] args, ChallengerSource? challengers = null)
    {
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
            if (challengers is not null)
            {
                builder.Services.AddSingleton(challengers);
            }

            builder.AddScalingAgent();
            var app = builder.Build();
            app.MapDefaultEndpoints();
            app.MapLedger();
            await app.RunAsync().ConfigureAwait(false);
            return 0;
        }
        catch (Exception refusal) when (refusal is OptionsValidationException or EnvironmentException or ClusterException or AgentStoreException or IOException)
        {
            await Console.Error.WriteLineAsync($"scaling-agent: {refusal.Message}").ConfigureAwait(false);
            return 2;
        }
    }
}
