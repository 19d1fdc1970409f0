using System.Globalization;
using System.Text.Json;

namespace Resilience.Cost.Prices;

/// <summary>The price sets of one price file.</summary>
public sealed class PriceBook
{
    private const decimal HighestPrice = 1_000_000m;
    private static readonly JsonDocumentOptions Strict = new() { CommentHandling = JsonCommentHandling.Skip, AllowDuplicateProperties = false };
    private static readonly Lazy<PriceBook> Shipped = new(ReadShipped);

    private PriceBook(string origin, string defaultSet, IReadOnlyDictionary<string, PriceSet> sets)
    {
        Origin = origin;
        DefaultSet = defaultSet;
        Sets = sets;
    }

    /// <summary>The prices of <c>cost/prices.json</c>, compiled in.</summary>
    public static PriceBook Default => Shipped.Value;

    /// <summary>The file the prices came from, as the person named it.</summary>
    public string Origin { get; }

    public string DefaultSet { get; }

    public IReadOnlyDictionary<string, PriceSet> Sets { get; }

    /// <summary>A price set by name, or the file's default when no name is given.</summary>
    /// <exception cref="CostInputException">No such set; the message names the nearest.</exception>
    public PriceSet Get(string? name = null) =>
        Sets.TryGetValue(name ?? DefaultSet, out var set) ? set : throw Nearest.Unknown("price set", name ?? DefaultSet, Sets.Keys, Origin);

    /// <summary>Reads a price file's text.</summary>
    /// <param name="origin">Name of the file, for messages.</param>
    /// <exception cref="CostInputException">Not JSON, a key is missing or unknown, or a price is not above zero.</exception>
    public static PriceBook Parse(string json, string origin)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            return Read(new PriceFileNode(document.RootElement, origin, "the file"), origin);
        }
        catch (JsonException problem)
        {
            var why = problem.Message.Split(" LineNumber:")[0].TrimEnd('.', ' ');
            throw new CostInputException($"{origin}:{(problem.LineNumber ?? 0) + 1}: not valid JSON: {why}", problem);
        }
    }

    private static PriceBook Read(PriceFileNode root, string origin)
    {
        root.AllowOnly("schemaVersion", "currency", "default", "sets");
        if (root.Number("schemaVersion") != 1)
        {
            throw new CostInputException($"{origin}: schemaVersion must be 1");
        }

        if (root.Text("currency") is not "USD" and var currency)
        {
            throw new CostInputException($"{origin}: currency must be USD, not \"{currency}\"; convert the prices first");
        }

        var sets = root.Children("sets").ToDictionary(child => child.Name, child => ReadSet(child.Name, child.Node), StringComparer.Ordinal);
        if (sets.Count == 0 || sets.ContainsKey(string.Empty))
        {
            throw new CostInputException($"{origin}: sets needs at least one price set, each with a name");
        }

        var defaultSet = root.Text("default");
        return sets.ContainsKey(defaultSet)
            ? new PriceBook(origin, defaultSet, sets)
            : throw Nearest.Unknown("price set", defaultSet, sets.Keys, $"{origin}: default");
    }

    private static PriceSet ReadSet(string name, PriceFileNode node)
    {
        node.AllowOnly("title", "provider", "source", "asOf", "kind", "cpuCoreHour", "memoryGibHour");
        var blended = node.Text("kind") switch
        {
            "blended" => true,
            "separate" => false,
            var other => throw node.Wrong("kind", $"must be blended or separate, not \"{other}\""),
        };
        if (blended && node.Has("memoryGibHour"))
        {
            throw node.Wrong("memoryGibHour", "does not belong in a blended set, whose vCPU-hour includes memory");
        }

        var asOf = node.Text("asOf");
        return new PriceSet(
            name,
            node.Text("title"),
            node.Text("provider"),
            node.Text("source"),
            DateOnly.TryParseExact(asOf, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
                ? day
                : throw node.Wrong("asOf", $"must be a date like 2026-11-22, not \"{asOf}\""),
            Price(node, "cpuCoreHour"),
            blended ? null : Price(node, "memoryGibHour"));
    }

    private static decimal Price(PriceFileNode node, string key) => node.Number(key) switch
    {
        <= 0 and var price => throw node.Wrong(key, FormattableString.Invariant($"must be greater than 0, not {price}")),
        > HighestPrice => throw node.Wrong(key, FormattableString.Invariant($"must be at most {HighestPrice} USD an hour")),
        var price => price,
    };

    private static PriceBook ReadShipped()
    {
        using var stream = typeof(PriceBook).Assembly.GetManifestResourceStream("prices.json")
            ?? throw new InvalidOperationException("prices.json is not compiled into Resilience.Cost");
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), "cost/prices.json");
    }
}
