using System.Globalization;
using CsCheck;
using Resilience.Cost.Output;

namespace Resilience.Cost.Tests.Output;

public sealed class FiguresTests
{
    [Theory]
    [InlineData("0", "0.00")]
    [InlineData("43.8", "43.80")]
    [InlineData("31.285714285716", "31.2857")]
    [InlineData("1234567.891", "1,234,567.89")]
    [InlineData("0.000123456789", "0.000123457")]   // small money is never 0.00
    [InlineData("-87.6", "-87.60")]
    public void Usd_KeepsSixDigits(string amount, string printed) => Assert.Equal(printed, Figures.Usd(decimal.Parse(amount, CultureInfo.InvariantCulture)));

    [Fact]
    public void Usd_AsPrinted_IsWithinAHundredthOfAPercent() =>
        Gen.Select(Gen.Int[1, 999_999_999], Gen.Int[0, 14]).Sample((digits, places) =>
        {
            var amount = digits / (decimal)Math.Pow(10, places);
            var printed = decimal.Parse(Figures.Usd(amount), NumberStyles.Number, CultureInfo.InvariantCulture);
            Assert.True(amount < 0.00000001m || Math.Abs(printed - amount) <= 0.0001m * amount, $"{amount} printed as {printed}");
        });
}
