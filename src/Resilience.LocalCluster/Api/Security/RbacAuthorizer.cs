using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Security;

/// <summary>
/// Role-based access as Kubernetes defines it: what no role of the user allows is refused. Read from the store on each request, so
/// a changed binding counts at once.
/// </summary>
internal sealed class RbacAuthorizer(ObjectStore store) : IAuthorizer
{
    /// <summary>What every authenticated user may ask: who am I, and may I.</summary>
    private static readonly HashSet<string> Everybodys = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];

    public bool Allows(AccessRequest request)
    {
        if (request.User.IsAdmin || (request.Verb == "create" && Everybodys.Contains(request.Resource)))
        {
            return true;
        }

        return Bound(store.List(ResourceTypes.ClusterRoleBindings), request)
            || (request.Namespace is { } ns && Bound(store.List(ResourceTypes.RoleBindings, ns), request));
    }

    private bool Bound(IReadOnlyList<StoredObject> bindings, AccessRequest request)
    {
        foreach (var binding in bindings)
        {
            if ((binding.Body.Array("subjects") ?? []).Any(s => IsSubject(s, request.User))
                && RulesOf(binding).Any(rule => Permits(rule, request)))
            {
                return true;
            }
        }

        return false;
    }

    private JsonArray RulesOf(StoredObject binding)
    {
        var name = binding.Body.String("roleRef", "name") ?? "";
        var role = binding.Body.String("roleRef", "kind") == "ClusterRole"
            ? store.Get(ResourceTypes.ClusterRoles, null, name)
            : store.Get(ResourceTypes.Roles, binding.Namespace, name);
        return role?.Body.Array("rules") ?? [];
    }

    private static bool IsSubject(JsonNode? subject, UserInfo user) => subject.String("kind") switch
    {
        "ServiceAccount" => user.Name == $"system:serviceaccount:{subject.String("namespace")}:{subject.String("name")}",
        "User" => user.Name == subject.String("name"),
        "Group" => user.Groups.Contains(subject.String("name")),
        _ => false,
    };

    private static bool Permits(JsonNode? rule, AccessRequest request)
    {
        if (!Lists(rule, "verbs", request.Verb))
        {
            return false;
        }

        if (request.NonResourcePath is { } path)
        {
            return (rule.Array("nonResourceURLs") ?? []).Any(u => u.String() is { } url
                && (url == path || (url.EndsWith('*') && path.StartsWith(url[..^1], StringComparison.Ordinal))));
        }

        var slash = request.Resource.IndexOf('/', StringComparison.Ordinal);
        var anySubresource = slash >= 0 && Lists(rule, "resources", "*" + request.Resource[slash..]);
        return Lists(rule, "apiGroups", request.Group)
            && (Lists(rule, "resources", request.Resource) || anySubresource)
            && (rule.Array("resourceNames") is not { Count: > 0 } names || (request.Name is { } name && names.Any(n => n.String() == name)));
    }

    private static bool Lists(JsonNode? rule, string field, string value) =>
        (rule.Array(field) ?? []).Any(v => v.String() is var text && (text == value || text == "*"));
}
