using System.Text;

namespace Resilience.LocalCluster.Machinery;

internal static class Kubeconfig
{
    public const string ContextName = "resilience-lab";

    public static string Render(Uri server, string authorityPem, string user, string token, string? ns = null) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: {ContextName}
          cluster:
            server: {server.GetLeftPart(UriPartial.Authority)}
            certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(authorityPem))}
        users:
        - name: {user}
          user:
            token: {token}
        contexts:
        - name: {ContextName}
          context:
            cluster: {ContextName}
            user: {user}
            namespace: {ns ?? "default"}
        current-context: {ContextName}

        """;
}
