namespace Resilience.Control.Forecasting.Models;

/// <summary>Repeats the last value: what every other model has to beat.</summary>
internal sealed class NaiveForecaster : IForecaster
{
    public string Name => "naive";

    public bool IsReady => true;

    public void Fit(TrainingSet training, int horizonIndex)
    {
    }

    public void Observe(in ForecastInput input)
    {
    }

    public double Forecast(in ForecastInput input) => input.Values[^1];
}

/// <summary>Mean of the last few values: the best there is for demand without memory.</summary>
internal sealed class MovingAverageForecaster(int steps) : IForecaster
{
    public string Name { get; } = $"ma{steps}";

    public bool IsReady => true;

    public void Fit(TrainingSet training, int horizonIndex)
    {
    }

    public void Observe(in ForecastInput input)
    {
    }

    public double Forecast(in ForecastInput input)
    {
        var values = input.Values[Math.Max(0, input.Values.Length - steps)..];
        var sum = 0d;
        foreach (var value in values)
        {
            sum += value;
        }

        return sum / values.Length;
    }
}

/// <summary>The usual day, scaled by how the last quarter of an hour compared with it.</summary>
internal sealed class DayProfileForecaster(DayProfile profile, int ratioSteps) : IForecaster
{
    public string Name => "profile";

    public bool IsReady => profile.IsReady;

    public void Fit(TrainingSet training, int horizonIndex)
    {
    }

    public void Observe(in ForecastInput input)
    {
    }

    public double Forecast(in ForecastInput input)
    {
        var steps = Math.Min(ratioSteps, input.Values.Length);
        double actual = 0, usual = 0;
        for (var i = 0; i < steps; i++)
        {
            actual += input.Values[^(i + 1)];
            usual += profile[input.Position - i];
        }

        return usual > 0 ? profile[input.Position + input.Horizon] * actual / usual : actual / steps;
    }
}
