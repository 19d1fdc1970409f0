using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Resilience.Control.Forecasting.Models;

/// <summary>
/// Gradient-boosted regression trees on binned inputs, one forest per horizon, on demand relative to the recent level.
/// Finds what is not linear (batch jobs, thresholds); too costly to run for every series without being asked.
/// </summary>
internal sealed class GradientBoostingForecaster(int horizons) : IForecaster
{
    private readonly BoostedForest?[] _forests = new BoostedForest?[horizons];
    private double _offset = 1;

    public string Name => "gbm";

    public bool IsReady => _forests[^1] is not null;

    public void Fit(TrainingSet training, int horizonIndex)
    {
        var features = training.Features!;
        if (training.Rows < 500)
        {
            return;
        }

        if (horizonIndex == 0)
        {
            _offset = 0.02 * training.Median;
        }

        var (scaled, targets, p) = (training.Workspace.Scaled, training.Workspace.ScaledTargets, features.Inputs);
        for (var row = 0; row < training.Rows; row++)
        {
            var x = training.Inputs.Slice(row * p, p);
            var level = x[features.LevelInput] + _offset;
            Scale(x, level, features, scaled.AsSpan(row * p, p));
            targets[row] = training.Targets[row] / level;
        }

        _forests[horizonIndex] = BoostedForest.Fit(training.Rows, p, training.Workspace, _forests[horizonIndex]);
        _forests[horizonIndex]!.Features = features;
    }

    public void Observe(in ForecastInput input)
    {
    }

    public double Forecast(in ForecastInput input)
    {
        var forest = _forests[input.HorizonIndex]!;
        var level = input.Features[forest.Features!.LevelInput] + _offset;
        Span<double> x = stackalloc double[input.Features.Length];
        Scale(input.Features, level, forest.Features, x);
        return forest.Predict(x) * level;
    }

    private void Scale(ReadOnlySpan<double> x, double level, FeatureMap features, Span<double> to)
    {
        for (var i = 0; i < x.Length; i++)
        {
            to[i] = i < features.DemandInputs ? x[i] / level : x[i];
        }

        to[features.LevelInput] = Math.Log(level + _offset);   // the one input that would otherwise say nothing
    }
}

/// <summary>60 trees of up to 15 leaves, grown best leaf first on histograms of 64 bins, squared loss, learning rate 0.1.</summary>
internal sealed class BoostedForest
{
    private const int Trees = 60;
    private const int Leaves = 15;
    private const int Bins = 64;
    private const int NodesPerTree = (2 * Leaves) - 1;
    private const double Rate = 0.1;
    private const double LeafShrinkage = 5;
    private const int RowsDrawnPercent = 50;
    private const int InputsDrawnPercent = 60;
    private const double CutAtMeans = 3;

    private readonly byte[] _input = new byte[Trees * NodesPerTree];
    private readonly float[] _threshold = new float[Trees * NodesPerTree];
    private readonly sbyte[] _child = new sbyte[Trees * NodesPerTree];
    private readonly float[] _value = new float[Trees * NodesPerTree];
    private double _base;

    public FeatureMap? Features { get; set; }

    public double Predict(ReadOnlySpan<double> x)
    {
        var sum = _base;
        for (var tree = 0; tree < Trees; tree++)
        {
            var root = tree * NodesPerTree;
            var node = 0;
            while (_child[root + node] > 0)
            {
                node = _child[root + node] + ((float)x[_input[root + node]] <= _threshold[root + node] ? 0 : 1);
            }

            sum += _value[root + node];
        }

        return sum;
    }

    /// <summary>Fits on the workspace's scaled inputs and targets, which it uses up; overwrites <paramref name="reuse"/> when there is one.</summary>
    public static BoostedForest Fit(int rows, int inputs, ForecastWorkspace workspace, BoostedForest? reuse)
    {
        var forest = reuse ?? new BoostedForest();
        var scratch = workspace.Forest;
        scratch.Reserve(rows, inputs, Bins, Leaves);
        Binner.Bin(workspace.Scaled, rows, inputs, Bins, scratch.Cuts, scratch.Bins);
        var residuals = workspace.ScaledTargets.AsSpan(0, rows);
        var sum = 0d;
        foreach (var target in residuals)
        {
            sum += target;
        }

        forest._base = sum / rows;
        foreach (ref var residual in residuals)
        {
            residual -= forest._base;
        }

        var grower = new Grower(forest, rows, inputs, workspace);
        for (var tree = 0; tree < Trees; tree++)
        {
            grower.Grow(tree);
        }

        return forest;
    }

    /// <summary>
    /// Grows one tree at a time and takes its answer off the residuals. Each tree sees every other row and some of the inputs, drawn by
    /// a fixed rule: that is faster, and trees that differ err less together. Large residuals are cut, as in the ridges.
    /// </summary>
    private sealed class Grower(BoostedForest forest, int rows, int inputs, ForecastWorkspace workspace)
    {
        /// <summary>A histogram cell holds a row count in its low bits and a sum of residuals, in units of <see cref="Unit"/>, above them.</summary>
        private const int CountBits = 24;
        private const long CountMask = (1L << CountBits) - 1;
        private const double Unit = 1.0 / (1 << 20);

