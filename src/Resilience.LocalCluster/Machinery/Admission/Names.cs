using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>What names, labels and metadata may look like.</summary>
internal static partial class Names
{
    private const string SubdomainRule =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private const string LabelRule =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    private const string ServiceRule =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    private const string LabelValueRule =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    /// <summary>Most kinds take any prefix and check the generated name only.</summary>
    public static void GenerateName(JsonObject body, List<StatusCause> causes)
    {
        if (body.String("metadata", "generateName") is { Length: > 0 } prefix && !Subdomain().IsMatch(prefix.TrimEnd('-')))
        {
            causes.Add(new("metadata.generateName", "FieldValueInvalid", $"Invalid value: \"{prefix}\": {SubdomainRule}"));
        }
    }

    public static void Check(ResourceType type, JsonObject body, List<StatusCause> causes)
    {
        var name = body.String("metadata", "name");
        if (string.IsNullOrEmpty(name))
        {
            causes.Add(new("metadata.name", "FieldValueRequired", "Required value: name or generateName is required"));
        }
        else
        {
            var (pattern, rule, most) = type.StorageKey switch
            {
                "services" => (ServiceName(), ServiceRule, 63),
                "namespaces" => (Label(), LabelRule, 63),
                _ when type.Group == "rbac.authorization.k8s.io" => (RbacName(), "name may not contain '/' or '%'", 253),
                _ => (Subdomain(), SubdomainRule, 253),
            };
            if (name.Length > most)
            {
                causes.Add(new("metadata.name", "FieldValueInvalid", $"Invalid value: \"{name}\": must be no more than {most} characters"));
            }

            if (!pattern.IsMatch(name))
            {
                causes.Add(new("metadata.name", "FieldValueInvalid", $"Invalid value: \"{name}\": {rule}"));
            }
        }

        Labels(body.Object("metadata", "labels"), "metadata.labels", causes);
    }

    public static void Labels(JsonObject? labels, string path, List<StatusCause> causes)
    {
        foreach (var (key, value) in labels ?? [])
        {
            var text = value.String() ?? "";
            if (text.Length > 63 || !LabelValue().IsMatch(text))
            {
                causes.Add(new(path, "FieldValueInvalid", $"Invalid value: \"{text}\": {(text.Length > 63 ? "must be no more than 63 characters" : LabelValueRule)}"));
            }

            var local = key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..];
            if (local.Length is 0 or > 63 || !LabelKey().IsMatch(local))
            {
                causes.Add(new(path, "FieldValueInvalid",
                    $"Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"));
            }
        }
    }

    public static bool IsLabel(string text) => text.Length <= 63 && Label().IsMatch(text);

    public static string LabelProblem(string text) => $"Invalid value: \"{text}\": {LabelRule}";

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Label();

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex ServiceName();

    [GeneratedRegex("^[^/%]+$")]
    private static partial Regex RbacName();

    [GeneratedRegex("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();

    [GeneratedRegex("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")]
    private static partial Regex LabelKey();
}
