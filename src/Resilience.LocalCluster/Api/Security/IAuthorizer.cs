namespace Resilience.LocalCluster.Api.Security;

/// <summary>What a request wants to do, in the words of RBAC.</summary>
/// <param name="Resource">Plural, with <c>/subresource</c> where there is one.</param>
internal sealed record AccessRequest(
    UserInfo User, string Verb, string Group, string Resource, string? Namespace, string? Name, string? NonResourcePath = null);

internal interface IAuthorizer
{
    bool Allows(AccessRequest request);
}

/// <summary>Everybody with a token may do everything.</summary>
internal sealed class AllowEverything : IAuthorizer
{
    public bool Allows(AccessRequest request) => true;
}
