using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Resilience.LocalCluster.Api;
using Resilience.LocalCluster.Api.Security;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster;

/// <summary>One running cluster: API server, controllers and node in this process, pods behind the chosen runtime.</summary>
public sealed class EmbeddedCluster : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _controllers = [];

    private EmbeddedCluster(WebApplication app, Uri apiServer, string kubeconfigPath, string nodeAddress)
    {
        _app = app;
        ApiServer = apiServer;
        KubeconfigPath = kubeconfigPath;
        NodeAddress = nodeAddress;
    }

    public Uri ApiServer { get; }

    /// <summary>A kubeconfig with the admin's token and the authority inlined.</summary>
    public string KubeconfigPath { get; }

    public string NodeAddress { get; }

    internal IServiceProvider Services => _app.Services;

    internal ObjectStore Store => _app.Services.GetRequiredService<ObjectStore>();

    /// <summary>Returns when the API server answers and the controllers have been started.</summary>
    public static async Task<EmbeddedCluster> StartAsync(EmbeddedClusterOptions options, CancellationToken cancellationToken = default)
    {
        var pki = ClusterPki.LoadOrCreate(Path.Combine(options.DataDirectory, "pki"), TimeProvider.System.GetUtcNow());
        var app = Build(options, pki);
        app.Services.GetRequiredService<NamespaceLifecycle>().Bootstrap();
        BootstrapObjects.Create(app.Services.GetRequiredService<ObjectStore>());
        _ = app.Services.GetServices<IController>().ToList();   // they subscribe when made, so before the first request
        await app.StartAsync(cancellationToken).ConfigureAwait(false);
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        app.Services.GetRequiredService<ClusterEndpoint>().Address = address;
        var kubeconfig = Path.Combine(options.DataDirectory, "kubeconfig");
        PrivateFile.Write(kubeconfig, Kubeconfig.Render(address, pki.AuthorityPem, "admin", app.Services.GetRequiredService<TokenAuthority>().AdminToken));
        var node = app.Services.GetService<IClusterNode>();
        var cluster = new EmbeddedCluster(app, address, kubeconfig, node?.Address.ToString() ?? IPAddress.Loopback.ToString());
        foreach (var controller in app.Services.GetServices<IController>())
        {
            cluster._controllers.Add(Task.Run(() => controller.RunAsync(cluster._stop.Token), CancellationToken.None));
        }

        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(_controllers).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // How a controller ends.
        }

        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private static WebApplication Build(EmbeddedClusterOptions options, ClusterPki pki)
    {
        var builder = WebApplication.CreateSlimBuilder();
        _ = builder.Logging.ClearProviders().AddProvider(new FileLoggerProvider(Path.Combine(options.DataDirectory, "logs", "cluster.log"), options.Clock))
            .AddFilter("Microsoft", LogLevel.Warning);
        _ = builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        _ = builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MinResponseDataRate = null;   // a watch may be silent for hours
            kestrel.Limits.MaxRequestBodySize = 3 * 1024 * 1024;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
            kestrel.Listen(IPAddress.Loopback, options.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                _ = listen.UseHttps(pki.ServerCertificate);
            });
        });
        _ = builder.Services.AddSingleton(options).AddSingleton(options.Clock).AddSingleton(pki)
            .AddMachinery().AddApiServer().AddControlLoops().AddNode();
        var app = builder.Build();
        app.Run(app.Services.GetRequiredService<ApiServer>().HandleAsync);
        return app;
    }
}
