using System.Runtime.Intrinsics;

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

        var stride = NormalEquations.Stride(features.Inputs + 2);
        Scale(training, features, stride);
        Standardise(training, fitted, features.Inputs, stride);
        var weights = training.Workspace.Scratch.AsSpan(0, training.Rows);
        weights.Fill(1);
        for (var pass = 0; ; pass++)
        {
            var solution = Solve(training, fitted, features.Inputs, stride, weights);
            if (pass == RobustPasses)
            {
                break;
            }

            Reweigh(training, solution, stride, weights);
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

    /// <summary>Each row becomes the scaled inputs, a 1 for the intercept, the scaled target, and zeros up to the stride.</summary>
    private void Scale(TrainingSet training, FeatureMap features, int stride)
    {
        var inputs = training.Inputs;
        var (scaled, p) = (training.Workspace.Scaled, features.Inputs);
        for (var row = 0; row < training.Rows; row++)
        {
            var x = inputs.Slice(row * p, p);
            var to = scaled.AsSpan(row * stride, stride);
            var level = Level(x, features);
            x.CopyTo(to);
            ScaleInPlace(to[..features.DemandInputs], level);
            to[p] = 1;
            to[p + 1] = Scale(training.Targets[row], level);
            to[(p + 2)..].Clear();
        }
    }

    private void ScaleInPlace(Span<double> x, double level)
    {
        if (scale == RidgeScale.Level)
        {
            return;
        }

        var i = 0;
        for (; i <= x.Length - Vector256<double>.Count; i += Vector256<double>.Count)
        {
            var values = Vector256.Create<double>(x[i..]);
            (scale == RidgeScale.Log ? Vector256.Log(values + Vector256.Create(_offset)) : values / level).CopyTo(x[i..]);
        }

        for (; i < x.Length; i++)
        {
            x[i] = Scale(x[i], level);
        }
    }

    private static void Standardise(TrainingSet training, Coefficients fitted, int p, int stride)
    {
        var (scaled, rows) = (training.Workspace.Scaled, training.Rows);
        var columns = training.Workspace.Columns;
        var means = columns.AsSpan(0, stride);
        var factors = columns.AsSpan(stride, stride);
        var limits = columns.AsSpan(2 * stride, stride);
        means.Clear();
        factors.Clear();
        for (var row = 0; row < rows; row++)
        {
            AddMoments(scaled.AsSpan(row * stride, stride), means, factors);
        }

        for (var i = 0; i < p; i++)
        {
            var mean = means[i] / rows;
            var variance = (factors[i] / rows) - (mean * mean);
            fitted.Means[i] = means[i] = mean;
            fitted.InverseDeviations[i] = factors[i] = variance > 1e-12 * Math.Max(mean * mean, 1e-12) ? 1 / Math.Sqrt(variance) : 0;
        }

        limits.Fill(InputLimit);
        limits[p..].Fill(double.PositiveInfinity);   // the intercept's column and the target stay as they are
        means[p..].Clear();
        factors[p..].Fill(1);
        for (var row = 0; row < rows; row++)
        {
            Standardise(scaled.AsSpan(row * stride, stride), means, factors, limits);
        }
    }

    private static void AddMoments(ReadOnlySpan<double> x, Span<double> sums, Span<double> squares)
    {
        for (var i = 0; i < x.Length; i += Vector256<double>.Count)
        {
            var values = Vector256.Create(x[i..]);
            (Vector256.Create<double>(sums[i..]) + values).CopyTo(sums[i..]);
            (Vector256.Create<double>(squares[i..]) + (values * values)).CopyTo(squares[i..]);
        }
    }

    private static void Standardise(Span<double> x, ReadOnlySpan<double> means, ReadOnlySpan<double> factors, ReadOnlySpan<double> limits)
    {
        for (var i = 0; i < x.Length; i += Vector256<double>.Count)
        {
            var limit = Vector256.Create(limits[i..]);
            var values = (Vector256.Create<double>(x[i..]) - Vector256.Create(means[i..])) * Vector256.Create(factors[i..]);
            Vector256.Min(Vector256.Max(values, -limit), limit).CopyTo(x[i..]);
        }
    }

    /// <summary>Normal equations, then Cholesky; the intercept is not shrunk. Returns what a row is multiplied with to get its miss.</summary>
    private static ReadOnlySpan<double> Solve(TrainingSet training, Coefficients fitted, int p, int stride, ReadOnlySpan<double> weights)
    {
        var workspace = training.Workspace;
        NormalEquations.Sum(workspace.Scaled, stride, weights, workspace.WeightedBlock, workspace.Gram);
        var gram = workspace.Gram.AsSpan(0, stride * stride);
        var solution = workspace.Columns.AsSpan(0, stride);
        for (var i = 0; i <= p; i++)
        {
            solution[i] = gram[(i * stride) + p + 1];
            gram[(i * stride) + i] += i < p ? (Shrinkage * training.Rows) + 1e-9 : 0;
        }

        LinearSystem.SolveInPlace(gram, solution, p + 1, stride);
        solution[..p].CopyTo(fitted.Slopes);
        fitted.Intercept = solution[p];
        solution[p + 1] = -1;
        solution[(p + 2)..].Clear();
        return solution;
    }

    /// <summary>Rows that were missed by more than the usual count less, which moves the fit from the mean towards the median.</summary>
    private static void Reweigh(TrainingSet training, ReadOnlySpan<double> solution, int stride, Span<double> weights)
    {
        var scaled = training.Workspace.Scaled;
        var mean = 0d;
        for (var row = 0; row < weights.Length; row++)
        {
            weights[row] = Math.Abs(NormalEquations.Dot(scaled.AsSpan(row * stride, stride), solution));
            mean += weights[row] / weights.Length;
        }

        foreach (ref var weight in weights)
        {
            // Where nothing was missed, everything counts: without the comparison a perfect fit would leave no weight at all.
            weight = weight <= RobustAt * mean ? 1 : RobustAt * mean / weight;
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
