using System.Globalization;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Cluster;

/// <summary>Turns a BlueGreen's spec into limits. What the spec leaves out has the schema's default, which is also the code's.</summary>
/// <param name="Limits">Usable even with an objection, so that the mode is known.</param>
/// <param name="Probe">Null without active probing.</param>
/// <param name="Objection">Why the spec cannot be used: names the field, the value and what is accepted. Null when it can.</param>
internal sealed record BlueGreenRules(FailoverLimits Limits, ProbeSettings? Probe, string? Objection)
{
    private static readonly ProbeSettings DefaultProbe = new("/healthz", 8080, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(250), 3);

    public static BlueGreenRules Read(BlueGreenSpec spec)
    {
        var reader = new Reader();
        var limits = reader.Limits(spec);
        var probe = spec.Health?.Probe is { } asked ? reader.Probe(asked) : null;
        reader.Structure(spec);
        // A probe of another pod may begin an interval after the first failure, and take its whole time.
        return new(probe is null ? limits : limits with { DoubtAfter = probe.Interval + probe.Timeout }, probe, reader.Objection);
    }

    private sealed class Reader
    {
        private static readonly FailoverLimits Defaults = new();

        public string? Objection { get; private set; }

        public FailoverLimits Limits(BlueGreenSpec spec)
        {
            var failover = spec.Failover ?? new();
            var limits = new FailoverLimits
            {
                Mode = Word("mode", spec.Mode, Defaults.Mode),
                Preferred = Word("preferred", spec.Preferred, Defaults.Preferred),
                MinReady = Threshold(spec.Health?.MinReady),
                ReadyFor = Time("health.readyFor", spec.Health?.ReadyFor, Defaults.ReadyFor, TimeSpan.Zero, TimeSpan.FromMinutes(10)),
                ConfirmAfter = Time("failover.confirmAfter", failover.ConfirmAfter, Defaults.ConfirmAfter, TimeSpan.Zero, TimeSpan.FromHours(1)),
                HoldDown = Time("failover.holdDown", failover.HoldDown, Defaults.HoldDown, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
                MaxHoldDown = Time("failover.maxHoldDown", failover.MaxHoldDown, Defaults.MaxHoldDown, TimeSpan.FromSeconds(1), TimeSpan.FromDays(7)),
                RescueInterval = Time("failover.rescueInterval", failover.RescueInterval, Defaults.RescueInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
                MaxRescueInterval = Time("failover.maxRescueInterval", failover.MaxRescueInterval, Defaults.MaxRescueInterval, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
                CapacityPercent = Number("failover.capacityPercent", failover.CapacityPercent, Defaults.CapacityPercent, 1, 1000),
                Prescale = failover.Prescale ?? Defaults.Prescale,
                PrescaleTimeout = Time("failover.prescaleTimeout", failover.PrescaleTimeout, Defaults.PrescaleTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
                FloorHold = Time("failover.floorHold", failover.FloorHold, Defaults.FloorHold, TimeSpan.Zero, TimeSpan.FromHours(12)),
                VerifyFor = Time("failover.verifyFor", failover.VerifyFor, Defaults.VerifyFor, TimeSpan.Zero, TimeSpan.FromHours(1)),
                Failback = Word("failback.policy", spec.Failback?.Policy, Defaults.Failback),
                StableFor = Time("failback.stableFor", spec.Failback?.StableFor, Defaults.StableFor, TimeSpan.FromSeconds(1), TimeSpan.FromDays(7)),
                BothDown = Word("bothDown", spec.BothDown, Defaults.BothDown),
            };
            Object(limits.MaxHoldDown < limits.HoldDown, "failover.maxHoldDown must not be shorter than failover.holdDown");
            Object(limits.MaxRescueInterval < limits.RescueInterval, "failover.maxRescueInterval must not be shorter than failover.rescueInterval");
            return limits;
        }

        public ProbeSettings Probe(ProbeSpec spec)
        {
            var probe = new ProbeSettings(
                spec.Path ?? DefaultProbe.Path,
                Number("health.probe.port", spec.Port, DefaultProbe.Port, 1, 65535),
                Time("health.probe.interval", spec.Interval, DefaultProbe.Interval, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(10)),
                Time("health.probe.timeout", spec.Timeout, DefaultProbe.Timeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10)),
                Number("health.probe.failures", spec.Failures, DefaultProbe.Failures, 1, 100));
            Object(probe.Path.Length == 0 || probe.Path[0] != '/' || probe.Path.Any(letter => letter is <= ' ' or > '~'),
                $"health.probe.path must begin with / and hold no spaces or control characters, not '{probe.Path}'");
            Object(probe.Timeout > probe.Interval, "health.probe.timeout must not exceed health.probe.interval");
            return probe;
        }

        public void Structure(BlueGreenSpec spec)
        {
            Object(spec.Service.Length == 0, "service must name a Service");
            foreach (var (name, slot) in (ReadOnlySpan<(string, SlotSpec)>)[("blue", spec.Slots.Blue), ("green", spec.Slots.Green)])
            {
                Object(slot.Deployment.Length == 0, $"slots.{name}.deployment must name a Deployment");
                Object(slot.Selector.Count == 0, $"slots.{name}.selector must not be empty");
            }
            Object(Selectors.Same(spec.Slots.Blue.Selector, spec.Slots.Green.Selector), "slots.blue.selector and slots.green.selector must differ");
        }

        private TEnum Word<TEnum>(string field, string? text, TEnum fallback)
            where TEnum : struct, Enum
        {
            if (text is null)
            {
                return fallback;
            }
            // Names only: Enum.TryParse would also take numbers.
            if (char.IsAsciiLetter(text.FirstOrDefault()) && Enum.TryParse<TEnum>(text, ignoreCase: true, out var value))
            {
                return value;
            }
            Object(true, $"{field} must be one of {string.Join(", ", Enum.GetNames<TEnum>())}, not '{text}'");
            return fallback;
        }

        private TimeSpan Time(string field, TimeSpan? value, TimeSpan fallback, TimeSpan least, TimeSpan most)
        {
            var time = value ?? fallback;
            Object(time < least || time > most,
                $"{field} must be from {DurationConverter.Format(least)} to {DurationConverter.Format(most)}, not {DurationConverter.Format(time)}");
            return time;
        }

        private int Number(string field, int? value, int fallback, int least, int most)
        {
            var number = value ?? fallback;
            Object(number < least || number > most, string.Create(CultureInfo.InvariantCulture, $"{field} must be from {least} to {most}, not {number}"));
            return number;
        }

        private ReadyThreshold Threshold(k8s.Models.IntOrString? value)
        {
            if ((string?)value is not { Length: > 0 } text)
            {
                return Defaults.MinReady;
            }
            var isPercent = text[^1] == '%';
            if (int.TryParse(isPercent ? text.AsSpan(0, text.Length - 1) : text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number <= (isPercent ? 100 : 1000))
            {
                return new(number, isPercent);
            }
            Object(true, $"health.minReady must be a percentage such as 75% or a number of pods up to 1000, not '{text}'");
            return Defaults.MinReady;
        }

        private void Object(bool isWrong, string objection) => Objection ??= isWrong ? "spec." + objection + "." : null;
    }
}
