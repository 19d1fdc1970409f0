using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Api.Security;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Subresources;

/// <summary>Answers that are computed, not stored: metrics.k8s.io, reviews, tokens.</summary>
internal sealed class VirtualResources(
    ObjectStore store, IAuthorizer authorizer, TokenAuthority tokens, TimeProvider clock, IPodMetricsSource? metrics = null)
{
    public Task HandleAsync(ResourceRequest request) => (request.Type.Kind, request.Http.Request.Method) switch
    {
        ("PodMetrics", "GET") => PodMetricsAsync(request),
        ("NodeMetrics", "GET") => NodeMetricsAsync(request),
        ("SelfSubjectAccessReview" or "SubjectAccessReview", "POST") => AccessReviewAsync(request),
        ("SelfSubjectRulesReview", "POST") => RulesReviewAsync(request),
        ("SelfSubjectReview", "POST") => SubjectReviewAsync(request),
        ("TokenReview", "POST") => TokenReviewAsync(request),
        _ => throw StatusException.MethodNotAllowed(),
    };

    /// <summary><c>serviceaccounts/token</c>.</summary>
    public async Task TokenAsync(ResourceRequest request)
    {
        if (request.Http.Request.Method != "POST")
        {
            throw StatusException.MethodNotAllowed();
        }

        var account = store.Get(ResourceTypes.ServiceAccounts, request.Namespace, request.Name)
            ?? throw StatusException.NotFound(ResourceTypes.ServiceAccounts, request.Name);
        var body = await RequestBody.OptionalObjectAsync(request.Http, "TokenRequest").ConfigureAwait(false) ?? [];
        var lifetime = TimeSpan.FromSeconds(Math.Clamp(body.Long("spec", "expirationSeconds") ?? 3600, 600, 365 * 24 * 3600));
        await Responses.JsonAsync(request.Http, new JsonObject
        {
            ["kind"] = "TokenRequest",
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["metadata"] = new JsonObject { ["name"] = account.Name, ["namespace"] = account.Namespace },
            ["spec"] = new JsonObject
            {
                ["audiences"] = body.At("spec", "audiences")?.DeepClone() ?? new JsonArray("https://kubernetes.default.svc"),
                ["expirationSeconds"] = (long)lifetime.TotalSeconds,
                ["boundObjectRef"] = null,
            },
            ["status"] = new JsonObject
            {
                ["token"] = tokens.Issue(account, lifetime),
                ["expirationTimestamp"] = (clock.GetUtcNow() + lifetime).ToKubernetesTime(),
            },
        }, 201).ConfigureAwait(false);
    }

    private Task PodMetricsAsync(ResourceRequest request)
    {
        if (request.Info.Name is { } name)
        {
            var pod = store.Get(ResourceTypes.Pods, request.Namespace, name);
            var one = pod is null ? null : Of(pod);
            return one is null ? throw StatusException.NotFound(ResourceTypes.PodMetrics with { Plural = "podmetrics" }, $"{request.Namespace}/{name}")
                : Responses.JsonAsync(request.Http, one);
        }

        var labels = request.Labels;
        var items = store.List(ResourceTypes.Pods, request.Namespace).Where(labels.Matches).Select(Of).OfType<JsonObject>();
        return Responses.JsonAsync(request.Http, ListOf("PodMetricsList", items));

        JsonObject? Of(StoredObject pod)
        {
            if (metrics?.GetPod(pod.Namespace!, pod.Name) is not { } usage)
            {
                return null;
            }

            var body = Header(request.Type.Kind, pod, usage.Timestamp, usage.Window);
            body["containers"] = new JsonArray([.. usage.Containers.Select(static c => new JsonObject
            {
                ["name"] = c.Name,
                ["usage"] = Usage(c.CpuNanocores, c.MemoryBytes),
            })]);
            return body;
        }
    }

    private Task NodeMetricsAsync(ResourceRequest request)
    {
        var labels = request.Labels;
        if (request.Info.Name is { } name)
        {
            var node = store.Get(ResourceTypes.Nodes, null, name);
            var one = node is null ? null : Of(node);
            return one is null ? throw StatusException.NotFound(ResourceTypes.NodeMetrics with { Plural = "nodemetrics" }, name) : Responses.JsonAsync(request.Http, one);
        }

        var items = store.List(ResourceTypes.Nodes).Where(labels.Matches).Select(Of).OfType<JsonObject>();
        return Responses.JsonAsync(request.Http, ListOf("NodeMetricsList", items));

        JsonObject? Of(StoredObject node)
        {
            if (metrics?.GetNode(node.Name) is not { } usage)
            {
                return null;
            }

            var body = Header(request.Type.Kind, node, usage.Timestamp, usage.Window);
            body["usage"] = Usage(usage.CpuNanocores, usage.MemoryBytes);
            return body;
        }
    }

    private JsonObject Header(string kind, StoredObject item, DateTimeOffset timestamp, TimeSpan window)
    {
        var metadata = new JsonObject { ["name"] = item.Name };
        if (item.Namespace is { } ns)
        {
            metadata["namespace"] = ns;
        }

        metadata["creationTimestamp"] = clock.GetUtcNow().ToKubernetesTime();
        metadata["labels"] = item.Metadata["labels"]?.DeepClone();
        return new()
        {
            ["kind"] = kind,
            ["apiVersion"] = "metrics.k8s.io/v1beta1",
            ["metadata"] = metadata,
            ["timestamp"] = timestamp.ToKubernetesTime(),
            ["window"] = $"{Math.Round(window.TotalSeconds, 3).ToString(CultureInfo.InvariantCulture)}s",
        };
    }

    private static JsonObject Usage(long nanocores, long bytes) => new() { ["cpu"] = $"{nanocores}n", ["memory"] = $"{bytes / 1024}Ki" };

    private static JsonObject ListOf(string kind, IEnumerable<JsonObject> items) => new()
    {
        ["kind"] = kind,
        ["apiVersion"] = "metrics.k8s.io/v1beta1",
        ["metadata"] = new JsonObject(),
        ["items"] = new JsonArray([.. items.Select(static item =>
        {
            _ = item.Remove("kind");   // the list has said it
            _ = item.Remove("apiVersion");
            return item;
        })]),
    };

    private async Task AccessReviewAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, request.Type.Kind).ConfigureAwait(false);
        var spec = body.Object("spec");
        var user = request.Type.Kind == "SelfSubjectAccessReview" ? request.User
            : new UserInfo(spec.String("user") ?? "", "", [.. (spec.Array("groups") ?? []).Select(static g => g.String() ?? "")]);
        var wanted = spec.Object("resourceAttributes");
        var access = wanted is null
            ? new AccessRequest(user, spec.String("nonResourceAttributes", "verb") ?? "", "", "", null, null, spec.String("nonResourceAttributes", "path") ?? "/")
            : new AccessRequest(user, wanted.String("verb") ?? "", wanted.String("group") ?? "",
                wanted.String("resource") + (wanted.String("subresource") is { Length: > 0 } sub ? $"/{sub}" : ""),
                wanted.String("namespace") is { Length: > 0 } ns ? ns : null, wanted.String("name") is { Length: > 0 } name ? name : null);
        body["status"] = new JsonObject { ["allowed"] = authorizer.Allows(access) };
        await Responses.JsonAsync(request.Http, body, 201).ConfigureAwait(false);
    }

    private static async Task RulesReviewAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, request.Type.Kind).ConfigureAwait(false);
        body["status"] = new JsonObject
        {
            ["resourceRules"] = new JsonArray(),
            ["nonResourceRules"] = new JsonArray(),
            ["incomplete"] = true,
            ["evaluationError"] = "the embedded cluster does not list rules; ask for single permissions",
        };
        await Responses.JsonAsync(request.Http, body, 201).ConfigureAwait(false);
    }

    private static async Task SubjectReviewAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, request.Type.Kind).ConfigureAwait(false);
        body["status"] = new JsonObject { ["userInfo"] = Describe(request.User) };
        await Responses.JsonAsync(request.Http, body, 201).ConfigureAwait(false);
    }

    private async Task TokenReviewAsync(ResourceRequest request)
    {
        var body = await RequestBody.ObjectAsync(request.Http, request.Type.Kind).ConfigureAwait(false);
        var user = tokens.Authenticate($"Bearer {body.String("spec", "token")}");
        body["status"] = user is null ? new JsonObject { ["authenticated"] = false }
            : new JsonObject { ["authenticated"] = true, ["user"] = Describe(user) };
        await Responses.JsonAsync(request.Http, body, 201).ConfigureAwait(false);
    }

    private static JsonObject Describe(UserInfo user)
    {
        var described = new JsonObject { ["username"] = user.Name, ["groups"] = new JsonArray([.. user.Groups.Select(static g => JsonValue.Create(g))]) };
        if (user.Uid.Length > 0)
        {
            described["uid"] = user.Uid;
        }

        return described;
    }
}
