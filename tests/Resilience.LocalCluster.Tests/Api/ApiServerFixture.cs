using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using k8s;

namespace Resilience.LocalCluster.Tests.Api;

/// <summary>Plain HTTP to one API server, ours or a real one, by way of its kubeconfig.</summary>
public abstract class ApiServerFixture : IAsyncLifetime
{
    private HttpClient? _http;

    public HttpClient Http => _http ?? throw new InvalidOperationException("Not started.");

    public string KubeconfigPath { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        if (await StartAsync() is { } path)
        {
            KubeconfigPath = path;
            _http = Connect(path, token: null);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        await StopAsync();
        GC.SuppressFinalize(this);
    }

    public async Task<Answer> SendAsync(
        string method, string path, JsonNode? body = null, string contentType = "application/json", string accept = "application/json", string? raw = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (body is not null || raw is not null)
        {
            request.Content = new StringContent(raw ?? body!.ToJsonString(), Encoding.UTF8);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var json = response.Content.Headers.ContentType?.MediaType == "application/json" ? JsonNode.Parse(text) : null;
        return new((int)response.StatusCode, json, text);
    }

    /// <summary>Somebody else: the token instead of whatever the kubeconfig has, which may be a certificate.</summary>
    public HttpClient ConnectAs(string token) => Connect(KubeconfigPath, token);

    /// <summary>Returns the kubeconfig, or null when there is no such server here.</summary>
    protected abstract Task<string?> StartAsync();

    protected abstract Task StopAsync();

    private static HttpClient Connect(string path, string? token)
    {
        var config = KubernetesClientConfiguration.BuildConfigFromConfigFile(path);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (sender, presented, chain, errors) =>
                    presented is not null && chain is not null && Kubernetes.CertificateValidationCallBack(sender, config.SslCaCerts, presented, chain, errors),
            },
        };
        if (token is null && config.ClientCertificateData is { } certificate && config.ClientCertificateKeyData is { } key)
        {
            handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPem(Text(certificate), Text(key))];
        }

        var http = new HttpClient(handler) { BaseAddress = new Uri(config.Host) };
        if ((token ?? config.AccessToken) is { } bearer)
        {
            http.DefaultRequestHeaders.Authorization = new("Bearer", bearer);
        }

        return http;

        static string Text(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
    }
}

/// <param name="Body">Null when the answer is not JSON.</param>
public sealed record Answer(int Status, JsonNode? Body, string Text)
{
    public string? Reason => (string?)Body?["reason"];

    public string? Message => (string?)Body?["message"];
}

public sealed class EmbeddedApiServerFixture : ApiServerFixture
{
    private readonly string _directory = Directory.CreateTempSubdirectory("resilience-api-").FullName;
    private EmbeddedCluster? _cluster;

    public EmbeddedCluster Cluster => _cluster ?? throw new InvalidOperationException("Not started.");

    protected override async Task<string?> StartAsync()
    {
        // No metrics of imaginary pods, however slow the tests: the recorded cluster had none.
        _cluster = await EmbeddedCluster.StartAsync(new() { DataDirectory = _directory, PodRuntime = PodRuntime.Null, MetricsResolution = TimeSpan.FromHours(1) });
        return _cluster.KubeconfigPath;
    }

    protected override async Task StopAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }
}

/// <summary>A real cluster, named by <c>RESILIENCE_TEST_KUBECONFIG</c>.</summary>
public sealed class RealApiServerFixture : ApiServerFixture
{
    protected override Task<string?> StartAsync() => Task.FromResult(Environment.GetEnvironmentVariable("RESILIENCE_TEST_KUBECONFIG"));

    protected override Task StopAsync() => Task.CompletedTask;
}
