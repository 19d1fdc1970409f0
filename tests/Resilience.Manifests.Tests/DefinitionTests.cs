using Resilience.Manifests.Tests.Schemas;
using YamlDotNet.RepresentationModel;

namespace Resilience.Manifests.Tests;

/// <summary>Our CustomResourceDefinitions are ones that a real server establishes.</summary>
public sealed class DefinitionTests
{
    public static TheoryData<string> Files => [.. ShippedManifests.Files.Where(f => ShippedManifests.Read(f).Contains("\nkind: CustomResourceDefinition", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Files))]
    public void Definition_IsStructural(string file)
    {
        var problems = Check(file, ShippedManifests.Read(file));
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Theory]
    [InlineData("type: boolean\n                  default: true", "default: true", "prescale: type is required")]
    [InlineData("reason: {type: string, maxLength: 1024, default: \"\"}", "reason: {type: string, maxLength: 1024, default: 7}", "(default): expected a word")]
    [InlineData("enum: [Required, NotRequired]", "enum: [Required, 7]", "(enum): expected a word")]
    [InlineData("required: [blueGreen, to]", "required: [blueGreen, too]", "required field 'too' is not defined")]
    [InlineData("x-kubernetes-list-map-keys: [type]", "x-kubernetes-list-map-keys: [kind]", "map key 'kind' must be a scalar field of the items")]
    [InlineData("x-kubernetes-list-type: map", "x-kubernetes-list-type: atomic", "belong together")]
    [InlineData("required: [type, status, lastTransitionTime", "required: [status, lastTransitionTime", "map key 'type' must be required")]
    [InlineData("maxItems: 16", "maxItems: 16\n                  uniqueItems: true", "uniqueItems must not be true")]
    [InlineData("maxItems: 16", "maxItems: 16\n                  minItems: 17", "minItems is above maxItems")]
    [InlineData("maxItems: 16", "maxItems: 16\n                  patternProperties: {}", "'patternProperties' is not allowed")]
    [InlineData("rule: \"self == oldSelf\"", "rule: \"(self == oldSelf\"", "the rule's brackets do not match")]
    [InlineData("message: a Switchover cannot be changed; create another", "messages: a", "a rule needs a message")]
    [InlineData("jsonPath: .spec.to}", "jsonPath: .spec.target}", "the schema has no .spec.target")]
    [InlineData("storage: true", "storage: false", "exactly one version must be the storage version")]
    [InlineData("name: switchovers.resilience.dev", "name: switchover.resilience.dev", "must be PLURAL.GROUP")]
    [InlineData("shortNames: [so]", "shortNames: [SO]", "must be in lower case")]
    [InlineData("            metadata: {type: object}", "            metadata: {type: object, required: [labels]}", "may restrict nothing but name and generateName")]
    [InlineData("spec:\n              type: object", "spec:\n              type: object\n              additionalProperties: {type: string}", "exclude each other")]
    public void Mistake_IsFound(string original, string mistake, string expected)
    {
        const string file = "k8s/crds/switchovers.yaml";
        var text = ShippedManifests.Read(file);
        var at = text.IndexOf(original, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{file} no longer contains '{original}'; write this row anew");
        var problems = Check(file, text[..at] + mistake + text[(at + original.Length)..]);
        Assert.Contains(problems, p => p.ToString().Contains(expected, StringComparison.Ordinal));
    }

    private static List<ManifestProblem> Check(string file, string text)
    {
        var problems = new List<ManifestProblem>();
        foreach (var document in ManifestValidator.Parse(file, text, problems).OfType<YamlMappingNode>())
        {
            problems.AddRange(new StructuralRules(file).Check(document));
        }

        return problems;
    }
}
