namespace Resilience.Control.Forecasting;

/// <summary>
/// Learns which mixture of models errs least, where weights by each model's own error only learn which model does: two models that
/// err in opposite directions together beat the best one.
/// </summary>
/// <remarks>
/// ML-Poly (Gaillard, Stoltz and van Erven, "A second-order bound with excess losses", 2014) on the gradient of the absolute error: a
/// model's weight is what the mixture would have gained by leaning its way, over the sum of squares of these gains. Both are forgotten
/// exponentially, so that the mixture follows.
/// </remarks>
internal sealed class ConvexMixture(int models, int memorySteps)
{
    private readonly double[] _regret = new double[models];
    private readonly double[] _square = new double[models];
    private readonly double _decay = Math.Exp(-1.0 / memorySteps);

    /// <summary>Takes in what came of a forecast.</summary>
    /// <param name="forecasts">One per model; NaN for those that gave none.</param>
    /// <param name="mixture">The mixture's own forecast at the time.</param>
    /// <param name="actual">What came.</param>
    public void Learn(ReadOnlySpan<double> forecasts, double mixture, double actual)
    {
        var direction = Math.Sign(mixture - actual);
        for (var i = 0; i < forecasts.Length; i++)
        {
            if (!double.IsNaN(forecasts[i]))
            {
                var gain = direction * (mixture - forecasts[i]);
                _regret[i] = (_decay * _regret[i]) + gain;
                _square[i] = (_decay * _square[i]) + (gain * gain);
            }
        }
    }

    /// <summary>What a model is due before weights are brought to a sum of 1; 0 when leaning its way would not have helped.</summary>
    public double Due(int model) => _square[model] > 0 ? Math.Max(0, _regret[model]) / _square[model] : 0;
}
