using Resilience.LocalCluster.Api.Security;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>One request about one kind, with its query parsed on demand.</summary>
internal sealed record ResourceRequest(HttpContext Http, ResourceType Type, RequestInfo Info, Negotiation Negotiation, UserInfo User)
{
    public string? Namespace => Info.Namespace;

    public string Name => Info.Name ?? throw StatusException.MethodNotAllowed();

    public CancellationToken Aborted => Http.RequestAborted;

    public bool DryRun => Query("dryRun") switch
    {
        null or "" => false,
        "All" => true,
        var other => throw new StatusException(422, "Invalid",
            $"CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"{other}\": supported values: \"All\""),
    };

    /// <summary>The fieldManager parameter, or the first word of the User-Agent as a real server takes it.</summary>
    public string Manager => Query("fieldManager") is { Length: > 0 } given ? given
        : Http.Request.Headers.UserAgent.ToString().Split('/')[0] is { Length: > 0 } agent ? agent : "unknown";

    public LabelSelector Labels => LabelSelector.Parse(Query("labelSelector"));

    public FieldSelector Fields => FieldSelector.Parse(Query("fieldSelector"), Type);

    public string? Query(string name) => Http.Request.Query.TryGetValue(name, out var value) ? value.ToString() : null;

    public bool Flag(string name) => Query(name) is "true" or "1" or "True" or "";

    /// <exception cref="StatusException">400: not a number.</exception>
    public long? Number(string name)
    {
        var text = Query(name);
        return string.IsNullOrEmpty(text) ? null
            : long.TryParse(text, out var value) ? value
            : throw StatusException.BadRequest($"strconv.ParseInt: parsing \"{text}\": invalid syntax");
    }
}
