using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.Manifests.Tests.Workflows;

/// <summary>
/// The workflows can be read, keep to what they need, and name things that exist. Whether they run is known only where they run.
/// </summary>
public sealed partial class WorkflowTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, ".github", "workflows");
    private static readonly string[] Runners = ["ubuntu-latest", "macos-latest", "windows-latest"];
    private static readonly string[] WorkflowKeys = ["name", "on", "permissions", "concurrency", "env", "jobs", "defaults"];
    private static readonly string[] JobKeys = ["name", "runs-on", "timeout-minutes", "strategy", "steps", "needs", "if", "env", "permissions", "defaults"];
    private static readonly string[] StepKeys = ["name", "uses", "with", "run", "shell", "if", "env", "id", "working-directory", "continue-on-error", "timeout-minutes"];
    private static readonly string[] Contexts = ["github", "matrix", "env", "steps", "runner", "job", "needs", "inputs"];

    /// <summary>Projects that stand outside the default build may be written after the workflow that builds them.</summary>
    private static readonly string[] FullOnly = ["AppHost", "tests/Resilience.AppHost.Tests", "loadtests/Resilience.LoadTests"];

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Files))]
    public void Workflow_HasTheShapeThatGitHubReads(string file) => Assert.Empty(Check(Read(file)));

    [Theory, MemberData(nameof(Files))]
    public void Workflow_AsksForNoMoreThanReading(string file)
    {
        var text = Read(file);
        var permissions = Parse(text)["permissions"];
        Assert.Equal("""{"contents":"read"}""", permissions?.ToJsonString());
        Assert.DoesNotContain("secrets.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("pull_request_target", text, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\$\{\{\s*github\.(event|head_ref)", text);   // words of strangers do not belong into scripts
    }

    [Theory, MemberData(nameof(Files))]
    public void Workflow_NamesThingsThatExist(string file)
    {
        var text = Read(file);
        foreach (var project in ProjectPattern().Matches(text).Select(m => m.Groups[1].Value).Where(p => !p.Contains('$', StringComparison.Ordinal) && !FullOnly.Contains(p)))
        {
            Assert.True(Directory.Exists(Path.Combine(Repository.Root, project)), $"{file}: no project {project}");
        }

        foreach (var project in TestNamePattern().Matches(text).Select(m => m.Value).Where(p => !FullOnly.Any(f => f.EndsWith(p, StringComparison.Ordinal))))
        {
            Assert.True(Directory.Exists(Path.Combine(Repository.Root, "tests", project)), $"{file}: no project tests/{project}");
        }

        foreach (var folder in KustomizationPattern().Matches(text).Select(m => m.Groups[1].Value))
        {
            Assert.True(File.Exists(Path.Combine(Repository.Root, folder, "kustomization.yaml")), $"{file}: no folder {folder}");
        }

        foreach (var script in ScriptPattern().Matches(text).Select(m => m.Groups[1].Value))
        {
            Assert.True(File.Exists(Path.Combine(Repository.Root, script)), $"{file}: no script {script}");
        }
    }

    [Fact]
    public void Workflow_GivesNBomberOptionsThatItHas()
    {
        var program = File.ReadAllText(Path.Combine(Repository.Root, "loadtests", "Resilience.LoadTests", "Program.cs"));
        var line = Assert.Single(Read("full.yml").Split('\n'), line => line.Contains("loadtests/Resilience.LoadTests --", StringComparison.Ordinal));
        var options = line[line.IndexOf(" -- ", StringComparison.Ordinal)..].Split(' ').Where(word => word.StartsWith("--", StringComparison.Ordinal) && word.Length > 2).ToArray();
        Assert.NotEmpty(options);
        Assert.All(options, option => Assert.Contains($"(\"{option}\")", program, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("permissions:\n  contents: read\n", "", "permissions are missing")]
    [InlineData("actions/checkout@v5", "actions/checkout@main", "is not pinned to a major version")]
    [InlineData("actions/checkout@v5", "someone/checkout@v1", "is not one of GitHub's own actions")]
    [InlineData("runs-on: ubuntu-latest", "runs-on: ubuntu", "runs on 'ubuntu'")]
    [InlineData("    timeout-minutes: 60\n", "", "has no timeout-minutes")]
    [InlineData("        run: bash .ci/run\n", "", "neither uses nor run")]
    [InlineData("      - name: Build and test", "      - names: Build and test", "'names' is not a key of a step")]
    [InlineData("  push:\n    branches: [main]\n  pull_request:", "  pushed:\n    branches: [main]", "'pushed' is not an event")]
    [InlineData("${{ matrix.os }}", "${{ matrix.system }}", "matrix.system is not in the matrix")]
    [InlineData("${{ github.ref }}", "${{ githib.ref }}", "'githib' is not a context")]
    [InlineData("          global-json-file: global.json", "          global-json-file: 10", "must be a word")]
    [InlineData("run: dotnet build Resilience.sln", "run: dotnet run --no-build --configuration Full --project AppHost", "Full is a configuration of the solution alone")]
    [InlineData("run: dotnet build Resilience.sln", "run: kill -INT $lab", "do not hear INT")]
    public void Mistake_IsFound(string original, string mistake, string expected)
    {
        var text = Read("build.yml");
        var at = text.IndexOf(original, StringComparison.Ordinal);
        Assert.True(at >= 0, $"build.yml no longer contains '{original}'; write this row anew");
        Assert.Contains(Check(text[..at] + mistake + text[(at + original.Length)..]), problem => problem.Contains(expected, StringComparison.Ordinal));
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Folder, file));

    private static JsonObject Parse(string text) => YamlJson.Parse(text).Single().Document.AsObject();

    private static List<string> Check(string text)
    {
        var problems = new List<string>();
        var workflow = Parse(text);
        Unknown(workflow, WorkflowKeys, "a workflow", problems);
        if (workflow["permissions"] is null)
        {
            problems.Add("permissions are missing");
        }

        string[] events = ["push", "pull_request", "schedule", "workflow_dispatch", "workflow_call"];
        problems.AddRange((workflow["on"] as JsonObject ?? []).Select(e => e.Key).Where(e => !events.Contains(e)).Select(e => $"'{e}' is not an event"));
        foreach (var (name, job) in workflow["jobs"]!.AsObject())
        {
            Job(name, job!.AsObject(), workflow["jobs"]!.AsObject(), problems);
        }

        foreach (var context in ExpressionPattern().Matches(text).Select(m => m.Groups[1].Value).Where(c => !Contexts.Contains(c)))
        {
            problems.Add($"'{context}' is not a context");
        }

        return problems;
    }

    private static void Job(string name, JsonObject job, JsonObject jobs, List<string> problems)
    {
        Unknown(job, JobKeys, "a job", problems);
        var matrix = job["strategy"]?["matrix"]?.AsObject() ?? [];
        var runner = (string?)job["runs-on"] ?? "";
        var machines = MatrixPattern().Match(runner) is { Success: true } used ? matrix[used.Groups[1].Value]?.AsArray().Select(m => (string)m!) ?? [] : [runner];
        problems.AddRange(machines.Where(m => !Runners.Contains(m)).Select(m => $"{name} runs on '{m}'"));
        problems.AddRange(MatrixPattern().Matches(job.ToJsonString()).Select(m => m.Groups[1].Value).Where(key => !matrix.ContainsKey(key)).Select(key => $"matrix.{key} is not in the matrix"));
        if (job["timeout-minutes"] is null)
        {
            problems.Add($"{name} has no timeout-minutes");
        }

        var needed = job["needs"] switch { JsonArray list => list.Select(n => (string)n!), JsonValue one => [(string)one!], _ => [] };
        problems.AddRange(needed.Where(n => !jobs.ContainsKey(n)).Select(n => $"{name} needs {n}, which is no job"));
        foreach (var step in job["steps"]!.AsArray().Select(s => s!.AsObject()))
        {
            Step(name, step, problems);
        }
    }

    private static void Step(string job, JsonObject step, List<string> problems)
    {
        Unknown(step, StepKeys, "a step", problems);
        if (step.ContainsKey("uses") == step.ContainsKey("run"))
        {
            problems.Add($"a step of {job} has neither uses nor run, or both");
        }

        if ((string?)step["uses"] is { } action)
        {
            if (!PinPattern().IsMatch(action))
            {
                problems.Add($"{action} is not pinned to a major version");
            }

            if (!action.StartsWith("actions/", StringComparison.Ordinal))
            {
                problems.Add($"{action} is not one of GitHub's own actions");
            }
        }

        var script = (string?)step["run"] ?? "";
        if (ProjectInFullPattern().IsMatch(script))
        {
            problems.Add($"Full is a configuration of the solution alone, which builds its projects as Debug: {script}");
        }

        if (InterruptPattern().IsMatch(script))
        {
            problems.Add($"background programs of a script do not hear INT: {script}");
        }

        foreach (var (key, value) in step["with"]?.AsObject() ?? [])
        {
            if (value is not JsonValue word || !word.TryGetValue<string>(out _))
            {
                problems.Add($"{key} must be a word");
            }
        }
    }

    private static void Unknown(JsonObject item, string[] known, string what, List<string> problems) =>
        problems.AddRange(item.Select(f => f.Key).Where(k => !known.Contains(k)).Select(k => $"'{k}' is not a key of {what}"));

    [GeneratedRegex(@"^[\w.-]+/[\w./-]+@v[0-9]+$")]
    private static partial Regex PinPattern();

    [GeneratedRegex(@"\$\{\{\s*([a-z]+)[.\s]")]
    private static partial Regex ExpressionPattern();

    [GeneratedRegex(@"\$\{\{\s*matrix\.([a-z]+)\s*\}\}")]
    private static partial Regex MatrixPattern();

    [GeneratedRegex(@"kill (-(SIG)?INT|-2|-s (SIG)?INT)\b")]
    private static partial Regex InterruptPattern();

    [GeneratedRegex(@"--project ""?([\w./$-]+)")]
    private static partial Regex ProjectPattern();

    [GeneratedRegex(@"(?:-c|--configuration) Full\b.*--project|--project.*(?:-c|--configuration) Full\b")]
    private static partial Regex ProjectInFullPattern();

    [GeneratedRegex(@"\bResilience\.[A-Za-z]+(?:\.Tests\b)")]
    private static partial Regex TestNamePattern();

    [GeneratedRegex(@"-k (k8s/[a-z/]+)")]
    private static partial Regex KustomizationPattern();

    [GeneratedRegex(@"(?:bash |^\s+|run: )(\./lab|\.ci/run)\b", RegexOptions.Multiline)]
    private static partial Regex ScriptPattern();
}
