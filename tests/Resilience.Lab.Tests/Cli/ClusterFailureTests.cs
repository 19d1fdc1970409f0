using System.Net;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Tests.Cli;

public sealed class ClusterFailureTests
{
    [Theory]
    [InlineData(
        """services is forbidden: User "bob" cannot list resource "services" in API group "" in the namespace "shop" """,
        "\"bob\" may not list services in namespace shop", "can-i list services -n shop")]
    [InlineData(
        """deployments.apps "web" is forbidden: User "system:serviceaccount:a:b" cannot patch resource "deployments" in API group "apps" in the namespace "x": RBAC: role "y" not found""",
        "\"system:serviceaccount:a:b\" may not patch deployments.apps in namespace x", "the verb patch on deployments.apps")]
    [InlineData(
        """nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope""",
        "\"bob\" may not list nodes in the whole cluster", "can-i list nodes\"")]
    public void Line_Forbidden_SaysWhoMayNotDoWhat(string status, string text, string next)
    {
        var line = ClusterFailure.Line(new ClusterException(status, HttpStatusCode.Forbidden, "Forbidden"));

        Assert.Contains(text, line, StringComparison.Ordinal);
        Assert.Contains(next, line, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_ForbiddenWhileApplying_NamesTheManifestToo()
    {
        var refused = new ClusterException("""namespaces is forbidden: User "bob" cannot create resource "namespaces" in API group "" at the cluster scope""", HttpStatusCode.Forbidden, "Forbidden");
        var line = ClusterFailure.Line(new ManifestException($"Namespace x (k8s/base/namespace.yaml:1): {refused.Message}", refused));

        Assert.StartsWith("lab: Namespace x (k8s/base/namespace.yaml:1): forbidden by RBAC: \"bob\" may not create namespaces", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_QuotaIsNotRbac() =>
        Assert.StartsWith("lab: pods \"a\" is forbidden: exceeded quota", ClusterFailure.Line(new ClusterException("pods \"a\" is forbidden: exceeded quota: q", HttpStatusCode.Forbidden, "Forbidden")), StringComparison.Ordinal);
}
