using k8s;
using k8s.Exceptions;

namespace Resilience.ClusterAccess.Tests;

/// <summary>KubernetesClient's own reader is the yardstick: what kubectl's users have in their files must mean the same here.</summary>
public sealed class KubeconfigTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("resilience-kubeconfig-");

    private const string Minikube = """
        apiVersion: v1
        kind: Config
        preferences: {colors: true}
        current-context: minikube
        clusters:
        - cluster:
            certificate-authority: certs/ca.crt
            extensions:
            - extension: {last-update: "Mon, 30 Nov 2026 03:40:30 UTC", provider: minikube.sigs.k8s.io, version: v1.36.0}
              name: cluster_info
            server: http://192.168.49.2:8443
          name: minikube
        - cluster: {server: "http://0.0.0.0:6443", insecure-skip-tls-verify: true, tls-server-name: kubernetes}
          name: kind
        contexts:
        - context:
            cluster: minikube
            extensions:
            - extension: {version: v1.36.0}
              name: context_info
            namespace: shop
            user: minikube
          name: minikube
        - context: {cluster: kind, user: token}
          name: kind
        - context: {cluster: kind, user: basic}
          name: basic
        - context: {cluster: kind, user: data}
          name: data
        users:
        - name: minikube
          user: {client-certificate: certs/client.crt, client-key: /etc/absolute/client.key}
        - name: token
          user: {token: "12345"}
        - name: basic
          user: {username: admin, password: "007"}
        - name: data
          user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}
        """;

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(null)]
    [InlineData("minikube")]
    [InlineData("kind")]
    [InlineData("basic")]
    [InlineData("data")]
    public void Configure_IsWhatKubernetesClientMakesOfTheFile(string? context)
    {
        var path = Write(Minikube);
        AssertSame(KubernetesClientConfiguration.BuildConfigFromConfigFile(path, context), Kubeconfig.Configure(path, context));
        Assert.Equal(["minikube", "kind", "basic", "data"], Kubeconfig.Contexts(path));
    }

    [Fact]
    public void Configure_RelativePath_BeginsWhereTheFileIs() =>
        Assert.Equal(Path.Combine(_folder.FullName, "certs", "client.crt"), Kubeconfig.Configure(Write(Minikube), null).ClientCertificateFilePath);

    [Fact]
    public void Configure_CredentialPlugin_IsAsked()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the plugin of this test is a shell");
        var plugin = Path.Combine(_folder.FullName, "plugin.sh");
        File.WriteAllText(plugin, """echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$WORD'"}}'""");
        var path = Write($$"""
            clusters: [{name: c, cluster: {server: "http://127.0.0.1:1" } }]
            contexts: [{name: x, context: {cluster: c, user: u } }]
            users:
            - name: u
              user:
                exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: ['{{plugin}}'], env: [{name: WORD, value: from-a-plugin}], interactiveMode: Never}
            current-context: x
            """);
        Assert.Equal("from-a-plugin", Kubeconfig.Configure(path, null).AccessToken);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    public void Read_EmptyFile_SaysSo(string text) => Assert.Contains("empty", Assert.Throws<KubeConfigException>(() => Kubeconfig.Read(Write(text))).Message, StringComparison.Ordinal);

    private static void AssertSame(KubernetesClientConfiguration expected, KubernetesClientConfiguration actual)
    {
        foreach (var property in typeof(KubernetesClientConfiguration).GetProperties().Where(property => property.PropertyType == typeof(string) || property.PropertyType == typeof(bool)))
        {
            Assert.Equal((property.Name, property.GetValue(expected)), (property.Name, property.GetValue(actual)));
        }
    }

    private string Write(string text)
    {
        var path = Path.Combine(_folder.FullName, "config");
        File.WriteAllText(path, text);
        return path;
    }
}
