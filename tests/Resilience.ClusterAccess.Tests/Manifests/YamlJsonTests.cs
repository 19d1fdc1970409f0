using Resilience.ClusterAccess.Manifests;
using YamlDotNet.Core;

namespace Resilience.ClusterAccess.Tests.Manifests;

public sealed class YamlJsonTests
{
    [Theory]
    [InlineData("a: 1", """{"a":1}""")]
    [InlineData("a: -7", """{"a":-7}""")]
    [InlineData("a: 0", """{"a":0}""")]
    [InlineData("a: 0644", """{"a":420}""")]             // a file mode
    [InlineData("a: 0o644", """{"a":420}""")]
    [InlineData("a: 0x1f", """{"a":31}""")]
    [InlineData("a: 0899", """{"a":899}""")]             // no octal digits
    [InlineData("a: 0.5", """{"a":0.5}""")]
    [InlineData("a: 1e3", """{"a":1000}""")]
    [InlineData("a: 12e5678", """{"a":"12e5678"}""")]    // a commit's hash, beyond any double
    [InlineData("a: -Infinity", """{"a":"-Infinity"}""")]
    [InlineData("a: 10m", """{"a":"10m"}""")]
    [InlineData("a: 1.2.3", """{"a":"1.2.3"}""")]
    [InlineData("a: true", """{"a":true}""")]
    [InlineData("a: 'true'", """{"a":"true"}""")]
    [InlineData("a: \"8080\"", """{"a":"8080"}""")]
    [InlineData("a: !!str 8080", """{"a":"8080"}""")]
    [InlineData("a: ~", """{"a":null}""")]
    [InlineData("a:", """{"a":null}""")]
    [InlineData("a: ''", """{"a":""}""")]
    [InlineData("a: |\n  one\n  2", """{"a":"one\n2"}""")]
    [InlineData("a: &x {b: [1, two]}\nc: *x", """{"a":{"b":[1,"two"]},"c":{"b":[1,"two"]}}""")]
    public void Parse_Document_IsWhatKubectlReads(string yaml, string json) =>
        Assert.Equal(json, Assert.Single(YamlJson.Parse(yaml)).Document.ToJsonString());

    [Theory]
    [InlineData("a: yes", "'yes' is ambiguous", 1)]
    [InlineData("a:\n  b: Off", "'Off' is ambiguous", 2)]
    [InlineData("a: 1\na: 2", "Duplicate key", 2)]
    [InlineData("a: &x {b: 1}\nc:\n  <<: *x", "merge keys", 3)]
    [InlineData("? [a]\n: 1", "a key must be a plain word", 1)]
    [InlineData("a: &x [*x]", "nested deeper", 1)]
    [InlineData("a: 1\nb: ]", "", 2)]
    public void Parse_WhatToolsReadDifferently_IsRefusedWithItsPlace(string yaml, string words, int line)
    {
        var refusal = Assert.ThrowsAny<YamlException>(() => YamlJson.Parse(yaml));
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(line, refusal.Start.Line);
    }

    [Fact]
    public void Parse_SeveralDocuments_LeavesEmptyOnesOutAndTellsTheirLines()
    {
        var found = YamlJson.Parse("# only a comment\n---\na: 1\n---\n---\n# more\nb: 2\n...\n");
        Assert.Equal(["""{"a":1}""", """{"b":2}"""], found.Select(f => f.Document.ToJsonString()));
        Assert.Equal([3, 7], found.Select(f => f.Line));
    }
}
