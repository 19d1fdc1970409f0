using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>What several controllers read from objects.</summary>
internal static class Objects
{
    public static bool IsReady(StoredObject pod) => ConditionStatus(pod, "Ready") == "True";

    public static bool IsTerminal(StoredObject pod) => pod.Status.String("phase") is "Succeeded" or "Failed";

    public static JsonObject? Condition(StoredObject item, string type) =>
        item.Status.Array("conditions")?.OfType<JsonObject>().FirstOrDefault(c => c.String("type") == type);

    public static string? ConditionStatus(StoredObject item, string type) => Condition(item, type).String("status");

    /// <summary>The reference of the one owner that controls the object.</summary>
    public static JsonObject? ControllerOf(StoredObject item) =>
        item.Metadata.Array("ownerReferences")?.OfType<JsonObject>().FirstOrDefault(o => o.Bool("controller") == true);

    public static bool IsControlledBy(StoredObject item, StoredObject owner) => ControllerOf(item).String("uid") == owner.Uid;

    public static JsonObject OwnerReference(StoredObject owner) => new()
    {
        ["apiVersion"] = owner.Type.ApiVersion,
        ["kind"] = owner.Type.Kind,
        ["name"] = owner.Name,
        ["uid"] = owner.Uid,
        ["controller"] = true,
        ["blockOwnerDeletion"] = true,
    };

    /// <summary>Evaluates a LabelSelector (matchLabels and matchExpressions); an absent or empty one matches nothing.</summary>
    public static bool Matches(JsonObject? selector, JsonObject? labels)
    {
        var pairs = selector.Object("matchLabels");
        var expressions = selector.Array("matchExpressions");
        return (pairs is { Count: > 0 } || expressions is { Count: > 0 })
            && MatchesAll(pairs, labels)
            && (expressions is null || expressions.All(e => MatchesExpression(e, labels)));
    }

    /// <summary>Every pair is among the labels; no pairs match everything.</summary>
    public static bool MatchesAll(JsonObject? pairs, JsonObject? labels) =>
        pairs is null || pairs.All(p => labels.String(p.Key) is { } value && value == p.Value?.GetValue<string>());

    /// <summary>
    /// Sets one condition; lastTransitionTime moves only when the status changes. Returns false when nothing changed.
    /// </summary>
    public static bool SetCondition(
        JsonObject status, string type, string value, string? reason, string? message, DateTimeOffset now, params ReadOnlySpan<string> alsoTimes)
    {
        if (status["conditions"] is not JsonArray conditions)
        {
            status["conditions"] = conditions = [];
        }

        var found = conditions.OfType<JsonObject>().FirstOrDefault(c => c.String("type") == type);
        if (found is not null && found.String("status") == value && found.String("reason") == reason && found.String("message") == message)
        {
            return false;
        }

        var condition = new JsonObject
        {
            ["type"] = type,
            ["status"] = value,
            ["lastTransitionTime"] = found is not null && found.String("status") == value
                ? found["lastTransitionTime"]?.DeepClone() : now.ToKubernetesTime(),
        };
        foreach (var field in alsoTimes)
        {
            condition[field] = now.ToKubernetesTime();
        }

        if (reason is not null)
        {
            condition["reason"] = reason;
        }

        if (message is not null)
        {
            condition["message"] = message;
        }

        if (found is null)
        {
            conditions.Add(condition);
        }
        else
        {
            conditions[conditions.IndexOf(found)] = condition;
        }

        return true;
    }

    /// <summary>An IntOrString: a number as it is, a percentage of <paramref name="total"/>.</summary>
    public static int Scaled(JsonNode? value, int total, bool roundUp, int fallback = 0)
    {
        if (value is null)
        {
            return fallback;
        }

        if (value.GetValueKind() == System.Text.Json.JsonValueKind.Number)
        {
            return value.Int() ?? fallback;
        }

        if (value.String() is { } text && text.EndsWith('%')
            && int.TryParse(text[..^1], NumberStyles.Integer, CultureInfo.InvariantCulture, out var percent))
        {
            var exact = (long)percent * total;
            return (int)(roundUp ? (exact + 99) / 100 : exact / 100);
        }

        return fallback;
    }

    private static bool MatchesExpression(JsonNode? expression, JsonObject? labels)
    {
        var key = expression.String("key") ?? "";
        var present = labels?.ContainsKey(key) == true;
        var value = labels.String(key);
        bool Among() => expression.Array("values")?.Any(v => v.String() == value) == true;
        return expression.String("operator") switch
        {
            "In" => present && Among(),
            "NotIn" => !present || !Among(),
            "Exists" => present,
            "DoesNotExist" => !present,
            _ => false,
        };
    }
}
