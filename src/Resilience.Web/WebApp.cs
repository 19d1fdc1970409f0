using Resilience.ServiceDefaults;
using Resilience.Web.Faults;
using Resilience.Web.Pages;

namespace Resilience.Web;

/// <summary>Puts the process together; apart from <c>Program</c> so that tests run the same pipeline.</summary>
internal static class WebApp
{
    /// <param name="configure">For tests: environment, clock, ports.</param>
    /// <param name="crash">Ends the process when a crash is injected.</param>
    /// <exception cref="EnvironmentException">An environment variable is not usable.</exception>
    public static WebApplication Create(string[] args, Action crash, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            // No file watchers: a pod's files never change, and inotify handles are scarce when many pods share one kernel.
            Args = [.. args, "--hostBuilder:reloadConfigOnChange=false"],
        });
        configure?.Invoke(builder);
        builder.AddServiceDefaults(static options => options.HttpResilience = false);
        builder.AddPodEndpoints(main: true, "/", "/work?n=1");
        AddServices(builder, crash);
        var app = builder.Build();
        var settings = app.Services.GetRequiredService<WebSettings>();
        var faults = app.Services.GetRequiredService<FaultState>();
        UseIdentityAndHang(app, settings, faults);
        app.MapDefaultEndpoints();
        MapUserEndpoints(app);
        if (settings.FaultsToken is { } token)
        {
            FaultEndpoints.Map(app, faults, token);
        }

        // Read now, so that a bad value refuses to start; set once started, so that a crash looks like one of a running pod.
        var initial = FaultSet.FromEnvironment(app.Configuration);
        app.Lifetime.ApplicationStarted.Register(() => faults.Set(initial));
        return app;
    }

    private static void AddServices(WebApplicationBuilder builder, Action crash)
    {
        var services = builder.Services;
        services.AddSingleton(static s => WebSettings.Read(s.GetRequiredService<IConfiguration>(), s.GetRequiredService<PodIdentity>()));
        services.AddSingleton(static s =>
        {
            var settings = s.GetRequiredService<WebSettings>();
            return new CapacityModel(settings.CapacityRps, settings.QueueLimit, s.GetRequiredService<TimeProvider>());
        });
        services.AddSingleton(s => new FaultState(
            s.GetRequiredService<WebSettings>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<FaultState>>(), crash));
        services.AddSingleton<WebMetrics>().AddSingleton<UserTraffic>().AddSingleton<HomePage>().AddSingleton<WorkEndpoint>().AddSingleton<WhoAmI>();
        services.AddHealthChecks().AddCheck<FaultState>("faults", tags: ["ready"]);
    }

    private static void UseIdentityAndHang(WebApplication app, WebSettings settings, FaultState faults) => app.Use((context, next) =>
    {
        var headers = context.Response.Headers;
        headers["X-Slot"] = settings.Slot;
        headers["X-Pod"] = settings.Pod;
        headers["X-Version"] = settings.Version;
        // A hung pod hangs for everybody, probes included; only the way to heal it stays open.
        return faults.Hang is { } hang && !(context.IsOnManagementPort() && context.Request.Path == "/faults")
            ? AnswerAfterAsync(hang, context, next)
            : next(context);
    });

    private static async Task AnswerAfterAsync(Task hang, HttpContext context, RequestDelegate next)
    {
        await hang.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!context.RequestAborted.IsCancellationRequested)
        {
            await next(context);
        }
    }

    private static void MapUserEndpoints(WebApplication app)
    {
        var traffic = app.Services.GetRequiredService<UserTraffic>();
        app.MapGet("/", traffic.Through(app.Services.GetRequiredService<HomePage>().ServeAsync));
        app.MapGet("/work", traffic.Through(app.Services.GetRequiredService<WorkEndpoint>().ServeAsync));
        app.MapGet("/api/whoami", traffic.Through(app.Services.GetRequiredService<WhoAmI>().ServeAsync));
    }
}
