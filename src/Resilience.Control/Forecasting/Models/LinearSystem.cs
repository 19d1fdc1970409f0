namespace Resilience.Control.Forecasting.Models;

/// <summary>Solves symmetric positive definite systems.</summary>
internal static class LinearSystem
{
    /// <summary>Cholesky on the upper triangle of <paramref name="matrix"/>; both arguments are overwritten, the right side with the answer.</summary>
    /// <param name="matrix">Row-major, upper triangle filled.</param>
    /// <param name="right">Right-hand side.</param>
    /// <param name="size">Unknowns.</param>
    /// <param name="stride">Length of a row in memory.</param>
    public static void SolveInPlace(Span<double> matrix, Span<double> right, int size, int stride)
    {
        for (var i = 0; i < size; i++)
        {
            var rowI = matrix.Slice(i * stride, size);
            var pivot = Math.Sqrt(Math.Max(rowI[i], 1e-12));   // a column that says nothing new keeps a harmless pivot
            for (var j = i; j < size; j++)
            {
                rowI[j] /= pivot;
            }

            rowI[i] = pivot;
            for (var k = i + 1; k < size; k++)
            {
                var factor = rowI[k];
                var rowK = matrix.Slice(k * stride, size);
                for (var j = k; j < size; j++)
                {
                    rowK[j] -= factor * rowI[j];
                }
            }

            right[i] /= pivot;
            for (var k = i + 1; k < size; k++)
            {
                right[k] -= rowI[k] * right[i];
            }
        }

        for (var i = size - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < size; j++)
            {
                right[i] -= matrix[(i * stride) + j] * right[j];
            }

            right[i] /= matrix[(i * stride) + i];
        }
    }
}
