using System.Globalization;
using CsCheck;
using Resilience.Control.Forecasting;

namespace Resilience.Control.Tests.Forecasting;

public sealed class DemandCsvTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2026-03-01T00:00:00Z,5")]
    [InlineData("\uFEFF2026-03-01T00:00:00Z , 5 ")]
    [InlineData("\"2026-03-01 00:00:00\",\"5\"")]                  // UTC unless it says otherwise
    [InlineData("2026-03-01T01:00:00+01:00,5.0")]
    [InlineData("1772323200,5")]
    [InlineData("1772323200.000,5")]
    [InlineData("1772323200000,5")]
    [InlineData("time,requests_per_second\n1772323200,5")]
    [InlineData("\n host, Timestamp ,VALUE\n\na,1772323200,5\n")]
    public void Read_WaysToWriteARow_AreOne(string csv)
    {
        var row = Assert.Single(DemandCsv.Read(new StringReader(csv)));
        Assert.Equal((Start, 5d), (row.At, row.Value));
    }

    [Theory]
    [InlineData("2026,5", 1, "has no column named")]               // a year is no instant, so this is a header
    [InlineData("time,value\n2026,5", 2, "\"2026\" is not a time")]
    [InlineData("time,value\n1e300,5", 2, "\"1e300\" is not a time")]
    [InlineData("time,value\nNaN,5", 2, "\"NaN\" is not a time")]
    [InlineData("1772323200,5\n1772323260,5,1", 2, "has 3 columns, the first line has 2")]
    [InlineData("1772323200,5\n1772323200,5", 2, "1772323200 appears twice")]
    [InlineData("1772323200,5\n1772323140,5", 2, "1772323140 is earlier than the row before")]
    [InlineData("1772323200,1e999", 1, "\"1e999\" is not a number")]
    [InlineData(" \n\n", 0, "the file is empty")]
    public void Read_WhatIsNoRow_NamesTheLine(string csv, int line, string message)
    {
        var problem = Assert.Throws<DemandCsvException>(() => DemandCsv.Read(new StringReader(csv)).ToList());
        Assert.Equal(line, problem.Line);
        Assert.StartsWith(message, problem.Message, StringComparison.Ordinal);
        Assert.StartsWith(line == 0 ? "f.csv: " : $"f.csv:{line}: ", problem.At("f.csv"), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfWhatWasWritten_GivesItBack() =>
        Gen.Select(Gen.Int[1, 100_000], Gen.Double[0, 1e9], Gen.Bool).Array[1, 50].Sample(rows =>
        {
            var at = Start;
            var expected = rows.Select(row => (At: at = at.AddSeconds(row.Item1), Value: row.Item3 ? double.NaN : row.Item2)).ToList();
            var csv = "time,value\n" + string.Concat(expected.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.At:O},{(double.IsNaN(row.Value) ? "" : row.Value.ToString("R", CultureInfo.InvariantCulture))}\n")));
            Assert.Equal(expected, DemandCsv.Read(new StringReader(csv)).Select(row => (row.At, row.Value)));
        });
}
