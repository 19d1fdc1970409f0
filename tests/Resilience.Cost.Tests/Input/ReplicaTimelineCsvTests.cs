using Resilience.Cost.Input;
using Resilience.Cost.Model;

namespace Resilience.Cost.Tests.Input;

public sealed class ReplicaTimelineCsvTests
{
    private const string Decisions = "t_utc,demand,requested,ready,capacity,violation\n";

    [Theory]
    [InlineData("t_utc,replicas\n2026-11-02T00:00:00Z,2\n2026-11-02T00:01:00Z,3\n")]
    [InlineData("\uFEFF\"timestamp_utc\",\"replicas\"\r\n\"2026-11-02T00:00:00\",2.0\r\n2026-11-02 00:01:00,\"3\"\r\n\r\n")]    // byte order mark, quotes, CRLF, no offset
    [InlineData("replicas,note,T_UTC\n2,a,2026-11-02T01:00:00+01:00\n3,b,2026-11-02T00:01:00Z\n")]
    public void Read_OfATimeline_TakesEveryReasonableForm(string text)
    {
        var timeline = Read(text);

        Assert.Equal([2m, 3m], timeline.Rows.Select(row => row.Requested));
        Assert.Equal(new DateTimeOffset(2026, 11, 2, 0, 0, 0, TimeSpan.Zero), timeline.Rows[0].At);
        Assert.False(timeline.HasLoad);
        Assert.Equal(120m, timeline.TotalSeconds);
    }

    [Fact]
    public void Read_WithCapacityPerPod_MultipliesByTheReadyPods() =>
        Assert.Equal(
            new TimelineLoad(100, 2, 120),
            Read(Decisions + "2026-11-02T00:00:00Z,100,2,2,60,0\n2026-11-02T00:01:00Z,150,3,2,60,1\n", capacityPerPod: true).Rows[0].Load);

    [Theory]
    [InlineData("", "f.csv: the file is empty")]
    [InlineData("t_utc,replicas\n", "f.csv: needs at least two rows to know the interval; found 0")]
    [InlineData("t_utc,replicas\n2026-11-02T00:00:00Z,2\n", "f.csv: needs at least two rows to know the interval; found 1")]
    [InlineData("time,pods\n", "f.csv:1: needs the columns t_utc and requested")]
    [InlineData("t_utc,requested,demand\n", "f.csv:1: has only part of demand, ready and capacity; missing ready and capacity")]
    [InlineData("t_utc,replicas\n2026-11-02T00:00:00Z,2\n2026-11-02T00:01:00Z,NaN\n", "f.csv:3: replicas must be a number from 0 up, not \"NaN\"")]
    [InlineData("t_utc,replicas\n2026-11-02T00:00:00Z,-2\n", "f.csv:2: replicas must be a number from 0 up, not \"-2\"")]
    [InlineData("t_utc,replicas\n2026-11-02T00:00:00Z,\n", "f.csv:2: replicas must be a number from 0 up, not \"\"")]
    [InlineData("t_utc,replicas\n0001-01-01T00:00:00Z,2\n", "f.csv:2: t_utc must be a time like")]
    [InlineData("\u0000\u001bbinary,file\n", "f.csv:1: needs the columns t_utc and requested (a replay's decisions.csv) or t_utc and replicas (a timeline); found ??binary,file")]
    [InlineData("t_utc,replicas\nyesterday,2\n", "f.csv:2: t_utc must be a time like")]
    [InlineData("t_utc,replicas\n2026-11-02T00:00:00Z,2,3\n", "f.csv:2: has 3 fields, the header has 2")]
    [InlineData("t_utc,replicas\n2026-11-02T00:01:00Z,2\n\n2026-11-02T00:00:00Z,2\n", "f.csv:4: t_utc is earlier than the row before")]
    [InlineData("t_utc,replicas\n2026-11-02T00:01:00Z,2\n2026-11-02T00:01:00Z,2\n", "f.csv:3: t_utc is the same time as the row before")]
    [InlineData(Decisions + "2026-11-02T00:00:00Z,100,2,2,120,maybe\n", "f.csv:2: violation must be 0 or 1, not \"MAYBE\"")]
    [InlineData(Decisions + "2026-11-02T00:00:00Z,100,2,2,60,0\n", "f.csv:2: violation is 0 but demand is 100 and capacity 60; if capacity is meant otherwise, pass --capacity-per-pod")]
    public void Read_OfABadFile_NamesFileAndRow(string text, string message)
    {
        var problem = Assert.Throws<CostInputException>(() => Read(text));

        Assert.StartsWith(message, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
    }

    private static ReplicaTimeline Read(string text, bool capacityPerPod = false) => ReplicaTimelineCsv.Read(new StringReader(text), "f.csv", capacityPerPod);
}