        private readonly Leaf[] _leaves = new Leaf[Leaves];
        private readonly byte[] _nodeBin = new byte[NodesPerTree];
        private readonly int[] _order = workspace.Forest.RowOrder;
        private readonly byte[] _bins = workspace.Forest.Bins;
        private readonly long[] _cells = workspace.Forest.Cells;
        private readonly long[] _packed = workspace.Forest.Packed;
        private readonly int[] _drawn = workspace.Forest.DrawnInputs;
        private readonly double[] _residuals = workspace.ScaledTargets;
        private int _drawnInputs;
        private int _minimumRows;
        private double _cut;
        private double _unit;

        public void Grow(int tree)
        {
            var root = tree * NodesPerTree;
            Array.Clear(forest._child, root, NodesPerTree);
            var drawnRows = Draw(tree);
            _minimumRows = Math.Max(5, drawnRows / 400);
            Accumulate(0, drawnRows, 0);
            _leaves[0] = FindSplit(new Leaf { From = 0, To = drawnRows, Node = 0, Histogram = 0 });
            var (leaves, nodes) = (1, 1);
            while (leaves < Leaves && BestLeaf(leaves) is var best && best >= 0)
            {
                Split(root, best, leaves++, nodes);
                nodes += 2;
            }

            for (var i = 0; i < leaves; i++)
            {
                forest._value[root + _leaves[i].Node] = (float)(Rate * Value(_leaves[i]));
            }

            Subtract(root);
        }

        /// <summary>Draws the tree's rows and inputs by a linear congruence seeded with its number, and packs what its histograms add up.</summary>
        private int Draw(int tree)
        {
            var state = (uint)((tree * 747_796_405) + 289_133_645);
            _drawnInputs = 0;
            for (var f = 0; f < inputs; f++)
            {
                state = Next(state);
                if ((state >> 16) % 100 < InputsDrawnPercent)
                {
                    _drawn[_drawnInputs++] = f;
                }
            }

            var mean = 0d;
            for (var row = 0; row < rows; row++)
            {
                mean += Math.Abs(_residuals[row]);
            }

            _cut = Math.Max(CutAtMeans * mean / rows, 1e-300);
            _unit = _cut * Unit;
            var drawn = 0;
            for (var row = 0; row < rows; row++)
            {
                state = Next(state);
                if ((state >> 16) % 100 < RowsDrawnPercent)
                {
                    _order[drawn++] = row;
                    _packed[row] = ((long)(Math.Clamp(_residuals[row], -_cut, _cut) / _unit) << CountBits) + 1;
                }
            }

            return drawn;
        }

        private static uint Next(uint state) => (state * 1_664_525) + 1_013_904_223;

        private int BestLeaf(int leaves)
        {
            var best = -1;
            for (var i = 0; i < leaves; i++)
            {
                if (_leaves[i].Gain > 1e-12 && (best < 0 || _leaves[i].Gain > _leaves[best].Gain))
                {
                    best = i;
                }
            }

            return best;
        }

        private void Split(int root, int index, int newIndex, int nodes)
        {
            var leaf = _leaves[index];
            forest._input[root + leaf.Node] = (byte)leaf.Input;
            forest._threshold[root + leaf.Node] = workspace.Forest.Cuts[(leaf.Input * (Bins - 1)) + leaf.Bin];
            forest._child[root + leaf.Node] = (sbyte)nodes;
            _nodeBin[leaf.Node] = (byte)leaf.Bin;
            var middle = Partition(leaf);
            var left = new Leaf { From = leaf.From, To = middle, Node = nodes };
            var right = new Leaf { From = middle, To = leaf.To, Node = nodes + 1 };

            // Only the smaller half is counted; the larger one is what remains of the parent.
            var smallIsLeft = middle - leaf.From <= leaf.To - middle;
            Accumulate(smallIsLeft ? left.From : right.From, smallIsLeft ? left.To : right.To, newIndex);
            var large = Histogram(leaf.Histogram);
            var small = Histogram(newIndex);
            for (var i = 0; i < large.Length; i++)
            {
                large[i] -= small[i];
            }

            left.Histogram = smallIsLeft ? newIndex : leaf.Histogram;
            right.Histogram = smallIsLeft ? leaf.Histogram : newIndex;
            _leaves[index] = FindSplit(left);
            _leaves[newIndex] = FindSplit(right);
        }

        private Span<long> Histogram(int index) => _cells.AsSpan(index * inputs * Bins, inputs * Bins);

        private int Partition(Leaf leaf)
        {
            var (from, to) = (leaf.From, leaf.To - 1);
            while (from <= to)
            {
                if (_bins[(_order[from] * inputs) + leaf.Input] <= leaf.Bin)
                {
                    from++;
                }
                else
                {
                    (_order[from], _order[to]) = (_order[to], _order[from]);
                    to--;
                }
            }

            return from;
        }

