namespace Resilience.LocalCluster.Api;

/// <summary>A resource request taken apart: <c>/apis/{group}/{version}/namespaces/{ns}/{plural}/{name}/{subresource}/{rest}</c>.</summary>
internal sealed record RequestInfo(string Group, string Version, string? Namespace, string Plural, string? Name, string? Subresource, string? Rest)
{
    /// <summary>Null when the path is not a resource path.</summary>
    public static RequestInfo? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var trailing = path.EndsWith('/');
        string group, version;
        int next;
        if (parts.Length >= 3 && parts[0] == "api")
        {
            (group, version, next) = ("", parts[1], 2);
        }
        else if (parts.Length >= 4 && parts[0] == "apis")
        {
            (group, version, next) = (parts[1], parts[2], 3);
        }
        else
        {
            return null;
        }

        string? ns = null;
        if (parts[next] == "namespaces" && parts.Length > next + 2 && parts[next + 2] is not ("status" or "finalize"))
        {
            ns = parts[next + 1];
            next += 2;
        }

        var left = parts[next..];
        var rest = left.Length > 3 ? string.Join('/', left[3..]) + (trailing ? "/" : "") : trailing && left.Length == 3 ? "" : null;
        return new(group, version, ns, left[0], left.Length > 1 ? left[1] : null, left.Length > 2 ? left[2] : null, rest);
    }
}
