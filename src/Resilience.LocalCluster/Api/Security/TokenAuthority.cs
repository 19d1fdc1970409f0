using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Security;

/// <summary>
/// Issues and checks bearer tokens: one for the admin, and signed ones (JWT, HS256) for ServiceAccounts that die with their
/// account. The key and the admin's token live in the data directory, so that a kubeconfig outlives a restart.
/// </summary>
internal sealed class TokenAuthority
{
    public static readonly TimeSpan PodTokenLifetime = TimeSpan.FromDays(365);

    private static readonly UserInfo Admin = new("kubernetes-admin", "", [UserInfo.Masters, "system:authenticated"]);

    private readonly byte[] _key;
    private readonly ObjectStore _store;
    private readonly TimeProvider _clock;

    public TokenAuthority(EmbeddedClusterOptions options, ObjectStore store)
    {
        _store = store;
        _clock = options.Clock;
        var directory = Path.Combine(options.DataDirectory, "pki");
        _ = Directory.CreateDirectory(directory);
        AdminToken = LoadOrCreate(Path.Combine(directory, "admin.token"));
        _key = Encoding.UTF8.GetBytes(LoadOrCreate(Path.Combine(directory, "service-accounts.key")));
    }

    public string AdminToken { get; }

    public string Issue(StoredObject account, TimeSpan lifetime)
    {
        var now = _clock.GetUtcNow();
        var claims = new JsonObject
        {
            ["iss"] = "https://kubernetes.default.svc",
            ["sub"] = $"system:serviceaccount:{account.Namespace}:{account.Name}",
            ["uid"] = account.Uid,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + lifetime).ToUnixTimeSeconds(),
        };
        var payload = $"{Encode("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{payload}.{Encode(Sign(payload))}";
    }

    /// <summary>Null when the token is missing, forged, expired or its ServiceAccount gone.</summary>
    public UserInfo? Authenticate(string? authorization)
    {
        const string scheme = "Bearer ";
        if (authorization is null || !authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var token = authorization[scheme.Length..].Trim();
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(AdminToken))
            ? Admin : ServiceAccountOf(token);
    }

    private UserInfo? ServiceAccountOf(string token)
    {
        var dot = token.LastIndexOf('.');
        if (dot < 0 || !TryDecode(token[(dot + 1)..], out var signature)
            || !CryptographicOperations.FixedTimeEquals(signature, Sign(token[..dot]))
            || !TryDecode(token[(token.IndexOf('.', StringComparison.Ordinal) + 1)..dot], out var payload))
        {
            return null;
        }

        var claims = JsonNode.Parse(payload);
        var subject = claims.String("sub")?.Split(':') ?? [];
        if (subject.Length != 4 || claims.Long("exp") < _clock.GetUtcNow().ToUnixTimeSeconds())
        {
            return null;
        }

        var account = _store.Get(ResourceTypes.ServiceAccounts, subject[2], subject[3]);
        return account is null || account.Uid != claims.String("uid") ? null : UserInfo.ServiceAccount(subject[2], subject[3], account.Uid);
    }

    private byte[] Sign(string payload) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(payload));

    private static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    private static bool TryDecode(string text, out byte[] bytes)
    {
        try
        {
            bytes = Base64Url.DecodeFromChars(text);
            return true;
        }
        catch (FormatException)
        {
            bytes = [];
            return false;
        }
    }

    private static string LoadOrCreate(string path)
    {
        if (!File.Exists(path))
        {
            PrivateFile.Write(path, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
        }

        return File.ReadAllText(path).Trim();
    }
}
