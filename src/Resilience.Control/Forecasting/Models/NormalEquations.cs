using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Resilience.Control.Forecasting.Models;

/// <summary>Weighted sums of products of columns, the matrix of a least squares fit: most of the time of a refit is spent here.</summary>
internal static class NormalEquations
{
    /// <summary>Rows are padded to a multiple of this many columns.</summary>
    public const int Lanes = 8;

    private const int BlockRows = 64;   // of 48 columns: 24 KB, so that a block and its weighted copy stay in the first caches
    private const int TileRows = 4;

    /// <summary>Length of a padded row.</summary>
    public static int Stride(int columns) => (columns + Lanes - 1) / Lanes * Lanes;

    /// <summary>
    /// Sets the upper triangle of <paramref name="gram"/> to the sum over the rows of weight x row' x row. Sums run in the order of
    /// the rows on any machine, so a fit does not depend on the width of its vectors.
    /// </summary>
    /// <param name="table">Row-major; each row of <paramref name="stride"/> columns.</param>
    /// <param name="stride">Columns, a multiple of <see cref="Lanes"/>.</param>
    /// <param name="weights">One per row.</param>
    /// <param name="weighted">Scratch of at least <see cref="ScratchLength"/>.</param>
    /// <param name="gram">Row-major, <paramref name="stride"/> squared.</param>
    public static void Sum(ReadOnlySpan<double> table, int stride, ReadOnlySpan<double> weights, Span<double> weighted, Span<double> gram)
    {
        gram[..(stride * stride)].Clear();
        for (var from = 0; from < weights.Length; from += BlockRows)
        {
            var rows = Math.Min(BlockRows, weights.Length - from);
            var block = table.Slice(from * stride, rows * stride);
            for (var row = 0; row < rows; row++)
            {
                Multiply(block.Slice(row * stride, stride), weights[from + row], weighted.Slice(row * stride, stride));
            }

            for (var i = 0; i < stride; i += TileRows)
            {
                for (var j = i / Lanes * Lanes; j < stride; j += Lanes)
                {
                    AddTile(block, weighted, rows, stride, i, j, gram);
                }
            }
        }
    }

    public static int ScratchLength(int stride) => BlockRows * stride;

    /// <summary>Sum of products; both spans as long, a multiple of <see cref="Lanes"/>.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ref var x = ref MemoryMarshal.GetReference(a);
        ref var y = ref MemoryMarshal.GetReference(b);
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        for (var i = 0; i < a.Length; i += Lanes)
        {
            low += Vector256.LoadUnsafe(ref x, (nuint)i) * Vector256.LoadUnsafe(ref y, (nuint)i);
            high += Vector256.LoadUnsafe(ref x, (nuint)i + 4) * Vector256.LoadUnsafe(ref y, (nuint)i + 4);
        }

        return Vector256.Sum(low + high);
    }

    private static void Multiply(ReadOnlySpan<double> row, double weight, Span<double> to)
    {
        for (var i = 0; i < row.Length; i += 4)
        {
            (Vector256.Create(row[i..]) * weight).CopyTo(to[i..]);
        }
    }

    /// <summary>Four rows by eight columns of the sum, kept in registers while the block's rows pass by.</summary>
    private static void AddTile(ReadOnlySpan<double> block, ReadOnlySpan<double> weighted, int rows, int stride, int i, int j, Span<double> gram)
    {
        ref var right = ref Unsafe.Add(ref MemoryMarshal.GetReference(block), j);
        ref var left = ref Unsafe.Add(ref MemoryMarshal.GetReference(weighted), i);
        Vector256<double> a0 = default, b0 = default, a1 = default, b1 = default, a2 = default, b2 = default, a3 = default, b3 = default;
        for (var row = 0; row < rows; row++)
        {
            var low = Vector256.LoadUnsafe(ref right);
            var high = Vector256.LoadUnsafe(ref right, 4);
            var x0 = Vector256.Create(left);
            var x1 = Vector256.Create(Unsafe.Add(ref left, 1));
            var x2 = Vector256.Create(Unsafe.Add(ref left, 2));
            var x3 = Vector256.Create(Unsafe.Add(ref left, 3));
            a0 += x0 * low;
            b0 += x0 * high;
            a1 += x1 * low;
            b1 += x1 * high;
            a2 += x2 * low;
            b2 += x2 * high;
            a3 += x3 * low;
            b3 += x3 * high;
            right = ref Unsafe.Add(ref right, stride);
            left = ref Unsafe.Add(ref left, stride);
        }

        Add(a0, b0, gram[((i * stride) + j)..]);
        Add(a1, b1, gram[(((i + 1) * stride) + j)..]);
        Add(a2, b2, gram[(((i + 2) * stride) + j)..]);
        Add(a3, b3, gram[(((i + 3) * stride) + j)..]);
    }

    private static void Add(Vector256<double> low, Vector256<double> high, Span<double> to)
    {
        (Vector256.Create<double>(to) + low).CopyTo(to);
        (Vector256.Create<double>(to[4..]) + high).CopyTo(to[4..]);
    }
}
