using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>Every folder goes into a cluster, and going in again changes nothing.</summary>
public sealed class ApplyTests
{
    private const int Attempts = 5;

    /// <summary>Kinds of a cluster that runs Chaos Mesh; the drills are held against its schemas instead.</summary>
    public static TheoryData<string> Folders => [.. ShippedManifests.Folders.Where(folder => !folder.StartsWith("chaos", StringComparison.Ordinal) && !ShippedManifests.IsGenerated(folder))];

    [Theory, MemberData(nameof(Folders))]
    public async Task Folder_IsApplied_AndASecondTimeChangesNothing(string folder)
    {
        await using var cluster = await TestCluster.StartAsync();
        var set = TestCluster.Known(folder);
        if (set.Items.Count == 0)
        {
            Assert.Skip($"everything in {folder} is of kinds that the embedded cluster does not have");
        }

        if (set.Items.All(m => m.Kind != "Namespace"))
        {
            _ = await cluster.ApplyAsync(TestCluster.Known("base").Select(m => m.Kind == "Namespace" ? m : null));
        }

        var first = new List<string>();
        _ = await cluster.ApplyAsync(set, progress => first.Add($"{progress.Manifest}: {progress.Outcome}"));
        Assert.All(first, line => Assert.EndsWith(nameof(ApplyOutcome.Created), line, StringComparison.Ordinal));
        List<string> again;
        var attempt = 0;
        do
        {
            // A controller that writes a status just then makes it look like a change: so not for ever, but more than once.
            again = [];
            _ = await cluster.ApplyAsync(set, progress => again.Add($"{progress.Manifest}: {progress.Outcome}"));
        }
        while (++attempt < Attempts && !again.TrueForAll(IsUnchanged));
        Assert.Equal(set.Items.Count, again.Count);
        Assert.All(again, line => Assert.True(IsUnchanged(line), line));

        static bool IsUnchanged(string line) => line.EndsWith(nameof(ApplyOutcome.Unchanged), StringComparison.Ordinal);
    }

    /// <summary>The applier asks for strict validation, so that a misspelt field is an error here as in kubectl.</summary>
    [Fact]
    public async Task MisspeltField_IsRefused()
    {
        await using var cluster = await TestCluster.StartAsync();
        var set = TestCluster.Known("base").Select(m =>
        {
            var body = m.Body.DeepClone().AsObject();
            if (m.Kind == "Service")
            {
                body["spec"]!["selectors"] = new JsonObject();
            }

            return m with { Body = body };
        });
        var refusal = await Assert.ThrowsAsync<ManifestException>(() => cluster.ApplyAsync(set));
        Assert.Contains("strict decoding error: unknown field \"spec.selectors\"", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>A Secret's plain texts are turned into data on the way in; that is no change the second time.</summary>
    [Theory]
    [InlineData("application/merge-patch+json")]
    [InlineData("application/strategic-merge-patch+json")]
    [InlineData("application/apply-patch+yaml")]
    public async Task SecretWithPlainTexts_WrittenAgain_KeepsItsVersion(string mediaType)
    {
        await using var cluster = await TestCluster.StartAsync();
        var body = JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"token":"one"}}""")!;
        const string path = "api/v1/namespaces/default/secrets";
        _ = await cluster.Api.SendRawAsync(HttpMethod.Post, path, body, TestContext.Current.CancellationToken);
        var versions = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            versions.Add(await PatchAsync());
        }

        Assert.Equal(versions[1], versions[2]);
        var stored = await cluster.GetAsync($"{path}/s");
        Assert.Equal("b25l", (string?)stored["data"]!["token"]);
        Assert.Null(stored["stringData"]);

        async Task<string?> PatchAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, new Uri(cluster.Api.Server, $"{path}/s?fieldManager=again"))
            {
                Content = new StringContent(body.ToJsonString(), System.Text.Encoding.UTF8, mediaType),
            };
            request.Headers.Authorization = new("Bearer", cluster.AdminToken);
            using var response = await ((k8s.Kubernetes)cluster.Connection.Client).HttpClient.SendAsync(request, TestContext.Current.CancellationToken);
            var answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode, answer);
            return (string?)JsonNode.Parse(answer)!["metadata"]!["resourceVersion"];
        }
    }
}
