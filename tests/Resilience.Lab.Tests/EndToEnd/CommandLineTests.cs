using Resilience.Lab.Cli;

namespace Resilience.Lab.Tests.EndToEnd;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("there is no experiment \"outge\". Did you mean \"outage\"?", "run", "outge")]
    [InlineData("there is no fault \"crahs\". Did you mean \"crash\"?", "chaos", "crahs", "blue")]
    [InlineData("there is no slot \"bleu\". Did you mean \"blue\"?", "chaos", "crash", "bleu")]
    [InlineData("there is no slot \"gren\". Did you mean \"green\"?", "switchover", "gren")]
    [InlineData("\"rnu\" is not a known command of ./lab. Did you mean \"run\"?", "rnu")]
    [InlineData("\"--repaet\" is not a known option of ./lab run. Did you mean \"--repeat\"?", "run", "outage", "--repaet")]
    [InlineData("\"5x\" is not a time", "load", "--duration", "5x")]
    [InlineData("there is no file mine.yaml", "run", "mine.yaml")]
    [InlineData("no lab runs in", "status")]
    [InlineData("no lab runs in", "explain", "latest")]
    [InlineData("\"newest\" is no decision", "explain", "newest")]
    [InlineData("--scaler goes with \"latest\" only", "explain", "3", "--scaler", "web")]
    [InlineData("no lab runs in", "ledger")]
    [InlineData("there is no kind of entry \"decisions\". Did you mean \"decision\"?", "ledger", "--kind", "decisions")]
    [InlineData("--limit must be a number from 1 to 500", "ledger", "--limit", "0")]
    [InlineData("--verify and --follow exclude each other", "ledger", "--verify", "--follow")]
    [InlineData("no lab runs in", "learned")]
    [InlineData("no lab runs in", "learned", "list")]
    [InlineData("\"a/b/c\" is no scaler", "learned", "reset", "a/b/c")]
    [InlineData("kubeconfig absent does not exist", "deploy", "--kubeconfig", "absent")]
    [InlineData("Option '--blue' is required", "adopt", "--service", "s", "--green", "g")]
    [InlineData("there is no image \"resilience-wep\". Did you mean \"resilience-web\"?", "images", "build", "--only", "resilience-wep")]
    [InlineData("holds no image archives. Make them with \"./lab images build\"", "images", "load", "--from", "nowhere")]
    [InlineData("\"--only-this\" is not a known option of ./lab images build. See ./lab images build --help.", "images", "build", "--only-this")]
    [InlineData("\"Bad_Name\" cannot be the name of a BlueGreen", "adopt", "--service", "s", "--blue", "b", "--green", "g", "--name", "Bad_Name", "--yes")]
    [InlineData("--tag \"a b\" is not a tag", "images", "build", "--tag", "a b")]
    [InlineData("--tag \":1\" is not a tag", "deploy", "--tag", ":1")]
    [InlineData("--image-prefix \"docker.io/Team\" is not registry and path of images, in lower case", "deploy", "--image-prefix", "docker.io/Team")]
    [InlineData("\"web:80\" is not an http or https address", "run", "outage", "--context", "c", "--url", "web:80")]
    [InlineData("Must be one of: 'lab' 'job'.", "run", "outage", "--load-from", "pod")]
    [InlineData("--repeat must be a number from 1 to 100", "run", "outage", "--repeat", "0")]
    public async Task BadInput_IsOneLineOnStderr_AndExitCode2(string expected, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = await LabProcess.RunAsync(folder.Path, arguments);

        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", error.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Url_IsRead() => Assert.Equal(
        new Uri("http://127.0.0.1:30080/"), LabCommandLine.Create().Parse(["run", "outage", "--context", "c", "--url", "http://127.0.0.1:30080/"]).GetValue<Uri>("--url"));

    [Fact]
    public async Task Help_NamesEveryCommand()
    {
        using var folder = new TemporaryFolder();
        var (code, output, _) = await LabProcess.RunAsync(folder.Path, "--help");

        Assert.Equal(0, code);
        Assert.Contains("\n  ./lab [command] [options]", output, StringComparison.Ordinal);   // what a person types, not the program's file
        Assert.All(["up", "status", "open", "load", "chaos", "experiments", "run", "switchover", "explain", "ledger", "learned", "bench", "deploy", "adopt", "images", "offline", "prometheus", "cleanup", "doctor"],
            command => Assert.Contains($"\n  {command} ", output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Experiments_AsJson_IsJsonOnly()
    {
        using var folder = new TemporaryFolder();
        var (code, output, _) = await LabProcess.RunAsync(folder.Path, "experiments", "--json");

        Assert.Equal(0, code);
        Assert.Equal(18, System.Text.Json.JsonDocument.Parse(output).RootElement.GetArrayLength());
    }
}
