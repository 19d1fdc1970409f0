using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.LocalCluster.Api.Security;

/// <summary>One kind of request that a ServiceAccount made, as a Role would have to allow it.</summary>
/// <param name="Resource">Plural, with <c>/subresource</c> where there is one.</param>
/// <param name="Namespace">Null: at the cluster scope.</param>
/// <param name="Name">Null for list, watch, create and deletecollection.</param>
internal sealed record AccessRecord(string User, string Verb, string Group, string Resource, string? Namespace, string? Name, bool Allowed);

[JsonSerializable(typeof(AccessRecord))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class AccessJson : JsonSerializerContext;

/// <summary>
/// What ServiceAccounts have asked for, each once, in <c>logs/access.log</c> of the data directory as one JSON object a line: the
/// other half of the proof that a Role grants what is needed and no more. The admin is not under RBAC and not in it.
/// </summary>
internal sealed partial class AccessLog(EmbeddedClusterOptions options, ILogger<AccessLog> logger)
{
    /// <summary>Different requests remembered; later ones are served and not recorded.</summary>
    public const int Capacity = 4096;

    private readonly Lock _gate = new();
    private readonly HashSet<AccessRecord> _seen = [];
    private readonly string _path = Path.Combine(options.DataDirectory, "logs", "access.log");

    public IReadOnlyCollection<AccessRecord> Seen
    {
        get
        {
            lock (_gate)
            {
                return [.. _seen];
            }
        }
    }

    public void Record(AccessRequest request, bool allowed)
    {
        if (request.User.IsAdmin)
        {
            return;
        }

        var name = request.Verb is "list" or "watch" or "create" or "deletecollection" ? null : request.Name;
        var record = new AccessRecord(request.User.Name, request.Verb, request.Group, request.Resource, request.Namespace, name, allowed);
        lock (_gate)
        {
            if (_seen.Count >= Capacity || !_seen.Add(record))
            {
                return;
            }

            Append(record);
        }

        if (!allowed)
        {
            LogRefused(logger, record.User, record.Verb, record.Resource, record.Group, record.Namespace ?? "(cluster)");
        }
    }

    private void Append(AccessRecord record)
    {
        try
        {
            _ = Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            File.AppendAllText(_path, JsonSerializer.Serialize(record, AccessJson.Default.AccessRecord) + "\n");
        }
        catch (IOException ex)
        {
            LogUnwritable(logger, _path, ex.Message);   // a full disk must not refuse requests
        }
    }

    [LoggerMessage(EventId = 2002, EventName = "AccessRefused", Level = LogLevel.Warning, Message = "{User} may not {Verb} {Resource} in group \"{Group}\", namespace {Namespace}")]
    private static partial void LogRefused(ILogger logger, string user, string verb, string resource, string group, string @namespace);

    [LoggerMessage(EventId = 2003, EventName = "AccessLogUnwritable", Level = LogLevel.Warning, Message = "{Path} cannot be written: {Why}")]
    private static partial void LogUnwritable(ILogger logger, string path, string why);
}
