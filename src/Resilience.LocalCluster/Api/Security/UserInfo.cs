namespace Resilience.LocalCluster.Api.Security;

/// <summary>Who a request comes from, once its token has been accepted.</summary>
internal sealed record UserInfo(string Name, string Uid, IReadOnlyList<string> Groups)
{
    public const string Masters = "system:masters";

    public bool IsAdmin => Groups.Contains(Masters);

    public static UserInfo ServiceAccount(string ns, string name, string uid) => new(
        $"system:serviceaccount:{ns}:{name}", uid, ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"]);
}
