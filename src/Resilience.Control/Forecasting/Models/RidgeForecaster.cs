using System.Numerics;

namespace Resilience.Control.Forecasting.Models;

/// <summary>Scale on which a <see cref="RidgeForecaster"/> is linear.</summary>
internal enum RidgeScale
{
    /// <summary>Demand as it is.</summary>
    Level,

    /// <summary>Logarithm of demand: effects multiply, and quiet hours count as much as busy ones.</summary>
    Log,

    /// <summary>Demand divided by the mean of the last 60 steps: what was learned at one level holds at another.</summary>
    Relative,
}

/// <summary>Ridge regression, one set of coefficients per horizon ("direct"), on the inputs of <see cref="FeatureMap"/>.</summary>
internal sealed class RidgeForecaster(string name, RidgeScale scale, int horizons) : IForecaster
{
    /// <summary>Shrinkage per row on standardised inputs: enough to keep near-collinear lags from fighting each other.</summary>
    private const double Shrinkage = 1e-4;

    /// <summary>Standard deviations at which an input is clipped: an input never seen before must not be extrapolated from.</summary>
    private const double InputLimit = 8;

    /// <summary>Passes that give badly missed rows less say.</summary>
    private const int RobustPasses = 2;

    /// <summary>Misses up to this many mean misses count in full.</summary>
    private const double RobustAt = 1;

    private readonly Coefficients?[] _coefficients = new Coefficients?[horizons];
    private double _offset = 1;

    public string Name => name;

    public bool IsReady => _coefficients[^1] is not null;

    public void Fit(TrainingSet training, int horizonIndex)
    {
        var features = training.Features!;
        if (training.Rows < 4 * features.Inputs / 3)
        {
            return;
        }

        if (horizonIndex == 0)
        {
            _offset = scale == RidgeScale.Log ? 0.02 * training.Median + 0.1 * Math.Min(1, training.Median) : 0.02 * training.Median;
        }

        var fitted = _coefficients[horizonIndex];
        if (fitted is null || fitted.Slopes.Length != features.Inputs)
        {
            fitted = new Coefficients(features.Inputs);
        }

        var stride = (features.Inputs + 4) & ~3;
        Scale(training, features, stride);
        Standardise(training, fitted, features.Inputs, stride);
        var weights = training.Workspace.Scratch.AsSpan(0, training.Rows);
        weights.Fill(1);
        for (var pass = 0; ; pass++)
        {
            Solve(training, fitted, features.Inputs, stride, weights);
            if (pass == RobustPasses)
            {
                break;
            }

            Reweigh(training, fitted, features.Inputs, stride, weights);
        }

        fitted.Features = features;
        _coefficients[horizonIndex] = fitted;
    }

    public void Observe(in ForecastInput input)
    {
    }

    public double Forecast(in ForecastInput input)
    {
        var fitted = _coefficients[input.HorizonIndex]!;
        var x = input.Features;
        var features = fitted.Features!;
        var level = Level(x, features);
        var sum = fitted.Intercept;
        for (var i = 0; i < x.Length; i++)
        {
            var scaled = i < features.DemandInputs ? Scale(x[i], level) : x[i];
            sum += fitted.Slopes[i] * Math.Clamp((scaled - fitted.Means[i]) * fitted.InverseDeviations[i], -InputLimit, InputLimit);
        }

        return scale switch
        {
            RidgeScale.Log => Math.Exp(Math.Min(sum, 600)) - _offset,
            RidgeScale.Relative => sum * level,
            _ => sum,
        };
    }

    private double Level(ReadOnlySpan<double> x, FeatureMap features) => x[features.LevelInput] + _offset;

    private double Scale(double value, double level) => scale switch
    {
        RidgeScale.Log => Math.Log(value + _offset),
        RidgeScale.Relative => value / level,
        _ => value,
    };

    private void Scale(TrainingSet training, FeatureMap features, int stride)
    {
        var inputs = training.Inputs;
        var (scaled, p) = (training.Workspace.Scaled, features.Inputs);
        var targets = training.Workspace.ScaledTargets;
        for (var row = 0; row < training.Rows; row++)
        {
            var x = inputs.Slice(row * p, p);
            var to = scaled.AsSpan(row * stride, stride);
            var level = Level(x, features);
            for (var i = 0; i < p; i++)
            {
                to[i] = i < features.DemandInputs ? Scale(x[i], level) : x[i];
            }

            to[p..].Clear();
            targets[row] = Scale(training.Targets[row], level);
        }
    }

