using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Security;

/// <summary>
/// <c>kubectl --as</c>: a request made in somebody else's name, by a user who may impersonate, so that
/// <c>kubectl auth can-i … --as=system:serviceaccount:NAMESPACE:NAME</c> answers for a pod's identity.
/// </summary>
internal static class Impersonation
{
    private const string ServiceAccountPrefix = "system:serviceaccount:";

    /// <returns>The user to act as; <paramref name="user"/> when the request names nobody.</returns>
    /// <exception cref="StatusException">403: not allowed to act as somebody else.</exception>
    public static UserInfo Of(HttpRequest request, UserInfo user, IAuthorizer authorizer)
    {
        var name = request.Headers["Impersonate-User"].ToString();
        if (name.Length == 0)
        {
            return user;
        }

        var groups = request.Headers["Impersonate-Group"].Select(static g => g ?? "").Where(static g => g.Length > 0).ToList();
        Check(user, authorizer, name);
        foreach (var group in groups)
        {
            Require(user, authorizer, "groups", null, group);
        }

        return name.StartsWith(ServiceAccountPrefix, StringComparison.Ordinal) && name.Split(':') is [_, _, var ns, var account]
            ? UserInfo.ServiceAccount(ns, account, "")
            : new(name, "", [.. groups, "system:authenticated"]);
    }

    private static void Check(UserInfo user, IAuthorizer authorizer, string name)
    {
        if (name.StartsWith(ServiceAccountPrefix, StringComparison.Ordinal) && name.Split(':') is [_, _, var ns, var account])
        {
            Require(user, authorizer, "serviceaccounts", ns, account);
        }
        else
        {
            Require(user, authorizer, "users", null, name);
        }
    }

    private static void Require(UserInfo user, IAuthorizer authorizer, string resource, string? ns, string name)
    {
        if (authorizer.Allows(new(user, "impersonate", "", resource, ns, name)))
        {
            return;
        }

        var where = ns is null ? "at the cluster scope" : $"in the namespace \"{ns}\"";
        throw new StatusException(403, "Forbidden",
            $"{resource} \"{name}\" is forbidden: User \"{user.Name}\" cannot impersonate resource \"{resource}\" in API group \"\" {where}");
    }
}
