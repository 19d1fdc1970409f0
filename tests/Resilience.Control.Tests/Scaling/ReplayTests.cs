using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;
using Resilience.Control.Tests.Forecasting;

namespace Resilience.Control.Tests.Scaling;

public sealed class ReplayTests
{
    private static readonly BacktestWindows Windows =
        new(TimeSpan.FromDays(3), TimeSpan.FromDays(2), TimeSpan.FromDays(2), TimeSpan.FromDays(1), [1, 2], 2);

    [Theory]
    [InlineData(ReplayPolicy.Floor)]
    [InlineData(ReplayPolicy.Hybrid)]
    [InlineData(ReplayPolicy.Naive)]
    [InlineData(ReplayPolicy.Hpa85)]
    public void Run_OnAConstantSeries_NeverViolates(ReplayPolicy policy)
    {
        var result = Run(Synthetic.Constant(8 * 288), policy);
        Assert.Equal(0, result.ViolationRatio);
        Assert.Equal(0, result.ChangesPerDay);
    }

    [Fact]
    public void Run_TheOracle_NeverViolatesAndCostsOne()
    {
        var result = Run(Synthetic.Days(8), ReplayPolicy.Oracle);
        Assert.Equal((0, 1, 0), (result.ViolationRatio, result.CostAgainstOracle, result.UnservedRatio));
    }

    [Fact]
    public void Run_TheFloor_KeepsItsBudgetOfViolationsForLessThanAnAutoscalerWithBlanketHeadroom()
    {
        var values = Synthetic.Days(9);
        var floor = Run(values, ReplayPolicy.Floor);
        var hpa = Run(values, ReplayPolicy.Hpa60);
        Assert.True(floor.ViolationRatio <= 0.02, $"{floor.ViolationRatio:P2}");
        Assert.True(floor.CostAgainstOracle < hpa.CostAgainstOracle, $"{floor.CostAgainstOracle} against {hpa.CostAgainstOracle}");
    }

    [Fact]
    public void Run_CostsCanBeRedoneFromItsRows()
    {
        var rows = new List<ReplayRow>();
        var result = Run(Synthetic.Days(8), ReplayPolicy.Floor, rows.Add);
        Assert.Equal(2 * 288, rows.Count);
        Assert.Equal(rows.Sum(row => row.Requested) / 12.0, result.ReplicaHours, 1e-6);
        Assert.Equal(result.ReplicaHours * 0.012, result.Dollars, 1e-9);
        Assert.Equal(rows.Count(row => row.Violation), (int)Math.Round(result.ViolationRatio * result.Intervals));
        for (var i = 2; i < rows.Count; i++)
        {
            Assert.Equal(Math.Min(rows[i - 1].Requested, rows[i - 2].Requested), rows[i].Ready);
        }
    }

    [Fact]
    public void Run_UnderABudget_CostsLessAndViolatesMore()
    {
        var values = Synthetic.Days(8);
        var free = Run(values, ReplayPolicy.Floor);
        var trace = Synthetic.Trace(values);
        var tight = Replay.Run(trace, Options(ReplayPolicy.Floor) with { Floor = new FloorPolicy { Quantile = 0.99, MonthlyBudget = 90 } });
        Assert.True(tight.Dollars < free.Dollars);
        Assert.True(tight.ViolationRatio > free.ViolationRatio);
    }

    [Theory]
    [InlineData(1, "1")]
    [InlineData(3, "1,2,3")]
    [InlineData(10, "1,4,7,10")]
    public void HorizonsFor_EndAtTheLead(int lead, string expected) => Assert.Equal(expected, string.Join(',', Replay.HorizonsFor(lead)));

    private static ReplayResult Run(double[] values, ReplayPolicy policy, Action<ReplayRow>? visit = null) =>
        Replay.Run(Synthetic.Trace(values), Options(policy), visit);

    private static ReplayOptions Options(ReplayPolicy policy) => new()
    {
        Policy = policy,
        Windows = Windows,
        Lead = 2,
        Floor = new FloorPolicy { Quantile = 0.99, Hold = TimeSpan.FromMinutes(5) },
    };
}
