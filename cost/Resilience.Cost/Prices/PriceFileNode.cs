using System.Text.Json;

namespace Resilience.Cost.Prices;

/// <summary>One object of a price file, read key by key with messages that name file, place and key.</summary>
internal sealed class PriceFileNode
{
    private readonly JsonElement _element;
    private readonly string _origin;
    private readonly string _place;

    public PriceFileNode(JsonElement element, string origin, string place)
    {
        _element = element.ValueKind == JsonValueKind.Object ? element : throw new CostInputException($"{origin}: {place} must be a JSON object");
        _origin = origin;
        _place = place;
    }

    public bool Has(string key) => _element.TryGetProperty(key, out _);

    public string Text(string key)
    {
        var value = Required(key);
        return value.ValueKind == JsonValueKind.String && value.GetString() is { } text && !string.IsNullOrWhiteSpace(text)
            ? text
            : throw Wrong(key, "must be a text that is not empty");
    }

    public decimal Number(string key)
    {
        var value = Required(key);
        return value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number)
            ? number
            : throw Wrong(key, $"must be a number, not {value.GetRawText()}");
    }

    public IEnumerable<(string Name, PriceFileNode Node)> Children(string key)
    {
        var children = new PriceFileNode(Required(key), _origin, key);
        return children._element.EnumerateObject().Select(child => (child.Name, new PriceFileNode(child.Value, _origin, $"set \"{child.Name}\"")));
    }

    /// <summary>A misspelt key would otherwise be a silently ignored price.</summary>
    public void AllowOnly(params string[] known)
    {
        foreach (var key in _element.EnumerateObject().Select(property => property.Name))
        {
            if (!known.Contains(key, StringComparer.Ordinal))
            {
                throw Nearest.Unknown("key", key, known, $"{_origin}: {_place}");
            }
        }
    }

    public CostInputException Wrong(string key, string problem) => new($"{_origin}: {_place}: {key} {problem}");

    private JsonElement Required(string key) =>
        _element.TryGetProperty(key, out var value) ? value : throw new CostInputException($"{_origin}: {_place} has no key {key}");
}
