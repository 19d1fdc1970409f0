namespace Resilience.Lab.Experiments;

/// <summary>Reads the part of an experiment file that says what is asked of the system.</summary>
internal static class LoadReader
{
    private static readonly string[] ArrivalKinds = ["constant", "poisson"];
    private static readonly string[] Shapes = ["diurnal", "trace"];

    public static LoadSpec Read(YamlFields? fields)
    {
        if (fields is null)
        {
            return new LoadSpec(200, TimeSpan.FromSeconds(60), "constant", 0.5, TimeSpan.FromSeconds(2), "/", []);
        }

        var course = ReadCourse(fields);
        var load = new LoadSpec(
            fields.Number("rps", 200, 0.1, 20_000),
            fields.Time("duration", TimeSpan.FromSeconds(60)),
            fields.OneOf("arrivals", "constant", ArrivalKinds),
            fields.Number("newConnectionRatio", 0.5, 0, 1),
            fields.Time("timeout", TimeSpan.FromSeconds(2)),
            fields.OptionalText("path") ?? "/",
            [.. fields.Maps("steps").Select(ReadStep)])
        {
            WarmUp = fields.Time("warmUp", TimeSpan.Zero),
            Course = course,
        };
        Check(fields, load);
        fields.RejectUnknown();
        return course is null ? load : load with { Rps = new DayCourse(course).RateAt(TimeSpan.Zero) };
    }

    private static void Check(YamlFields fields, LoadSpec load)
    {
        if (load.Duration < TimeSpan.FromSeconds(1) || load.Duration > TimeSpan.FromHours(1))
        {
            throw fields.Error("duration", "a time from 1s to 1h");
        }

        if (load.WarmUp >= load.Duration)
        {
            throw fields.Error("warmUp", $"less than the load's {load.Duration.TotalSeconds:0.#} s");
        }

        if (!load.Path.StartsWith('/'))
        {
            throw fields.Error("path", "a path that starts with /");
        }

        if (load.Course is not null && (fields.Has("rps") || fields.Has("steps")))
        {
            throw fields.Error(fields.Has("rps") ? "rps" : "steps", $"neither rps nor steps beside \"{load.Course.Shape}\": the day says how much");
        }
    }

    private static LoadStep ReadStep(YamlFields fields)
    {
        var step = new LoadStep(fields.Time("at", null), fields.Number("rps", null, 0.1, 20_000));
        fields.RejectUnknown();
        return step;
    }

    private static CourseSpec? ReadCourse(YamlFields load)
    {
        if (Shapes.Where(load.Has).ToArray() is not [var shape, .. var others])
        {
            return null;
        }

        if (others.Length > 0)
        {
            throw load.Error(others[0], "either diurnal or trace, not both");
        }

        var fields = load.Map(shape)!;
        var smooth = new CourseSpec
        {
            Shape = shape,
            LowRps = fields.Number("low", null, 0.1, 20_000),
            HighRps = fields.Number("high", null, 0.1, 20_000),
            LowAt = fields.TimeOfDay("lowAt", TimeSpan.FromHours(4)),
            StartsAt = fields.TimeOfDay("startsAt", null),
            HistoryDays = fields.Whole("historyDays", 14, 0, 28),
            Surges = [.. fields.Maps("surges").Select(ReadSurge)],
        };
        if (smooth.HighRps < smooth.LowRps)
        {
            throw fields.Error("high", "at least as much as low");
        }

        // A diurnal day is a cosine; a trace is what a service records.
        var course = shape == "diurnal" ? smooth : smooth with
        {
            SecondHarmonic = fields.Number("secondHarmonic", 0, 0, 0.5),
            LunchDip = fields.Number("lunchDip", 0, 0, 0.9),
            Weekend = fields.Number("weekend", 1, 0.05, 2),
            Noise = fields.Number("noise", 0, 0, 0.5),
            Seed = fields.Whole("seed", 1, 0, int.MaxValue),
            Bursts = [.. fields.Maps("bursts").Select(ReadBurst)],
        };
        fields.RejectUnknown();
        return course;
    }

    private static BurstSpec ReadBurst(YamlFields fields)
    {
        var burst = new BurstSpec(
            fields.TimeOfDay("at", null),
            fields.Time("for", null),
            fields.Number("factor", null, 1, 20),
            Rise(fields),
            fields.Time("jitter", TimeSpan.Zero),
            fields.Number("vary", 0, 0, 1),
            fields.Flag("weekdays", true));
        fields.RejectUnknown();
        return burst;
    }

    private static SurgeSpec ReadSurge(YamlFields fields)
    {
        DeclaredPeak? declared = null;
        if (fields.Map("declared") is { } entry)
        {
            declared = new DeclaredPeak(entry.Text("name"), entry.Whole("replicas", null, 1, 1_000));
            entry.RejectUnknown();
        }

        var surge = new SurgeSpec(fields.TimeOfDay("at", null), fields.Time("for", null), fields.Number("factor", null, 1, 20), Rise(fields), declared);
        fields.RejectUnknown();
        return surge;
    }

    private static TimeSpan Rise(YamlFields fields) => fields.Time("rise", TimeSpan.FromMinutes(2)) is var rise && rise > TimeSpan.Zero
        ? rise
        : throw fields.Error("rise", "a time above zero: demand never jumps in no time");
}
