using System.Text.Json;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Scaling;

namespace Resilience.ScalingAgent.Tests.Scaling;

public sealed class LearnedWordsTests
{
    [Theory]
    [InlineData("capacity", """{"plateau":41.25,"plateauCount":7,"kneeCount":0,"cpuPerRequest":0.0026,"cpuCount":30,"highest":38}""",
        "a replica saturates at 41.3 requests/s (seen 7 times); a request takes 2.6 ms of CPU (seen 30 times); a replica served 38 requests/s well")]
    [InlineData("capacity", """{"plateauCount":0,"kneeCount":0,"cpuCount":0}""", "nothing yet")]
    [InlineData("lead", """{"startUpSeconds":[2,1.25,9]}""", "pods took 2 s to serve (median of 3), 9 s at most")]
    [InlineData("lead", """{"startUpSeconds":[]}""", "nothing yet")]
    [InlineData("floor", """
        {"state":{"floor":4,"needs":[],"guardUntil":"0001-01-01T00:00:00+00:00","lastForecast":"0001-01-01T00:00:00+00:00","month":"2026-01-01T00:00:00+00:00","spentThisMonth":2,"lastDecision":"2026-01-02T00:00:00+00:00"},
         "cost":{"month":"2026-01-01T00:00:00+00:00","spent":1.5,"seenAt":"2026-01-02T00:00:00+00:00","hours":24,"goodRequests":3000000},"open":[],"coverage99":0.9915,"outcomes":236}
        """, "floor 4; 99.15% of 236 outcomes were at or below their 99% level; $1.50 this month in 24 h; $0.50 for a million good requests")]
    [InlineData("mood", """{"good":true}""", """{"good":true}""")]      // a later agent's
    [InlineData("lead", """[1,2]""", "[1,2]")]                         // another shape
    public void Sentence_SaysWhatWasLearned(string name, string json, string expected)
    {
        using var value = JsonDocument.Parse(json);
        Assert.Equal(expected, LearnedWords.Sentence(new LearnedValue(name, DateTimeOffset.UnixEpoch, value.RootElement)));
    }
}
