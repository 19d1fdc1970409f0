using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Resilience.LocalCluster.Tests.Recordings;

/// <summary>Sends recorded requests to a server, with the recorded uids, versions and generated names replaced by those seen here.</summary>
internal sealed partial class RecordingReplay(HttpClient http)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<string, string> _opaque = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <summary>What did not match, by exchange.</summary>
    public SortedDictionary<string, IReadOnlyList<string>> Differences { get; } = new(StringComparer.Ordinal);

    /// <summary>Plays one case; watches run beside the requests that follow them.</summary>
    public async Task PlayAsync(RecordedCase recorded)
    {
        var watches = new List<(Exchange Exchange, Task<Reply> Reply)>();
        foreach (var exchange in recorded.Exchanges)
        {
            if (exchange.IsWatch)
            {
                watches.Add((exchange, SendAsync(exchange)));
                continue;
            }

            var reply = await SendAsync(exchange);
            var deadline = TimeProvider.System.GetTimestamp();
            while (exchange.Method == "GET" && !KnownDifferences.IsWhole(exchange) && reply.Status != exchange.Status && TimeProvider.System.GetElapsedTime(deadline) < Patience)
            {
                await Task.Delay(Pause, TimeProvider.System, TestContext.Current.CancellationToken);   // what a controller does in its own time
                reply = await SendAsync(exchange);
            }

            Judge(exchange, reply);
        }

        foreach (var (exchange, reply) in watches)
        {
            Judge(exchange, await reply);
        }
    }

    /// <summary>Creates what earlier, unrecorded steps had left: an object as the recording shows it.</summary>
    /// <param name="manager">Creates by server-side apply in this name when given.</param>
    public async Task SeedAsync(string collection, JsonNode recorded, string? manager = null)
    {
        var body = recorded.DeepClone().AsObject();
        var metadata = body["metadata"]!.AsObject();
        foreach (var key in (ReadOnlySpan<string>)["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences"])
        {
            _ = metadata.Remove(key);
        }

        _ = body["spec"]?.AsObject().Remove("nodeName");
        _ = body["spec"]?.AsObject().Remove("clusterIP");
        _ = body["spec"]?.AsObject().Remove("clusterIPs");
        _ = body.Remove("status");
        if (collection.EndsWith("/pods", StringComparison.Ordinal))
        {
            metadata["finalizers"] = new JsonArray("replay.test/hold");   // imaginary pods would end at once when deleted
        }

        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        content.Headers.ContentType = new(manager is null ? "application/json" : "application/apply-patch+yaml");
        using var request = new HttpRequestMessage(manager is null ? HttpMethod.Post : HttpMethod.Patch,
            manager is null ? collection : $"{collection}/{(string?)metadata["name"]}?fieldManager={manager}")
        { Content = content };
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, $"seeding {collection}: {text}");
        Learn(recorded, JsonNode.Parse(text));
    }

    public async Task WaitForAsync(string list, Predicate<int> count)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!count(JsonNode.Parse(await http.GetStringAsync(new Uri(list, UriKind.Relative), TestContext.Current.CancellationToken))!["items"]!.AsArray().Count))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"{list} did not come to the wanted number");
            await Task.Delay(Pause, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private async Task<Reply> SendAsync(Exchange exchange)
    {
        var path = TimeoutPattern().Replace(exchange.Path, "timeoutSeconds=1");
        path = ParameterPattern().Replace(path, m => m.Groups[1].Value + _opaque.GetValueOrDefault(Uri.UnescapeDataString(m.Groups[2].Value), m.Groups[2].Value));
        using var request = new HttpRequestMessage(new HttpMethod(exchange.Method), Named(path));
        foreach (var (name, value) in exchange.Request["headers"]!.AsObject())
        {
            if (name != "Content-Type")
            {
                _ = request.Headers.TryAddWithoutValidation(name, (string?)value);
            }
        }

        var body = exchange.Request["body"] is { } json ? Substitute(json)!.ToJsonString() : (string?)exchange.Request["bodyText"];
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse((string)exchange.Request["headers"]!["Content-Type"]!);
        }

        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var warning = response.Headers.TryGetValues("Warning", out var warnings) ? string.Join(", ", warnings) : null;
        return new((int)response.StatusCode, response.Content.Headers.TryGetValues("Content-Type", out var types) ? types.First().Replace("; ", ";", StringComparison.Ordinal).Replace(";charset", "; charset", StringComparison.Ordinal) : "", warning,
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private void Judge(Exchange exchange, Reply reply)
    {
        var comparison = new Comparison(_names, path => KnownDifferences.IsIgnored(exchange, path), KnownDifferences.IsSubset(exchange));
        comparison.Compare("(status)", exchange.Status, reply.Status);
        comparison.Compare("(content type)", (string?)exchange.Response["headers"]!["Content-Type"], reply.ContentType);
        comparison.Compare("(warning)", (string?)exchange.Response["headers"]!["Warning"], reply.Warning);
        if (exchange.Response["bodyText"] is { } text)
        {
            comparison.Compare("(text)", (string?)text, reply.Text);
        }
        else
        {
            var expected = KnownDifferences.Stripped((exchange.Response["body"] ?? exchange.Response["stream"])!);
            var actual = exchange.Response["body"] is not null
                ? TryParse(reply.Text)
                : new JsonArray([.. reply.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(TryParse)]);
            actual = actual is null ? null : KnownDifferences.Stripped(actual);
            Learn(expected, actual);
            comparison.Compare("", expected, actual);
        }

        Differences[exchange.Id] = comparison.Differences;
    }

    private static JsonNode? TryParse(string text) => text.StartsWith('{') || text.StartsWith('[') ? JsonNode.Parse(text) : JsonValue.Create(text);

    private void Learn(JsonNode? recorded, JsonNode? actual)
    {
        if (recorded is JsonArray { } array && actual is JsonArray others)
        {
            foreach (var (left, right) in array.Zip(others))
            {
                Learn(left, right);
            }
        }

        if (recorded is not JsonObject from || actual is not JsonObject to)
        {
            return;
        }

        Learn(from["items"], to["items"]);   // the version of a list is that of its last item, too; the list's own counts
        if (from["metadata"] is JsonObject before && to["metadata"] is JsonObject now)
        {
            foreach (var key in (ReadOnlySpan<string>)["uid", "resourceVersion", "continue"])
            {
                if ((string?)before[key] is { } old && (string?)now[key] is { } current)
                {
                    _opaque[old] = current;
                }
            }

            if (before["generateName"] is { } prefix && (string?)prefix == (string?)now["generateName"] && (string?)before["name"] is { } was && (string?)now["name"] is { } name)
            {
                _names[was] = name;
            }
        }
    }

    private JsonNode? Substitute(JsonNode? node) => node switch
    {
        JsonObject item => new JsonObject(item.Select(p => KeyValuePair.Create(p.Key, Substitute(p.Value)))),
        JsonArray array => new JsonArray([.. array.Select(Substitute)]),
        JsonValue value when value.TryGetValue(out string? text) => _opaque.TryGetValue(text, out var here) ? here : Named(text),
        _ => node?.DeepClone(),
    };

    private string Named(string text) => _names.Aggregate(text, (current, name) => current.Replace(name.Key, name.Value, StringComparison.Ordinal));

    [GeneratedRegex(@"timeoutSeconds=\d+")]
    private static partial Regex TimeoutPattern();

    [GeneratedRegex("((?:resourceVersion|continue)=)([^&]+)")]
    private static partial Regex ParameterPattern();

    private sealed record Reply(int Status, string ContentType, string? Warning, string Text);
}
