// Microsoft.ML 5 and Microsoft.ML.TimeSeries 5: https://learn.microsoft.com/dotnet/api/microsoft.ml
using Microsoft.ML.Transforms.TimeSeries;

namespace Microsoft.ML
{
    namespace Runtime
    {
        public interface IHostEnvironment;
    }

    public interface IDataView;

    public interface ITransformer;

    public interface IEstimator<out TTransformer>
        where TTransformer : ITransformer
    {
        TTransformer Fit(IDataView input);
    }

    public sealed class MLContext(int? seed = null) : Runtime.IHostEnvironment
    {
        public DataOperationsCatalog Data => throw new NotSupportedException(seed?.ToString(System.Globalization.CultureInfo.InvariantCulture));

        public ForecastingCatalog Forecasting => throw new NotSupportedException();
    }

    public sealed class DataOperationsCatalog
    {
        public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data)
            where TRow : class => throw new NotSupportedException();
    }

    public sealed class ForecastingCatalog;

    public enum RankSelectionMethod
    {
        Fixed,
        Exact,
        Fast,
    }

    public static class TimeSeriesCatalog
    {
        public static SsaForecastingEstimator ForecastBySsa(
            this ForecastingCatalog catalog, string outputColumnName, string inputColumnName, int windowSize, int seriesLength, int trainSize, int horizon,
            bool isAdaptive = false, float discountFactor = 1, RankSelectionMethod rankSelectionMethod = RankSelectionMethod.Exact, int? rank = null,
            int? maxRank = null, bool shouldStabilize = true, bool shouldMaintainInfo = false) => throw new NotSupportedException();
    }
}

namespace Microsoft.ML.Transforms.TimeSeries
{
    public sealed class SsaForecastingTransformer : ITransformer;

    public sealed class SsaForecastingEstimator : IEstimator<SsaForecastingTransformer>
    {
        public SsaForecastingTransformer Fit(IDataView input) => throw new NotSupportedException();
    }

    public sealed class TimeSeriesPredictionEngine<TSrc, TDst> : IDisposable
        where TSrc : class
        where TDst : class, new()
    {
        public void Dispose() => throw new NotSupportedException();

        public TDst Predict(TSrc example, int? horizon = null, float? confidenceLevel = null) => throw new NotSupportedException();

        public TDst Predict(int? horizon = null, float? confidenceLevel = null) => throw new NotSupportedException();
    }

    public static class PredictionFunctionExtensions
    {
        public static TimeSeriesPredictionEngine<TSrc, TDst> CreateTimeSeriesEngine<TSrc, TDst>(
            this ITransformer transformer, Runtime.IHostEnvironment env, bool ignoreMissingColumns = false)
            where TSrc : class
            where TDst : class, new() => throw new NotSupportedException();
    }
}
