using Resilience.Control.Forecasting.Models;

namespace Resilience.Control.Forecasting;

/// <summary>Scratch memory of refits, reused from one to the next; one per thread that refits, never shared.</summary>
public sealed class ForecastWorkspace
{
    private double[] _sort = [];
    private int[] _phases = [];
    private float[] _usualDays = [];
    private float[] _usualWithoutOwnDay = [];

    /// <summary>Inputs as they are, row by row.</summary>
    internal double[] Inputs { get; private set; } = [];

    /// <summary>Inputs as one model wants them, row by row.</summary>
    internal double[] Scaled { get; private set; } = [];

    internal double[] Targets { get; private set; } = [];

    internal double[] ScaledTargets { get; private set; } = [];

    /// <summary>One number per row.</summary>
    internal double[] Scratch { get; private set; } = [];

    /// <summary>Three numbers per padded column.</summary>
    internal double[] Columns { get; private set; } = [];

    internal double[] WeightedBlock { get; private set; } = [];

    internal double[] Gram { get; private set; } = [];

    internal ForestScratch Forest { get; } = new();

    internal void Reserve(int rows, int inputs)
    {
        var stride = NormalEquations.Stride(inputs + 2);
        Inputs = Grow(Inputs, rows * inputs);
        Scaled = Grow(Scaled, rows * stride);
        Targets = Grow(Targets, rows);
        ScaledTargets = Grow(ScaledTargets, rows);
        Scratch = Grow(Scratch, rows);
        Columns = Grow(Columns, 3 * stride);
        WeightedBlock = Grow(WeightedBlock, NormalEquations.ScratchLength(stride));
        Gram = Grow(Gram, stride * stride);
    }

    internal Span<double> Sort(int points) => (_sort = Grow(_sort, points)).AsSpan(0, points);

    internal Span<int> Phases(int points) => (_phases = Grow(_phases, points)).AsSpan(0, points);

    internal Span<float> UsualDays(int points) => (_usualDays = Grow(_usualDays, points)).AsSpan(0, points);

    internal Span<float> UsualWithoutOwnDay(int points) => (_usualWithoutOwnDay = Grow(_usualWithoutOwnDay, points)).AsSpan(0, points);

    internal static T[] Grow<T>(T[] array, int length) => array.Length >= length ? array : new T[length];
}
