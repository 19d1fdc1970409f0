using System.Net;

namespace Resilience.ClusterAccess.Api;

/// <summary>
/// A request to the API server failed. The message is one line and fit for a person; <see cref="Reason"/> is the
/// machine-readable word of the <c>metav1.Status</c> (<c>Conflict</c>, <c>NotFound</c>, <c>Expired</c>, …).
/// </summary>
public sealed class ClusterException : Exception
{
    public ClusterException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    public ClusterException(string message, HttpStatusCode statusCode, string reason)
        : base(message)
    {
        StatusCode = statusCode;
        Reason = reason;
    }

    /// <summary>Null when no answer arrived: refused, reset, timed out. A write may then have been applied or not.</summary>
    public HttpStatusCode? StatusCode { get; }

    public string Reason { get; } = "";

    public bool IsUnreachable => StatusCode is null;

    /// <summary>Optimistic concurrency failed: somebody wrote the object since it was read (409 <c>Conflict</c>).</summary>
    public bool IsConflict => StatusCode == HttpStatusCode.Conflict && Reason != "AlreadyExists";

    public bool IsAlreadyExists => StatusCode == HttpStatusCode.Conflict && Reason == "AlreadyExists";

    public bool IsNotFound => StatusCode == HttpStatusCode.NotFound;

    /// <summary>The resourceVersion asked for has left the server's history (410): list again.</summary>
    public bool IsExpired => StatusCode == HttpStatusCode.Gone;

    public bool IsUnauthorized => StatusCode == HttpStatusCode.Unauthorized;

    public bool IsForbidden => StatusCode == HttpStatusCode.Forbidden;
}
