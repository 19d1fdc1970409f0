using System.Text.Json.Nodes;
using Resilience.LocalCluster.Tests.Api;

namespace Resilience.LocalCluster.Tests.Recordings;

/// <summary>The answers of a real API server, request by request, against ours.</summary>
public sealed class RecordingReplayTests
{
    private const string Namespace = "/api/v1/namespaces/distributed-resilience";

    [Fact]
    public async Task RecordedRequests_GetTheRecordedAnswers()
    {
        if (RecordingFolder.Find() is not { } folder)
        {
            Assert.Skip("no folder shared/kubernetes/transcripts beside the repository, so there is nothing to compare with");
            return;
        }

        var cases = RecordingFolder.LoadHttpCases(folder);
        await using var fixture = new EmbeddedApiServerFixture();
        await fixture.InitializeAsync();
        var replay = new RecordingReplay(fixture.Http);
        await replay.SeedAsync("/api/v1/namespaces", JsonNode.Parse("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"distributed-resilience"}}""")!);
        foreach (var recorded in cases)
        {
            await SeedAsync(replay, cases, recorded.Name);
            await replay.PlayAsync(recorded);
        }

        var differing = replay.Differences.Where(d => d.Value.Count > 0).ToList();
        var known = cases.SelectMany(c => c.Exchanges).Count(KnownDifferences.IsWhole);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{replay.Differences.Count - differing.Count - known} of {replay.Differences.Count} exchanges match, {known} are known to differ.");
        Assert.True(differing.Count == 0, $"{differing.Count} of {replay.Differences.Count} exchanges differ:\n"
            + string.Join('\n', differing.Select(d => $"{d.Key}\n  {string.Join("\n  ", d.Value)}")));
    }

    /// <summary>The kubectl cases before these had left a few objects; they are made again from where the recording first shows them.</summary>
    private static async Task SeedAsync(RecordingReplay replay, IReadOnlyList<RecordedCase> cases, string name)
    {
        switch (name)
        {
            case "r03-label-selectors":
                var applied = Recorded("r03/006")["items"]!.AsArray().First(i => (string?)i!["metadata"]!["name"] == "c1")!.DeepClone();
                (applied["apiVersion"], applied["kind"]) = ("v1", "ConfigMap");
                await replay.SeedAsync($"{Namespace}/configmaps", applied, manager: "tester");
                break;
            case "r04-field-selectors":
                foreach (var pod in Recorded("r04/004")["items"]!.AsArray())
                {
                    await replay.SeedAsync($"{Namespace}/pods", pod!);
                }

                await replay.WaitForAsync($"{Namespace}/pods?fieldSelector=status.phase%3DRunning", items => items == 2);

                break;
            case "r11-strategic-merge":
                var deployment = Recorded("r11/000").DeepClone();
                deployment["spec"]!["template"]!["spec"]!["containers"]![0]!["env"]!.AsArray().RemoveAt(0);   // what the first patch will add
                await replay.SeedAsync("/apis/apps/v1/namespaces/distributed-resilience/deployments", deployment);
                break;
            case "r19-service-selector-precondition":
                await replay.SeedAsync($"{Namespace}/services", Recorded("r19/000"));
                break;
            case "r20-hpa-floor":
                await replay.SeedAsync("/apis/autoscaling/v2/namespaces/distributed-resilience/horizontalpodautoscalers", Recorded("r20/000"));
                break;
            default:
                break;
        }

        JsonNode Recorded(string id) => cases.SelectMany(c => c.Exchanges).First(e => e.Id == id).Response["body"]!;
    }
}
