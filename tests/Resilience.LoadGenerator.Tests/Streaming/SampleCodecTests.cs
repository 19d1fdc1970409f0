using CsCheck;
using Resilience.LoadGenerator.Streaming;

namespace Resilience.LoadGenerator.Tests.Streaming;

public sealed class SampleCodecTests
{
    private static readonly Gen<Sample> Samples = Gen.Select(
        Gen.Long[0, 86_400_000_000], Gen.Long[-1_000, 600_000_000], Gen.Int[0, Enum.GetValues<Outcome>().Length - 1], Gen.Byte[0, 15],
        static (intended, latency, outcome, slot) => new Sample(intended, intended + latency, (Outcome)outcome, slot));

    [Fact]
    public void Decode_OfWhatWasEncoded_IsTheSame_InAnyOrder() =>
        Samples.Array[0, 600].Sample(static samples => Assert.Equal(samples, SampleCodec.Decode(SampleCodec.Encode(samples))));

    /// <summary>So that a line stays below the size at which container runtimes cut it, and a run below that of a log.</summary>
    [Fact]
    public void Encoded_TwoHundredRequestsASecond_TakeEightBytesEach()
    {
        var random = new Random(1);
        Sample[] samples = [.. Enumerable.Range(0, LoadLine.MostRequests).Select(i => new Sample(i * 5_000L, (i * 5_000L) + random.Next(400, 12_000), Outcome.Ok, 1))];
        Assert.InRange(SampleCodec.Encode(samples).Length / (double)samples.Length, 4, 8);
    }

    [Fact]
    public void Encoded_LongestLine_IsBelowTheLimitOfContainerRuntimes()
    {
        Sample[] samples = [.. Enumerable.Range(0, LoadLine.MostRequests).Select(i => new Sample(i % 2 * 300_000_000L, 600_000_000L, Outcome.NotSent, 15))];
        var line = new LoadLine
        {
            Kind = LoadLine.Requests, N = int.MaxValue, Us = 86_400_000_000, InFlight = 20_000, Slots = [.. Enumerable.Repeat(new string('s', 64), 16)],
            Samples = SampleCodec.Encode(samples), Generator = new(0.123456789012, 0.123456789012, 0.123456789012, 1_000_000, 1_000_000, 0),
        };
        Assert.InRange(line.ToJson().Length, 1, 16 * 1024);
    }

    [Theory]
    [InlineData("gA==")]   // a number that goes on
    [InlineData("AAA=")]   // no outcome
    [InlineData("AADw")]   // outcome 15
    [InlineData("!")]
    public void Decode_OfSomethingElse_IsRefused(string text) => Assert.Throws<FormatException>(() => SampleCodec.Decode(text));
}
