using System.Globalization;
using System.Text;
using CsCheck;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class ExpositionParserTests
{
    private static readonly string[] Starts = ["m", "m{", "m{a=", "m{a=\"", "{\"", "# ", "x"];

    [Theory]
    [InlineData("m 1", 1)]
    [InlineData("m 1\n", 1)]
    [InlineData("m 1\r\n", 1)]
    [InlineData("  m\t 1e3 ", 1_000)]
    [InlineData("m{} 2", 2)]
    [InlineData("m 3 1714000000000", 3)]                                         // timestamp in milliseconds
    [InlineData("m 3 1714000000.123", 3)]                                        // OpenMetrics: in seconds
    [InlineData("m{a=\"x\",} 4", 4)]                                             // a comma at the end is allowed
    [InlineData("m { a = \"x\" , b=\"y\" } 5", 5)]
    [InlineData("m{a=\"x\"}6", 6)]
    [InlineData("m_total 1\nm 7 # {trace_id=\"a b\"} 0.5 1714.2", 7)]            // exemplar
    [InlineData("m 7 1714.1 # {trace_id=\"x\"} 0.5", 7)]
    [InlineData("# HELP m words { \" and # signs\n# TYPE m counter\n\nm 8", 8)]
    [InlineData("m{a=\"}\"} 9", 9)]
    [InlineData("m{a=\"1 # 2\"} 10", 10)]
    [InlineData("m +Inf", double.PositiveInfinity)]
    [InlineData("m -inf", double.NegativeInfinity)]
    [InlineData("m NaN", double.NaN)]
    [InlineData("m 0.000001", 1e-6)]
    [InlineData("m -4", -4)]
    [InlineData("{\"m\"} 11", 11)]                                               // Prometheus 3 quotes names
    [InlineData("{\"m\",a=\"x\"} 12", 12)]
    [InlineData("other{broken 1\nm 13", 13)]                                     // lines of others are not read
    [InlineData("m 14\n# EOF\nm 15", 14)]
    [InlineData("mm 1\nm 16\nm_count 2", 16)]
    public void Parse_WhatExportersWrite_IsRead(string page, double value)
    {
        var (samples, problem) = Parse(page);
        Assert.Null(problem);
        Assert.Equal(value, Assert.Single(samples).Value);
        Assert.Equal("m", samples[0].Name);
    }

    [Theory]
    [InlineData("m", "line 1 cannot be read: m")]
    [InlineData("a 1\nm one", "line 2 cannot be read: m one")]
    [InlineData("m 1 yesterday", "line 1 cannot be read")]
    [InlineData("m 1 2 3", "line 1 cannot be read")]
    [InlineData("m{a=\"x} 1", "line 1 cannot be read")]
    [InlineData("m{a=\"x\" 1", "line 1 cannot be read")]
    [InlineData("m{a=x} 1", "line 1 cannot be read")]
    [InlineData("m{=\"x\"} 1", "line 1 cannot be read")]
    [InlineData("m{a=\"x\" b=\"y\"} 1", "line 1 cannot be read")]
    [InlineData("m{a=\"x\",a=\"y\"} 1", "line 1 cannot be read")]
    [InlineData("m{", "line 1 cannot be read")]
    [InlineData("m{a=\"\\", "line 1 cannot be read")]
    [InlineData("m 1,5", "line 1 cannot be read")]
    [InlineData("m 0x10", "line 1 cannot be read")]
    [InlineData("m 1e999", "line 1 cannot be read")]
    [InlineData("m (1)", "line 1 cannot be read")]
    public void Parse_AWantedLineThatIsBroken_SpoilsThePage(string page, string problem)
    {
        var answer = Parse(page + "\nm 5\n");
        Assert.Empty(answer.Samples);
        Assert.StartsWith(problem, answer.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Escapes_AreUndone()
    {
        var (samples, _) = Parse("""m{path="C:\\dir\n\"x\"",raw="\d",u="é"} 1""");
        Assert.Equal("C:\\dir\n\"x\"", samples[0].Labels["path"]);
        Assert.Equal("\\d", samples[0].Labels["raw"]);
        Assert.Equal("é", samples[0].Labels["u"]);
    }

    [Fact]
    public void Parse_TooManyLines_IsRefused()
    {
        var page = new StringBuilder();
        for (var i = 0; i <= ExpositionParser.MaxSamples; i++)
        {
            page.Append(CultureInfo.InvariantCulture, $"m{{i=\"{i}\"}} 1\n");
        }

        Assert.Equal("has more than 50000 lines of m", Parse(page.ToString()).Problem);
        Assert.Contains("cannot be read", Parse("m{" + string.Join(',', Enumerable.Range(0, 100).Select(i => $"l{i}=\"x\"")) + "} 1").Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OfWhatWasWritten_GivesItBack() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 8], Gen.String[0, 12], Gen.Double).Array[1, 20].Sample(rows =>
        {
            var page = string.Concat(rows.Select((row, i) => string.Create(CultureInfo.InvariantCulture, $"m{{l{row.Item1}=\"{Escape(row.Item2)}\"}} {Number(row.Item3)} {i}\n")));
            var (samples, problem) = Parse(page);
            Assert.Null(problem);
            Assert.Equal(
                rows.Select(row => ($"l{row.Item1}", AsUtf8(row.Item2), row.Item3)),
                samples.Select(sample => (sample.Labels.Single().Key, sample.Labels.Single().Value, sample.Value)));
        });

    [Fact]
    public void Parse_AnyBytes_NeverThrows() =>
        Gen.Select(Gen.Int[0, Starts.Length - 1].Select(i => Starts[i]), Gen.Byte.Array[0, 60]).Array[0, 6].Sample(parts =>
        {
            byte[] page = [.. parts.SelectMany(part => Encoding.UTF8.GetBytes(part.Item1).Concat(part.Item2).Append((byte)'\n'))];
            var (samples, problem) = ExpositionParser.Parse(page, ["m"]);
            Assert.True(problem is null || samples.Count == 0);
            Assert.DoesNotContain('\n', problem ?? "");
        });

    private static Exposition Parse(string page) => ExpositionParser.Parse(Encoding.UTF8.GetBytes(page), ["m"]);

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string AsUtf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
