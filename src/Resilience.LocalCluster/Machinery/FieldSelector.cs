using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>A field selector: <c>metadata.name=a,status.phase!=Running</c>; which fields exist depends on the kind.</summary>
internal sealed class FieldSelector
{
    public static readonly FieldSelector Everything = new([]);

    private readonly IReadOnlyList<(string Field, string Value, bool Equal)> _terms;

    private FieldSelector(IReadOnlyList<(string Field, string Value, bool Equal)> terms) => _terms = terms;

    public bool IsEverything => _terms.Count == 0;

    /// <summary>The one object it can match, which saves walking a large collection.</summary>
    public string? Name => _terms.FirstOrDefault(static t => t is { Field: "metadata.name", Equal: true }).Value;

    public static FieldSelector Parse(string? text, ResourceType type)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return Everything;
        }

        var terms = new List<(string, string, bool)>();
        foreach (var term in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var not = term.IndexOf("!=", StringComparison.Ordinal);
            var equal = term.IndexOf('=', StringComparison.Ordinal);
            if (equal < 0)
            {
                throw StatusException.BadRequest($"invalid selector: '{text}'; can't understand '{term}'");
            }

            var field = not >= 0 ? term[..not] : term[..equal];
            var value = not >= 0 ? term[(not + 2)..] : term[(equal + 1)..].TrimStart('=');
            if (!IsKnown(type, field))
            {
                throw StatusException.BadRequest(Unknown(type, field));
            }

            terms.Add((field, value, not < 0));
        }

        return new(terms);
    }

    public bool Matches(StoredObject item)
    {
        foreach (var (field, value, equal) in _terms)
        {
            if (string.Equals(Read(item, field), value, StringComparison.Ordinal) != equal)
            {
                return false;
            }
        }

        return true;
    }

    private static string Unknown(ResourceType type, string field) =>
        type.Custom ? $"field label not supported: {field}"
        : type.Kind switch
        {
            "Pod" or "Node" or "Event" or "Secret" or "Namespace" or "Job" or "ReplicaSet" or "Service" => $"field label not supported: {field}",
            _ => $"\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        };

    private static bool IsKnown(ResourceType type, string field) => field is "metadata.name" or "metadata.namespace" || type.Kind switch
    {
        "Pod" => field is "spec.nodeName" or "spec.restartPolicy" or "spec.schedulerName" or "spec.serviceAccountName" or "spec.hostNetwork"
            or "status.phase" or "status.podIP" or "status.podIPs" or "status.nominatedNodeName",
        "Node" => field is "spec.unschedulable",
        "Event" => field.StartsWith("involvedObject.", StringComparison.Ordinal) || field.StartsWith("regarding.", StringComparison.Ordinal)
            || field is "reason" or "reportingComponent" or "source" or "type",
        "Secret" => field is "type",
        "Namespace" => field is "status.phase",
        "Job" => field is "status.successful",
        "ReplicaSet" => field is "status.replicas",
        "Service" => field is "spec.clusterIP" or "spec.type",
        _ => false,
    };

    private static string Read(StoredObject item, string field)
    {
        var path = field switch
        {
            "source" => "source.component",
            "status.successful" => "status.succeeded",
            _ when item.Type == ResourceTypes.Events && field.StartsWith("regarding.", StringComparison.Ordinal) => "involvedObject" + field["regarding".Length..],
            _ => field,
        };
        var value = item.Body.At(path.Split('.'));
        return value switch
        {
            null => field is "status.successful" or "status.replicas" ? "0" : field is "spec.unschedulable" or "spec.hostNetwork" ? "false" : "",
            _ => value.ToString(),
        };
    }
}
