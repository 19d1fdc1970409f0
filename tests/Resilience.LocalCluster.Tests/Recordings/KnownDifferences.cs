using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Resilience.LocalCluster.Tests.Recordings;

/// <summary>What may differ from the recordings, and why. Everything else must match.</summary>
internal static class KnownDifferences
{
    /// <summary>Exchanges that cannot match; they are sent all the same, for what comes after them.</summary>
    private static readonly Dictionary<string, string> Exchanges = new(StringComparer.Ordinal)
    {
        ["r02/005"] = "the words of Go's JSON parser about a damaged continue token",
        ["r07/005"] = "revisions begin at the clock's milliseconds, so 999999999 is too old and not in the future",
        ["r09/004"] = "the words of Go's JSON parser",
        ["r09/005"] = "quotes the whole object in the key order of Go's encoder",
        ["r13/004"] = "the words of Go's JSON parser",
        ["r17/002"] = "lists events that the kubectl cases before had caused",
        ["r21/001"] = "imaginary pods write no log",
        ["r21/002"] = "imaginary pods write no log",
        ["r24/000"] = "the version is our own",
        ["r23/001"] = "imaginary pods use nothing",
    };

    private static readonly (string Id, string Path, string Why)[] Fields =
    [
        ("", "/columnDefinitions/[0-9]+/description$", "prose that kubectl does not show"),
        ("", "/storageVersionHash$", "names a storage encoding; nothing is encoded here"),
        ("", "/(binaryData|data)/ca.crt$", "each cluster's own authority"),
        ("", "^/paths/.*/serverRelativeURL$", "holds a hash of the document"),
        ("(r04|r08|r11|r14|r19|r20|r21|r25)", "/metadata/(managedFields|generation|ownerReferences|finalizers)$", "seeded objects begin without their past"),
        ("(r04|r11|r14|r20|r21)", "(^|/items/[0-9]+)/status(/|$)", "what controllers and the node have got to"),
        ("r17/00[14]", "^/(message|details/name)$", "name what was generated; the causes are compared"),
        ("r20/004", "/annotations/autoscaling.alpha.kubernetes.io~1", "autoscaling/v1 does not carry what only v2 can say in annotations"),
        ("r21/006", "^/(message|details/causes/0/message)$", "ends in a diff of Go structures"),
        ("r21/00[78]", "/deletionGracePeriodSeconds$", "an imaginary pod has ended by then"),
        ("r23/002", "/(window|usage/.*)$", "measured values"),
        ("r25/000", "/annotations$", "the Namespace was made without kubectl apply"),
        ("r25/001", "/(cells/[489]|annotations)$", "versions of kubelet, kernel and runtime"),
        ("r25/(002|006|009|010|012|013|015)", "^/rows", "other objects were there; their columns are compared"),
        ("r25/(016|018)", "^/rows$", "an empty list may be null"),
        ("r25/004", "/labels$", "written by the real endpoint controller"),
        ("r25/011", "/cells/[25]$", "measured values"),
        ("(r11|r21)", "/metadata/annotations/deployment.kubernetes.io~1revision$", "the seeded Deployment has fewer revisions behind it"),
    ];

    public static bool IsWhole(Exchange exchange) => Exchanges.ContainsKey(exchange.Id);

    public static bool IsIgnored(Exchange exchange, string path) =>
        Exchanges.ContainsKey(exchange.Id)
        || Fields.Any(f => Regex.IsMatch(exchange.Id, $"^{f.Id}", RegexOptions.CultureInvariant) && Regex.IsMatch(path, f.Path, RegexOptions.CultureInvariant));

    /// <summary>Discovery: a cluster may serve fewer kinds than the recorded one, but those it serves must look the same.</summary>
    public static bool IsSubset(Exchange exchange) => exchange.Id.StartsWith("r24", StringComparison.Ordinal);

    /// <summary>Takes away what the recorded distribution adds, and what is only a matter of time.</summary>
    public static JsonNode Stripped(JsonNode body)
    {
        var copy = body.DeepClone();
        var items = copy is JsonArray ? copy.AsArray() : copy is JsonObject ? copy["items"] as JsonArray ?? copy["rows"] as JsonArray : null;
        _ = items?.RemoveAll(static i => NameOf(i) == "openshift-service-ca.crt" || IsLateBookmark(i));
        return copy;
    }

    private static string? NameOf(JsonNode? item) => item is JsonObject ? (string?)((item["object"] ?? item)["metadata"] as JsonObject)?["name"] : null;

    /// <summary>Bookmarks come when the server sees fit; only the one that ends the initial events is promised.</summary>
    private static bool IsLateBookmark(JsonNode? item) =>
        item is JsonObject && item["type"] is JsonValue type && (string?)type == "BOOKMARK" && item["object"]?["metadata"]?["annotations"] is null;
}
