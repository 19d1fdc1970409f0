using System.Net.Sockets;
using k8s;
using k8s.Exceptions;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess;

/// <summary>Which cluster to talk to, and how patiently.</summary>
public sealed class ClusterConnectionOptions
{
    public const string Section = "Cluster";

    /// <summary>Null: the KUBECONFIG variable, then the pod's service account, then <c>~/.kube/config</c>.</summary>
    public string? KubeconfigPath { get; set; }

    /// <summary>Null: the kubeconfig's current context.</summary>
    public string? Context { get; set; }

    /// <summary>From sending a request to its whole answer; watches are exempt. Default 10 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>TCP and TLS together. Default 3 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(3);

    public string UserAgent { get; set; } = "resilience";
}

/// <summary>A configured connection to one cluster. Dispose it last: everything made from it shares its sockets.</summary>
public sealed class ClusterConnection : IDisposable
{
    private ClusterConnection(Kubernetes client, ClusterApi api, string source, string defaultNamespace, string? context)
    {
        Client = client;
        Api = api;
        Source = source;
        DefaultNamespace = defaultNamespace;
        Context = context;
    }

    /// <summary>KubernetesClient itself, for what <see cref="Api"/> does not cover (logs, exec, …).</summary>
    public IKubernetes Client { get; }

    public ClusterApi Api { get; }

    /// <summary>Where the settings came from: a file's path, or <c>the pod's service account</c>.</summary>
    public string Source { get; }

    /// <summary>Namespace of the context or of the pod; <c>default</c> when neither names one.</summary>
    public string DefaultNamespace { get; }

    public string? Context { get; }

    /// <summary>Reads the settings and prepares the client; sends nothing yet (<see cref="VerifyAsync"/> does).</summary>
    /// <exception cref="ClusterException">No usable settings; one line that names the file and what is wrong.</exception>
    public static ClusterConnection Create(ClusterConnectionOptions options, TimeProvider clock)
    {
        var (config, source) = Load(options);
        if (config.SslCaCerts is { Count: 0 })
        {
            throw new ClusterException($"{source}: its certificate authority holds no certificate");
        }

        config.UserAgent = options.UserAgent;
        config.FirstMessageHandlerSetup = handler => Tune(handler, options);
        try
        {
            var client = new Kubernetes(config);
            var api = new ClusterApi(client, clock, options.RequestTimeout);
            return new(client, api, source, string.IsNullOrEmpty(config.Namespace) ? "default" : config.Namespace, config.CurrentContext);
        }
        catch (Exception ex) when (ex is KubeConfigException or FormatException or System.Security.Cryptography.CryptographicException)
        {
            throw new ClusterException($"{source}: {OneLine(ex)}", ex);
        }
    }

    /// <summary>Asks the server for its version, which needs no permission beyond a valid identity.</summary>
    /// <returns>The server's version, such as <c>v1.36.2</c>.</returns>
    /// <exception cref="ClusterException">Unreachable, untrusted or unauthorised; one line saying which, and what to look at.</exception>
    public async Task<string> VerifyAsync(CancellationToken ct)
    {
        try
        {
            var answer = await Api.SendRawAsync(HttpMethod.Get, "version", null, ct);
            using var version = System.Text.Json.JsonDocument.Parse(answer);
            return version.RootElement.GetProperty("gitVersion").GetString() ?? "unknown";
        }
        catch (ClusterException ex) when (ex.IsUnreachable)
        {
            throw new ClusterException($"{ex.Message} (from {Source}); is the cluster running?", ex);
        }
        catch (ClusterException ex) when (ex.IsUnauthorized)
        {
            throw new ClusterException($"the API server at {Api.Server} does not accept the credentials in {Source}; they may belong to another or an earlier cluster", ex);
        }
        catch (Exception ex) when (ex is System.Text.Json.JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ClusterException($"what answers at {Api.Server} (from {Source}) is not a Kubernetes API server", ex);
        }
    }

