using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using k8s;
using k8s.Autorest;
using Resilience.LocalCluster.Api.Security;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Tests.Api;

public sealed class RbacTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("resilience-rbac-").FullName;
    private EmbeddedCluster _cluster = null!;

    public async ValueTask InitializeAsync() =>
        _cluster = await EmbeddedCluster.StartAsync(new() { DataDirectory = _directory, PodRuntime = PodRuntime.Null, EnforceRbac = true });

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task ServiceAccount_MayDoWhatItsRoleSays_AndNothingElse()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        Create(ResourceTypes.Roles, "reader", """{"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","list"]},{"apiGroups":[""],"resources":["secrets"],"resourceNames":["one"],"verbs":["get"]}]}""");
        Create(ResourceTypes.RoleBindings, "reader", """{"roleRef":{"kind":"Role","name":"reader"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"}]}""");
        Create(ResourceTypes.Secrets, "one", "{}");
        Create(ResourceTypes.Secrets, "two", "{}");
        var path = _cluster.Services.GetRequiredService<IServiceAccountKubeconfigs>().PathFor("default", "default");
        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(path));

        Assert.NotEmpty((await client.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: cancellationToken)).Items);
        Assert.Equal("one", (await client.CoreV1.ReadNamespacedSecretAsync("one", "default", cancellationToken: cancellationToken)).Metadata.Name);
        await Forbidden(() => client.CoreV1.ReadNamespacedSecretAsync("two", "default", cancellationToken: cancellationToken));
        await Forbidden(() => client.CoreV1.ListNamespacedConfigMapAsync("kube-system", cancellationToken: cancellationToken));
        var refusal = await Forbidden(() => client.CoreV1.DeleteNamespacedConfigMapAsync("kube-root-ca.crt", "default", cancellationToken: cancellationToken));
        Assert.Contains(
            "configmaps \\\"kube-root-ca.crt\\\" is forbidden: User \\\"system:serviceaccount:default:default\\\" cannot delete resource \\\"configmaps\\\" in API group \\\"\\\" in the namespace \\\"default\\\"",
            refusal.Response.Content, StringComparison.Ordinal);
    }

    /// <summary>What was asked is written down once, refused or not; the admin, whom no Role binds, is left out.</summary>
    [Fact]
    public async Task AccessLog_TellsWhatServiceAccountsAskedFor()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        Create(ResourceTypes.Roles, "lister", """{"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}]}""");
        Create(ResourceTypes.RoleBindings, "lister", """{"roleRef":{"kind":"Role","name":"lister"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"}]}""");
        using var admin = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(_cluster.KubeconfigPath));
        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(
            _cluster.Services.GetRequiredService<IServiceAccountKubeconfigs>().PathFor("default", "default")));
        _ = await admin.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: cancellationToken);
        _ = await client.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: cancellationToken);
        _ = await client.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: cancellationToken);
        await Forbidden(() => client.CoreV1.ReadNamespacedSecretAsync("one", "default", cancellationToken: cancellationToken));

        const string user = "system:serviceaccount:default:default";
        AccessRecord[] expected = [new(user, "list", "", "configmaps", "default", null, true), new(user, "get", "", "secrets", "default", "one", false)];
        Assert.Equal(expected, _cluster.Services.GetRequiredService<AccessLog>().Seen.OrderByDescending(a => a.Allowed));
        var lines = await File.ReadAllLinesAsync(Path.Combine(_directory, "logs", "access.log"), cancellationToken);
        Assert.Equal(2, lines.Length);
        Assert.Equal("""{"user":"system:serviceaccount:default:default","verb":"list","group":"","resource":"configmaps","namespace":"default","name":null,"allowed":true}""", lines[0]);
    }

    /// <summary>kubectl --as: the admin may ask what a pod's identity may; a pod may not put on another's.</summary>
    [Fact]
    public async Task Impersonation_IsForThoseWhoMay()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        Create(ResourceTypes.Roles, "seer", """{"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["list"]}]}""");
        Create(ResourceTypes.RoleBindings, "seer", """{"roleRef":{"kind":"Role","name":"seer"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"}]}""");
        using var admin = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(_cluster.KubeconfigPath));
        admin.HttpClient.DefaultRequestHeaders.Add("Impersonate-User", "system:serviceaccount:default:default");
        Assert.NotEmpty((await admin.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: cancellationToken)).Items);
        await Forbidden(() => admin.CoreV1.ListNamespacedSecretAsync("default", cancellationToken: cancellationToken));

        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(
            _cluster.Services.GetRequiredService<IServiceAccountKubeconfigs>().PathFor("default", "default")));
        client.HttpClient.DefaultRequestHeaders.Add("Impersonate-User", "boss");
        var refusal = await Forbidden(() => client.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: cancellationToken));
        Assert.Contains("users \\\"boss\\\" is forbidden: User \\\"system:serviceaccount:default:default\\\" cannot impersonate resource \\\"users\\\" in API group \\\"\\\" at the cluster scope",
            refusal.Response.Content, StringComparison.Ordinal);
    }

    private void Create(ResourceType type, string name, string body)
    {
        var made = JsonNode.Parse(body)!.AsObject();
        made["metadata"] = new JsonObject { ["name"] = name };
        _ = _cluster.Store.Create(type, "default", made);
    }

    private static async Task<HttpOperationException> Forbidden(Func<Task> act)
    {
        var refusal = await Assert.ThrowsAsync<HttpOperationException>(act);
        Assert.Equal(403, (int)refusal.Response.StatusCode);
        return refusal;
    }
}
