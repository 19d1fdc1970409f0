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
        var cuts = new float[inputs * (Bins - 1)];
        Binner.Bin(workspace.Scaled, rows, inputs, Bins, cuts, workspace.Bins);
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

        var grower = new Grower(forest, rows, inputs, workspace, cuts);
        for (var tree = 0; tree < Trees; tree++)
        {
            grower.Grow(tree);
        }

        return forest;
    }

    /// <summary>Grows one tree at a time and takes its answer off the residuals.</summary>
    private sealed class Grower(BoostedForest forest, int rows, int inputs, ForecastWorkspace workspace, float[] cuts)
    {
        private readonly Cell[][] _histograms = [.. Enumerable.Range(0, Leaves).Select(_ => new Cell[inputs * Bins])];
        private readonly Leaf[] _leaves = new Leaf[Leaves];
        private readonly int _minimumRows = Math.Max(10, rows / 400);
        private readonly int[] _order = workspace.RowOrder;
        private readonly byte[] _bins = workspace.Bins;
        private readonly double[] _residuals = workspace.ScaledTargets;

        public void Grow(int tree)
        {
            var root = tree * NodesPerTree;
            Array.Clear(forest._child, root, NodesPerTree);
            for (var i = 0; i < rows; i++)
            {
                _order[i] = i;
            }

            Accumulate(0, rows, _histograms[0]);
            _leaves[0] = FindSplit(new Leaf { From = 0, To = rows, Node = 0, Histogram = _histograms[0] });
            var (leaves, nodes) = (1, 1);
            while (leaves < Leaves && BestLeaf(leaves) is var best && best >= 0)
            {
                Split(root, best, leaves++, nodes);
                nodes += 2;
            }

            for (var i = 0; i < leaves; i++)
            {
                Finish(root, _leaves[i]);
            }
        }

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
            forest._threshold[root + leaf.Node] = cuts[(leaf.Input * (Bins - 1)) + leaf.Bin];
            forest._child[root + leaf.Node] = (sbyte)nodes;
            var middle = Partition(leaf);
            var left = new Leaf { From = leaf.From, To = middle, Node = nodes };
            var right = new Leaf { From = middle, To = leaf.To, Node = nodes + 1 };

            // Only the smaller half is counted; the larger one is what remains of the parent.
            var smallIsLeft = middle - leaf.From <= leaf.To - middle;
            var small = _histograms[newIndex];
            Accumulate(smallIsLeft ? left.From : right.From, smallIsLeft ? left.To : right.To, small);
            var large = leaf.Histogram;
            for (var i = 0; i < large.Length; i++)
            {
                large[i].Sum -= small[i].Sum;
                large[i].Rows -= small[i].Rows;
            }

            left.Histogram = smallIsLeft ? small : large;
            right.Histogram = smallIsLeft ? large : small;
            _leaves[index] = FindSplit(left);
            _leaves[newIndex] = FindSplit(right);
        }

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

        private void Accumulate(int from, int to, Cell[] histogram)
        {
            Array.Clear(histogram);
            for (var i = from; i < to; i++)
            {
                var row = _order[i];
                var residual = (float)_residuals[row];
                var bins = _bins.AsSpan(row * inputs, inputs);
                for (var f = 0; f < bins.Length; f++)
                {
                    ref var cell = ref histogram[(f * Bins) + bins[f]];
                    cell.Sum += residual;
                    cell.Rows += 1;
                }
            }
        }

        private Leaf FindSplit(Leaf leaf)
        {
            double total = 0;
            var count = leaf.To - leaf.From;
            for (var b = 0; b < Bins; b++)
            {
                total += leaf.Histogram[b].Sum;
            }

            var parent = total * total / (count + LeafShrinkage);
            for (var f = 0; f < inputs && count >= 2 * _minimumRows; f++)
            {
                double sum = 0;
                var seen = 0f;
                for (var b = 0; b < Bins - 1; b++)
                {
                    var cell = leaf.Histogram[(f * Bins) + b];
                    sum += cell.Sum;
                    seen += cell.Rows;
                    if (cell.Rows == 0 || seen < _minimumRows || count - seen < _minimumRows)
                    {
                        continue;
                    }

                    var rest = total - sum;
                    var gain = (sum * sum / (seen + LeafShrinkage)) + (rest * rest / (count - seen + LeafShrinkage)) - parent;
                    if (gain > leaf.Gain)
                    {
                        (leaf.Gain, leaf.Input, leaf.Bin) = (gain, f, b);
                    }
                }
            }

            return leaf;
        }

        private void Finish(int root, Leaf leaf)
        {
            var sum = 0d;
            for (var i = leaf.From; i < leaf.To; i++)
            {
                sum += _residuals[_order[i]];
            }

            var value = Rate * sum / (leaf.To - leaf.From + LeafShrinkage);
            forest._value[root + leaf.Node] = (float)value;
            for (var i = leaf.From; i < leaf.To; i++)
            {
                _residuals[_order[i]] -= value;
            }
        }

        private struct Leaf
        {
            public int From;
            public int To;
            public int Node;
            public int Input;
            public int Bin;
            public double Gain;
            public Cell[] Histogram;
        }

        private struct Cell
        {
            public float Sum;
            public float Rows;
        }
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