        private void Accumulate(int from, int to, int histogram)
        {
            var cells = Histogram(histogram);
            cells.Clear();
            var drawn = _drawn.AsSpan(0, _drawnInputs);
            for (var i = from; i < to; i++)
            {
                var row = _order[i];
                var packed = _packed[row];
                ref var bins = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_bins), row * inputs);
                foreach (var f in drawn)
                {
                    Unsafe.Add(ref MemoryMarshal.GetReference(cells), (f * Bins) + Unsafe.Add(ref bins, f)) += packed;
                }
            }
        }

        private Leaf FindSplit(Leaf leaf)
        {
            var count = leaf.To - leaf.From;
            if (count < 2 * _minimumRows || _drawnInputs == 0)
            {
                return leaf;
            }

            var cells = Histogram(leaf.Histogram);
            long all = 0;
            foreach (var cell in cells.Slice(_drawn[0] * Bins, Bins))
            {
                all += cell;
            }

            double total = all >> CountBits;
            var parent = total * total / (count + LeafShrinkage);
            var best = parent;
            foreach (var f in _drawn.AsSpan(0, _drawnInputs))
            {
                long left = 0;
                var ofInput = cells.Slice(f * Bins, Bins);
                for (var b = 0; b < Bins - 1; b++)
                {
                    left += ofInput[b];
                    var seen = (int)(left & CountMask);
                    if (ofInput[b] == 0 || seen < _minimumRows)
                    {
                        continue;
                    }

                    if (count - seen < _minimumRows)
                    {
                        break;
                    }

                    double sum = left >> CountBits;
                    var rest = total - sum;
                    var explained = (sum * sum / (seen + LeafShrinkage)) + (rest * rest / (count - seen + LeafShrinkage));
                    if (explained > best)
                    {
                        (best, leaf.Input, leaf.Bin) = (explained, f, b);
                    }
                }
            }

            leaf.Gain = (best - parent) * _unit * _unit;
            return leaf;
        }

        /// <summary>Mean of a leaf's residuals in which those beyond the cut count less.</summary>
        private double Value(Leaf leaf)
        {
            double sum = 0, weights = LeafShrinkage;
            for (var i = leaf.From; i < leaf.To; i++)
            {
                var residual = _residuals[_order[i]];
                var size = Math.Abs(residual);
                sum += size <= _cut ? residual : Math.CopySign(_cut, residual);
                weights += size <= _cut ? 1 : _cut / size;
            }

            return sum / weights;
        }

        private void Subtract(int root)
        {
            for (var row = 0; row < rows; row++)
            {
                var node = 0;
                while (forest._child[root + node] > 0)
                {
                    node = forest._child[root + node] + (_bins[(row * inputs) + forest._input[root + node]] <= _nodeBin[node] ? 0 : 1);
                }

                _residuals[row] -= forest._value[root + node];
            }
        }

        private struct Leaf
        {
            public int From;
            public int To;
            public int Node;
            public int Input;
            public int Bin;
            public int Histogram;
            public double Gain;
        }
    }
}

/// <summary>Scratch memory for growing trees.</summary>
internal sealed class ForestScratch
{
    public byte[] Bins { get; private set; } = [];

    public float[] Cuts { get; private set; } = [];

    public int[] RowOrder { get; private set; } = [];

    public long[] Packed { get; private set; } = [];

    public long[] Cells { get; private set; } = [];

    public int[] DrawnInputs { get; private set; } = [];

    public void Reserve(int rows, int inputs, int bins, int leaves)
    {
        Bins = ForecastWorkspace.Grow(Bins, rows * inputs);
        Cuts = ForecastWorkspace.Grow(Cuts, inputs * (bins - 1));
        RowOrder = ForecastWorkspace.Grow(RowOrder, rows);
        Packed = ForecastWorkspace.Grow(Packed, rows);
        Cells = ForecastWorkspace.Grow(Cells, leaves * inputs * bins);
        DrawnInputs = ForecastWorkspace.Grow(DrawnInputs, inputs);
    }
}

/// <summary>Cuts inputs into bins of about equal population.</summary>
internal static class Binner
{
    private const int SampleRows = 2_048;

    public static void Bin(double[] values, int rows, int inputs, int bins, float[] cuts, byte[] to)
    {
        var step = Math.Max(1, rows / SampleRows);
        var sample = new float[(rows + step - 1) / step];
        for (var f = 0; f < inputs; f++)
        {
            for (var (row, i) = (0, 0); row < rows; row += step)
            {
                sample[i++] = (float)values[(row * inputs) + f];
            }

            Array.Sort(sample);
            var edges = cuts.AsSpan(f * (bins - 1), bins - 1);
            for (var b = 0; b < edges.Length; b++)
            {
                edges[b] = sample[(int)((long)(b + 1) * sample.Length / bins) - (sample.Length >= bins ? 1 : 0) is var k && k >= 0 ? k : 0];
            }

            for (var row = 0; row < rows; row++)
            {
                to[(row * inputs) + f] = Find(edges, (float)values[(row * inputs) + f]);
            }
        }
    }

    /// <summary>First bin whose upper edge is not below the value.</summary>
    private static byte Find(ReadOnlySpan<float> edges, float value)
    {
        var (low, high) = (0, edges.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (edges[middle] < value)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return (byte)low;
    }
}
