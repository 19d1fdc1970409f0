using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using k8s;
using k8s.Autorest;
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