    /// <summary>Names of the contexts that a connection could use; empty when no kubeconfig can be read.</summary>
    /// <param name="kubeconfigPath">Null: the files of KUBECONFIG, else <c>~/.kube/config</c>.</param>
    public static IReadOnlyList<string> Contexts(string? kubeconfigPath)
    {
        var listed = kubeconfigPath ?? (Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } variable ? variable : HomeKubeconfig());
        var names = new List<string>();
        foreach (var path in kubeconfigPath is null ? listed.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) : [listed])
        {
            try
            {
                names.AddRange(Kubeconfig.Contexts(path));
            }
            catch (Exception ex) when (IsUnusable(ex))
            {
                // Create says what is wrong with it.
            }
        }

        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    public void Dispose() => Client.Dispose();

    private static string HomeKubeconfig() => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");

    private static (KubernetesClientConfiguration Config, string Source) Load(ClusterConnectionOptions options)
    {
        if (!string.IsNullOrEmpty(options.KubeconfigPath))
        {
            return (LoadFile(options.KubeconfigPath, options.Context), options.KubeconfigPath);
        }

        if (Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } listed)
        {
            return LoadFirst(listed.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries), options.Context);
        }

        if (options.Context is null && KubernetesClientConfiguration.IsInCluster())
        {
            return (KubernetesClientConfiguration.InClusterConfig(), "the pod's service account");
        }

        var home = HomeKubeconfig();
        return File.Exists(home)
            ? (LoadFile(home, options.Context), home)
            : throw new ClusterException($"no cluster is configured: KUBECONFIG is not set, this is not a pod, and {home} does not exist");
    }

    /// <summary>KUBECONFIG may name several files: the first that exists and has the context wins.</summary>
    private static (KubernetesClientConfiguration Config, string Source) LoadFirst(string[] paths, string? context)
    {
        ClusterException? first = null;
        foreach (var path in paths)
        {
            try
            {
                return (LoadFile(path, context), path);
            }
            catch (ClusterException ex)
            {
                first ??= ex;
            }
        }

        throw first ?? new ClusterException("KUBECONFIG names no file");
    }

    private static KubernetesClientConfiguration LoadFile(string path, string? context)
    {
        if (!File.Exists(path))
        {
            throw new ClusterException(Directory.Exists(path) ? $"kubeconfig {path} is a folder" : $"kubeconfig {path} does not exist");
        }

        try
        {
            return Kubeconfig.Configure(path, context);
        }
        catch (KubeConfigException) when (context is not null && MissingContext(path, context) is { } known)
        {
            throw new ClusterException($"kubeconfig {path} has no context '{context}' (it has: {known})");
        }
        catch (NotSupportedException ex)
        {
            // Images leave out what runs a credential plugin: there is none in them (eng/KubernetesClient.Substitutions.xml).
            throw new ClusterException($"kubeconfig {path} asks a credential plugin for its user, which an image cannot run; give it a token or a client certificate", ex);
        }
        catch (Exception ex) when (IsUnusable(ex))
        {
            // KubernetesClient dereferences what an empty or foreign file lacks.
            throw new ClusterException($"kubeconfig {path} cannot be used: {OneLine(ex).TrimEnd('.')}", ex);
        }
    }

    private static string? MissingContext(string path, string context)
    {
        var names = Kubeconfig.Contexts(path);
        return names.Contains(context) ? null : names.Count == 0 ? "none" : string.Join(", ", names);
    }

    private static bool IsUnusable(Exception ex) => ex is KubeConfigException or YamlDotNet.Core.YamlException or IOException or UnauthorizedAccessException
        or NullReferenceException or FormatException or ArgumentException or System.Security.Cryptography.CryptographicException;

    private static string OneLine(Exception ex) =>
        ex is NullReferenceException ? "it is empty or not a kubeconfig" : ex.Message.ReplaceLineEndings(" ").Trim();

    private static void Tune(SocketsHttpHandler handler, ClusterConnectionOptions options)
    {
        handler.ConnectTimeout = options.ConnectTimeout;
        handler.PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5);

        // A server that vanished without a FIN is noticed in 10 s, not in the 210 s of KubernetesClient's defaults.
        handler.KeepAlivePingDelay = TimeSpan.FromSeconds(5);
        handler.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        handler.ConnectCallback = async (context, ct) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 5);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 2);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
                await socket.ConnectAsync(context.DnsEndPoint, ct);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
    }
}
