using CsCheck;
using NBomber.Contracts;
using Resilience.LoadGenerator;

namespace Resilience.LoadTests;

public sealed class SimulationsTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("steady", 1)]
    [InlineData("ramp", 2)]       // a second at the low rate, then the ramp
    [InlineData("spike", 3)]
    [InlineData("scaling", 5)]
    public void Of_ANamedProfile_NeedsFewSimulations(string name, int expected) =>
        Assert.Equal(expected, Simulations.Of(ProfileCatalog.Find(name)!.Create(100, Minute), Minute).Length);

    [Fact]
    public void Of_AnyNamedProfile_SendsAboutWhatThePortableGeneratorSends() =>
        Gen.Select(Gen.Int[0, ProfileCatalog.All.Count - 1].Select(i => ProfileCatalog.All[i]), Gen.Int[20, 2_000], Gen.Int[30, 600]).Sample((named, rps, seconds) =>
        {
            var length = TimeSpan.FromSeconds(seconds);
            var profile = named.Create(rps, length);
            var simulations = Simulations.Of(profile, length);
            Assert.Equal(length.TotalSeconds, simulations.Sum(simulation => simulation.During.TotalSeconds), 3);
            // Whole rates and a ramp's first second cost at most a request per second and simulation.
            var wanted = profile.RequestsBefore(length);
            Assert.InRange(Sent(simulations), wanted - seconds - rps, wanted + seconds + rps);
        });

    [Fact]
    public void Of_ACourseLongerThanTheRun_EndsWithTheRun()
    {
        var simulations = Simulations.Of(LoadProfile.Ramp(0, 120, TimeSpan.FromMinutes(2)), Minute);
        Assert.Equal(60, simulations[^1].Rate);
        Assert.Equal(60, simulations.Sum(simulation => simulation.During.TotalSeconds), 3);
    }

    /// <summary>Points that lie closer together than a ramp's first second: found by the property above.</summary>
    [Fact]
    public void Of_ADayInAMinute_TakesNoLongerThanTheRun()
    {
        var length = TimeSpan.FromSeconds(64);
        var diurnal = ProfileCatalog.All.Single(named => named.Name == "diurnal").Create(540, length);
        Assert.Equal(64, Simulations.Of(diurnal, length).Sum(simulation => simulation.During.TotalSeconds), 3);
    }

    private static double Sent(IEnumerable<LoadSimulation> simulations)
    {
        var (sent, rate) = (0d, 0d);
        foreach (var simulation in simulations)
        {
            var from = simulation.Ramps ? rate : simulation.Rate;
            sent += (from + simulation.Rate) / 2d * simulation.During.TotalSeconds / simulation.Interval.TotalSeconds;
            rate = simulation.Rate;
        }

        return sent;
    }
}
