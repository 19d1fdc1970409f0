namespace Resilience.LocalCluster.Api;

internal enum ResponseForm
{
    Json,
    Yaml,
    Table,
    PartialMetadata,
    AggregatedDiscovery,
}

/// <summary>What the Accept header asks for, first acceptable entry first.</summary>
/// <param name="MetaVersion">v1 or v1beta1, of Table and PartialObjectMetadata.</param>
internal sealed record Negotiation(ResponseForm Form, string MetaVersion = "v1")
{
    private static readonly Negotiation Json = new(ResponseForm.Json);

    /// <summary>Null when nothing acceptable can be served.</summary>
    public static Negotiation? Of(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        if (accept.Length == 0)
        {
            return Json;
        }

        foreach (var entry in accept.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = entry.Split(';', StringSplitOptions.TrimEntries);
            var (kind, version) = (Parameter(parts, "as"), Parameter(parts, "v"));
            switch (parts[0])
            {
                case "application/json" when kind is null:
                case "*/*" or "application/*":
                    return Json;
                case "application/json" when kind is "Table" && version is "v1" or "v1beta1":
                    return new(ResponseForm.Table, version);
                case "application/json" when kind is "PartialObjectMetadata" or "PartialObjectMetadataList" && version is "v1" or "v1beta1":
                    return new(ResponseForm.PartialMetadata, version);
                case "application/json" when kind is "APIGroupDiscoveryList" && version is "v2":
                    return new(ResponseForm.AggregatedDiscovery, version);
                case "application/yaml" when kind is null:
                    return new(ResponseForm.Yaml);
            }
        }

        return null;
    }

    private static string? Parameter(string[] parts, string name)
    {
        foreach (var part in parts.AsSpan(1))
        {
            if (part.StartsWith(name, StringComparison.Ordinal) && part.Length > name.Length && part[name.Length] == '=')
            {
                return part[(name.Length + 1)..];
            }
        }

        return null;
    }
}
