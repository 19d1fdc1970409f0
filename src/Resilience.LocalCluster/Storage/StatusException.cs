using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Storage;

/// <summary>One entry of metav1.Status details.causes.</summary>
/// <param name="Field">Path of the field, such as <c>spec.replicas</c>.</param>
/// <param name="Reason">FieldValueInvalid, FieldValueRequired, …</param>
/// <param name="Message">The sentence after the path.</param>
internal sealed record StatusCause(string Field, string Reason, string Message);

/// <summary>A refusal as a real API server words it; becomes a metav1.Status on the wire.</summary>
internal sealed class StatusException : Exception
{
    public StatusException(int code, string reason, string message, JsonObject? details = null)
        : base(message)
    {
        Code = code;
        Reason = reason;
        Details = details;
    }

    public int Code { get; }

    /// <summary>Empty for failures that a real server leaves without a reason.</summary>
    public string Reason { get; }

    public JsonObject? Details { get; }

    public bool IsNotFound => Reason == "NotFound";

    public bool IsConflict => Reason == "Conflict";

    public bool IsAlreadyExists => Reason == "AlreadyExists";

    public static StatusException NotFound(ResourceType type, string name) =>
        new(404, "NotFound", $"{type.StorageKey} \"{name}\" not found", DetailsOf(type, name));

    public static StatusException AlreadyExists(ResourceType type, string name) =>
        new(409, "AlreadyExists", $"{type.StorageKey} \"{name}\" already exists", DetailsOf(type, name));

    public static StatusException Conflict(ResourceType type, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {type.StorageKey} \"{name}\": {why}", DetailsOf(type, name));

    public static StatusException Modified(ResourceType type, string name) =>
        Conflict(type, name, "the object has been modified; please apply your changes to the latest version and try again");

    /// <summary>A precondition of a delete failed; the real server names the kind, not the resource, here.</summary>
    public static StatusException PreconditionFailed(ResourceType type, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {type.Kind}{Suffix(type)} \"{name}\": {why}", DetailsOf(type, name, type.Kind));

    public static StatusException BadRequest(string message) => new(400, "BadRequest", message);

    public static StatusException Forbidden(ResourceType type, string name, string why) =>
        new(403, "Forbidden", $"{type.StorageKey}{(name.Length == 0 ? "" : $" \"{name}\"")} is forbidden: {why}", DetailsOf(type, name));

    public static StatusException Expired(string message) => new(410, "Expired", message);

    public static StatusException MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []);

    public static StatusException NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource", []);

    public static StatusException UnsupportedMediaType(string message) => new(415, "UnsupportedMediaType", message);

    public static StatusException Internal(string message) =>
        new(500, "InternalError", $"Internal error occurred: {message}", new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["message"] = message }) });

    public static StatusException Invalid(ResourceType type, string name, IReadOnlyList<StatusCause> causes)
    {
        var details = DetailsOf(type, name, type.Kind);
        details["causes"] = new JsonArray([.. causes.Select(c => new JsonObject
        {
            ["reason"] = c.Reason,
            ["message"] = c.Message,
            ["field"] = c.Field,
        })]);
        var sentences = causes.Select(c => $"{c.Field}: {c.Message}").Distinct().ToList();
        var joined = sentences.Count == 1 ? sentences[0] : $"[{string.Join(", ", sentences)}]";
        return new(422, "Invalid", $"{type.Kind}{Suffix(type)} \"{name}\" is invalid: {joined}", details);
    }

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
        };
        if (Reason.Length > 0)
        {
            status["reason"] = Reason;
        }

        if (Details is not null)
        {
            status["details"] = Details.DeepClone();
        }

        status["code"] = Code;
        return status;
    }

    /// <summary>details of a Status about one object; <paramref name="kind"/> is the plural unless the real server says otherwise.</summary>
    public static JsonObject DetailsOf(ResourceType type, string name, string? kind = null)
    {
        var details = new JsonObject();
        if (name.Length > 0)
        {
            details["name"] = name;
        }

        if (type.Group.Length > 0)
        {
            details["group"] = type.Group;
        }

        details["kind"] = kind ?? type.Plural;
        return details;
    }

    private static string Suffix(ResourceType type) => type.Group.Length == 0 ? "" : $".{type.Group}";
}
