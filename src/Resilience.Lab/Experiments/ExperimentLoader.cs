using Resilience.Lab.Drills;
using Resilience.Lab.Running;

namespace Resilience.Lab.Experiments;

/// <summary>Turns an experiment file into an <see cref="Experiment"/>, or into one line that says where it is wrong.</summary>
internal static class ExperimentLoader
{
    private static readonly string[] Targets = ["active", "standby", "blue", "green", "both", "leader"];
    private static readonly string[] ArrivalKinds = ["constant", "poisson"];

    public static Experiment Load(string file, TextReader text)
    {
        var root = YamlFields.Parse(file, text);
        var load = ReadLoad(root.Map("load"));
        var experiment = new Experiment(
            root.Text("name"),
            root.Text("title"),
            root.Text("description"),
            root.Text("hypothesis"),
            load,
            ReadSetup(root.Map("setup")),
            [.. root.Maps("drills").Select(drill => ReadDrill(drill, load.Duration))],
            ReadAbort(root.Map("abort")),
            [.. root.Maps("expectations").Select(ReadExpectation)],
            [.. root.Maps("notes").Select(ReadNote)],
            file);
        root.RejectUnknown();
        return experiment.Expectations.Count > 0
            ? experiment
            : throw root.Error("expectations", "at least one expectation: without one a run proves nothing");
    }

    private static LoadSpec ReadLoad(YamlFields? fields)
    {
        if (fields is null)
        {
            return new LoadSpec(200, TimeSpan.FromSeconds(60), "constant", 0.5, TimeSpan.FromSeconds(2), "/", []);
        }

        var load = new LoadSpec(
            fields.Number("rps", 200, 0.1, 20_000),
            fields.Time("duration", TimeSpan.FromSeconds(60)),
            fields.OneOf("arrivals", "constant", ArrivalKinds),
            fields.Number("newConnectionRatio", 0.5, 0, 1),
            fields.Time("timeout", TimeSpan.FromSeconds(2)),
            fields.OptionalText("path") ?? "/",
            [.. fields.Maps("steps").Select(ReadStep)]);
        if (load.Duration < TimeSpan.FromSeconds(1) || load.Duration > TimeSpan.FromHours(1))
        {
            throw fields.Error("duration", "a time from 1s to 1h");
        }

        if (!load.Path.StartsWith('/'))
        {
            throw fields.Error("path", "a path that starts with /");
        }

        fields.RejectUnknown();
        return load;
    }

    private static LoadStep ReadStep(YamlFields fields)
    {
        var step = new LoadStep(fields.Time("at", null), fields.Number("rps", null, 0.1, 20_000));
        fields.RejectUnknown();
        return step;
    }

    private static SetupSpec ReadSetup(YamlFields? fields)
    {
        if (fields is null)
        {
            return SetupSpec.None;
        }

        var replicas = fields.Map("replicas") is { } counts
            ? counts.Keys().ToDictionary(name => name, name => (int)counts.Number(name, null, 0, 100))
            : [];
        var env = fields.Map("env") is { } deployments
            ? deployments.Keys().ToDictionary(name => name, name => (IReadOnlyDictionary<string, string>)ReadEnv(deployments.Map(name)!))
            : [];
        var patches = fields.Maps("patches").Select(patch =>
        {
            var read = new ManifestPatch(patch.Text("kind"), patch.Text("name"), patch.Json("merge"));
            patch.RejectUnknown();
            return read;
        }).ToArray();
        fields.RejectUnknown();
        return new SetupSpec(replicas, env, patches);
    }

    private static Dictionary<string, string> ReadEnv(YamlFields fields) =>
        fields.Keys().ToDictionary(name => name, fields.Text);

    private static DrillSpec ReadDrill(YamlFields fields, TimeSpan duration)
    {
        var fault = fields.OneOf("fault", string.Empty, FaultCatalog.Names);
        if (fault.Length == 0)
        {
            _ = fields.Text("fault");
        }

        var kind = FaultCatalog.Find(fault);
        var parameters = kind.Parameters
            .Where(parameter => fields.Has(parameter.Name))
            .ToDictionary(parameter => parameter.Name, parameter => fields.Number(parameter.Name, null, parameter.Min, parameter.Max));
        var drill = new DrillSpec(
            fault,
            fields.OneOf("target", kind.OnLeader ? "leader" : "active", Targets),
            fields.Time("at", null),
            fields.Time("for", TimeSpan.Zero),
            parameters);
        fields.RejectUnknown();
        return drill.At + drill.For <= duration
            ? drill
            : throw fields.Error("at", $"a drill that ends within the {duration.TotalSeconds:0} s of load");
    }

    private static AbortSpec ReadAbort(YamlFields? fields)
    {
        if (fields is null)
        {
            return new AbortSpec(0.5, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(15));
        }

        var abort = new AbortSpec(
            fields.Number("errorRatioAbove", 0.5, 0, 1),
            fields.Time("over", TimeSpan.FromSeconds(15)),
            fields.Time("noReplyFor", TimeSpan.FromSeconds(15)));
        fields.RejectUnknown();
        return abort;
    }

    private static ExpectationSpec ReadExpectation(YamlFields fields)
    {
        var name = fields.Text("name");
        var metric = fields.OneOf("metric", string.Empty, ExpectationMetrics.Names);
        if (metric.Length == 0)
        {
            _ = fields.Text("metric");
        }

        ExpectationSpec[] found =
        [
            .. Bound(fields, name, metric, "atMost", Comparison.AtMost),
            .. Bound(fields, name, metric, "atLeast", Comparison.AtLeast),
            .. Bound(fields, name, metric, "equals", Comparison.Equal),
            .. fields.OptionalText("is") is { } text ? [new ExpectationSpec(name, metric, Comparison.Is, 0, text)] : Array.Empty<ExpectationSpec>(),
        ];
        fields.RejectUnknown();
        if (found.Length != 1)
        {
            throw fields.Error("name", "exactly one of atMost, atLeast, equals, is beside the metric");
        }

        return ExpectationMetrics.IsText(metric) == (found[0].Comparison == Comparison.Is)
            ? found[0]
            : throw fields.Error("metric", ExpectationMetrics.IsText(metric) ? "\"is\" with this metric: it is a word" : "atMost, atLeast or equals with this metric: it is a number");
    }

    private static ExpectationSpec[] Bound(YamlFields fields, string name, string metric, string key, Comparison comparison) =>
        fields.Has(key) ? [new ExpectationSpec(name, metric, comparison, fields.Number(key, null, -1e12, 1e12), null)] : [];

    private static NoteSpec ReadNote(YamlFields fields)
    {
        var note = new NoteSpec(fields.Time("at", null), fields.Text("text"));
        fields.RejectUnknown();
        return note;
    }
}
