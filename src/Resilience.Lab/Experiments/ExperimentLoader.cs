using System.Globalization;
using Resilience.Lab.Cluster;
using Resilience.Lab.Drills;
using Resilience.Lab.Hosting;
using Resilience.Lab.Running;

namespace Resilience.Lab.Experiments;

/// <summary>Turns an experiment file into an <see cref="Experiment"/>, or into one line that says where it is wrong.</summary>
internal static class ExperimentLoader
{
    private static readonly string[] Targets = ["active", "standby", "blue", "green", "both", "leader"];
    private static readonly string[] ClusterKinds = [LabCluster.EmbeddedKind, LabCluster.KubernetesKind];

    public static Experiment Load(string file, TextReader text)
    {
        var root = YamlFields.Parse(file, text);
        var load = LoadReader.Read(root.Map("load"));
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
            file)
        {
            Overlay = root.OneOf("overlay", LabStackOptions.Traditional, LabStackOptions.Overlays),
            Cluster = ReadCluster(root),
            Slo = ReadSlo(root.Map("slo")),
        };
        experiment = WithVariants(root, experiment);
        root.RejectUnknown();
        return experiment.Expectations.Count > 0
            ? experiment
            : throw root.Error("expectations", "at least one expectation: without one a run proves nothing");
    }

    private static Experiment WithVariants(YamlFields root, Experiment experiment)
    {
        var variants = root.Maps("variants").Select(ReadVariant).ToArray();
        var names = variants.Select(variant => variant.Name).ToArray();
        if (variants.Length == 1 || names.Distinct(StringComparer.Ordinal).Count() < names.Length || variants.Length > 6)
        {
            throw root.Error("variants", "2 to 6 variants with different names");
        }

        if (variants.Length == 0 && root.Has("comparisons"))
        {
            throw root.Error("comparisons", "variants to compare");
        }

        return experiment with
        {
            Variants = variants,
            Comparisons = [.. root.Maps("comparisons").Select(comparison => ReadComparison(comparison, names))],
        };
    }

    private static ClusterSpec ReadCluster(YamlFields root) => new(
        root.Number("timeScale", ClusterSpec.Default.TimeScale, 1, 1_000),
        root.Whole("nodeCpu", ClusterSpec.Default.NodeCpu, 1, 64),
        Period(root, "hpaSyncPeriod", ClusterSpec.Default.HpaSyncPeriod),
        Period(root, "metricsResolution", ClusterSpec.Default.MetricsResolution));

    private static TimeSpan Period(YamlFields root, string key, TimeSpan fallback) => root.Time(key, fallback) is var period && period >= TimeSpan.FromSeconds(1) && period <= TimeSpan.FromHours(1)
        ? period
        : throw root.Error(key, "a time from 1s to 1h");

    private static SloSpec ReadSlo(YamlFields? fields)
    {
        if (fields is null)
        {
            return SloSpec.Default;
        }

        var slo = new SloSpec(fields.Number("errorRatio", SloSpec.Default.ErrorRatio, 0, 1), fields.Number("p95Ms", SloSpec.Default.P95Ms, 1, 60_000));
        fields.RejectUnknown();
        return slo;
    }

    private static VariantSpec ReadVariant(YamlFields fields)
    {
        var overlay = fields.Has("overlay") ? fields.OneOf("overlay", LabStackOptions.Traditional, LabStackOptions.Overlays) : null;
        var name = fields.Text("name");
        if (!name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-'))
        {
            throw fields.Error("name", "a word of letters, digits and hyphens");
        }

        var variant = new VariantSpec(
            name, fields.Text("title"), overlay, ReadSetup(fields.Map("setup")), [.. fields.Maps("expectations").Select(ReadExpectation)]);
        fields.RejectUnknown();
        return variant;
    }

    private static ComparisonSpec ReadComparison(YamlFields fields, IReadOnlyCollection<string> variants)
    {
        var name = fields.Text("name");
        var metric = fields.OneOf("metric", string.Empty, ExpectationMetrics.NumberNames);
        if (metric.Length == 0)
        {
            _ = fields.Text("metric");
        }

        string Variant(string key) => fields.OneOf(key, string.Empty, variants) is { Length: > 0 } named ? named : fields.Text(key);
        var of = Variant("of");
        if (fields.Has("lessThan") == fields.Has("noMoreThan"))
        {
            throw fields.Error("name", "exactly one of lessThan, noMoreThan beside the metric");
        }

        var less = fields.Has("lessThan");
        var comparison = new ComparisonSpec(name, metric, of, less, Variant(less ? "lessThan" : "noMoreThan"));
        fields.RejectUnknown();
        return comparison;
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
        var cpu = fields.Map("cpu") is { } requests
            ? requests.Keys().ToDictionary(name => name, name => ReadCpu(requests, name))
            : [];
        var targets = fields.Map("cpuTargetOfCapacity") is { } shares
            ? shares.Keys().ToDictionary(name => name, name => shares.Number(name, null, 5, 95))
            : [];
        fields.RejectUnknown();
        return new SetupSpec(replicas, env, patches) { Cpu = cpu, CpuTargetOfCapacity = targets };
    }

    private static string ReadCpu(YamlFields fields, string name) => fields.Text(name) is var text && text.EndsWith('m')
        && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var milli) && milli is >= 1 and <= 64_000
        ? text
        : throw fields.Error(name, "a CPU request like 100m");

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
        var cluster = fields.OneOf("cluster", string.Empty, ClusterKinds);
        fields.RejectUnknown();
        if (found.Length != 1)
        {
            throw fields.Error("name", "exactly one of atMost, atLeast, equals, is beside the metric");
        }

        return ExpectationMetrics.IsText(metric) == (found[0].Comparison == Comparison.Is)
            ? found[0] with { Cluster = cluster.Length == 0 ? null : cluster }
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