    private static void Standardise(TrainingSet training, Coefficients fitted, int p, int stride)
    {
        var scaled = training.Workspace.Scaled;
        var rows = training.Rows;
        Array.Clear(fitted.Means);
        Array.Clear(fitted.InverseDeviations);
        for (var row = 0; row < rows; row++)
        {
            var x = scaled.AsSpan(row * stride, p);
            for (var i = 0; i < p; i++)
            {
                fitted.Means[i] += x[i];
                fitted.InverseDeviations[i] += x[i] * x[i];
            }
        }

        for (var i = 0; i < p; i++)
        {
            var mean = fitted.Means[i] / rows;
            var variance = (fitted.InverseDeviations[i] / rows) - (mean * mean);
            fitted.Means[i] = mean;
            fitted.InverseDeviations[i] = variance > 1e-12 * Math.Max(mean * mean, 1e-12) ? 1 / Math.Sqrt(variance) : 0;
        }

        for (var row = 0; row < rows; row++)
        {
            var x = scaled.AsSpan(row * stride, p);
            for (var i = 0; i < p; i++)
            {
                x[i] = Math.Clamp((x[i] - fitted.Means[i]) * fitted.InverseDeviations[i], -InputLimit, InputLimit);
            }

            scaled[(row * stride) + p] = 1;   // the intercept's column
        }
    }

    /// <summary>Normal equations by rank-one updates, then Cholesky; the intercept is not shrunk.</summary>
    private static void Solve(TrainingSet training, Coefficients fitted, int p, int stride, ReadOnlySpan<double> weights)
    {
        var size = p + 1;
        var gram = new double[size * stride];
        var right = new double[size];
        var (scaled, targets, rows) = (training.Workspace.Scaled, training.Workspace.ScaledTargets, training.Rows);
        for (var row = 0; row < rows; row++)
        {
            AddOuterProduct(scaled.AsSpan(row * stride, stride), targets[row], weights[row], gram, right, stride);
        }

        for (var i = 0; i < p; i++)
        {
            gram[(i * stride) + i] += (Shrinkage * rows) + 1e-9;
        }

        LinearSystem.SolveInPlace(gram, right, size, stride);
        right.AsSpan(0, p).CopyTo(fitted.Slopes);
        fitted.Intercept = right[p];
    }

    /// <summary>Rows that were missed by more than the usual count less, which moves the fit from the mean towards the median.</summary>
    private static void Reweigh(TrainingSet training, Coefficients fitted, int p, int stride, Span<double> weights)
    {
        var (scaled, targets) = (training.Workspace.Scaled, training.Workspace.ScaledTargets);
        var mean = 0d;
        for (var row = 0; row < training.Rows; row++)
        {
            var sum = fitted.Intercept - targets[row];
            var x = scaled.AsSpan(row * stride, p);
            for (var i = 0; i < p; i++)
            {
                sum += x[i] * fitted.Slopes[i];
            }

            weights[row] = Math.Abs(sum);
            mean += Math.Abs(sum) / training.Rows;
        }

        foreach (ref var weight in weights)
        {
            weight = Math.Min(1, RobustAt * mean / Math.Max(weight, 1e-12));
        }
    }

    private static void AddOuterProduct(ReadOnlySpan<double> x, double target, double weight, double[] gram, double[] right, int stride)
    {
        var lanes = Vector<double>.Count;
        for (var i = 0; i < right.Length; i++)
        {
            var xi = x[i] * weight;
            right[i] += xi * target;
            var to = gram.AsSpan(i * stride, stride);
            var j = i & ~(lanes - 1);
            for (; j <= stride - lanes; j += lanes)
            {
                (new Vector<double>(to[j..]) + (new Vector<double>(x[j..]) * xi)).CopyTo(to[j..]);
            }

            for (; j < stride; j++)
            {
                to[j] += xi * x[j];
            }
        }
    }

    private sealed class Coefficients(int inputs)
    {
        public double[] Slopes { get; } = new double[inputs];

        public double[] Means { get; } = new double[inputs];

        public double[] InverseDeviations { get; } = new double[inputs];

        public double Intercept { get; set; }

        public FeatureMap? Features { get; set; }
    }
}
