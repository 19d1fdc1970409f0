using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Running;

public sealed class CpuCalibrationTests
{
    [Theory]
    //          cores that pods used           request  percent of the request
    [InlineData(new[] { 0.06, 0.06 }, 0.1, 60)]
    [InlineData(new[] { 0.1, 0.2, 0.15 }, 0.1, 150)]      // a request may be far below what the work takes
    [InlineData(new[] { 0.0101 }, 0.2, 5)]
    [InlineData(new[] { 0.0 }, 0.1, 1)]                   // the API takes no zero
    public void Utilization_IsTheMeanUseInPercentOfTheRequest(double[] cores, double request, int percent) =>
        Assert.Equal(percent, CpuCalibration.Utilization(cores, request));
}
