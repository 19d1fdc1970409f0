using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ClusterAccess.Tests.Resources;

public sealed partial class DurationConverterTests
{
    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("2s", 2_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1h0.5s", 3_600_500)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("90m", 5_400_000)]
    [InlineData("0s", 0)]
    [InlineData("0", 0)]
    [InlineData("1000000h", 3_600_000_000_000)]
    public void TryParse_AsKubernetesWritesThem_IsRead(string text, long milliseconds)
    {
        Assert.True(DurationConverter.TryParse(text, out var value));
        Assert.Equal(milliseconds, value.TotalMilliseconds);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("1 s")]
    [InlineData(" 1s")]
    [InlineData("1s ")]
    [InlineData("1d")]
    [InlineData("1S")]
    [InlineData("1us")]
    [InlineData(".s")]
    [InlineData("1.2.3s")]
    [InlineData("1e3s")]
    [InlineData("00:00:05")]
    [InlineData("1000001h")]
    [InlineData("1s2")]
    [InlineData("1000000h1000000h1000000h1000000h1000000h")]   // longer than the schema takes
    public void TryParse_AnythingElse_IsRefusedAndLeavesZero(string? text)
    {
        Assert.False(DurationConverter.TryParse(text, out var value));
        Assert.Equal(TimeSpan.Zero, value);
    }

    [Theory]
    [InlineData(250, "250ms")]
    [InlineData(2_000, "2s")]
    [InlineData(1_500, "1.5s")]
    [InlineData(90_000, "1m30s")]
    [InlineData(3_600_000, "1h")]
    [InlineData(86_400_000, "24h")]
    [InlineData(0, "0s")]
    public void Format_IsTheShortestForm(long milliseconds, string text) => Assert.Equal(text, DurationConverter.Format(TimeSpan.FromMilliseconds(milliseconds)));

    [Fact]
    public void Format_AnyDuration_IsReadBackAndPassesTheSchema() =>
        Gen.Long[0, 999_999L * 3_600_000].Select(milliseconds => TimeSpan.FromMilliseconds(milliseconds)).Sample(value =>
        {
            var text = DurationConverter.Format(value);
            Assert.True(DurationConverter.TryParse(text, out var back), text);
            Assert.Equal(value, back);
            Assert.Matches(SchemaPattern(), text);
            Assert.InRange(text.Length, 1, 32);
        });

    [Fact]
    public void TryParse_AnyText_NeverThrows() =>
        Gen.OneOf(Gen.String, Gen.String[Gen.Char["0123456789.hms -"], 0, 40]).Sample(text => DurationConverter.TryParse(text, out var value) || value == TimeSpan.Zero);

    [Theory]
    [InlineData("""{"stableFor":"soon"}""")]
    [InlineData("""{"stableFor":5}""")]
    [InlineData("""{"stableFor":{}}""")]
    public void Read_NoDuration_IsAJsonException(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<FailbackSpec>(json, ClusterJson.Options));

    [Fact]
    public void Read_Null_IsTheDefault() => Assert.Null(JsonSerializer.Deserialize<FailbackSpec>("""{"stableFor":null}""", ClusterJson.Options)!.StableFor);

    /// <summary>As in k8s/crds/bluegreens.yaml; <see cref="SchemaTests"/> holds the two together.</summary>
    [GeneratedRegex(@"^([0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h))+$")]
    internal static partial Regex SchemaPattern();
}
