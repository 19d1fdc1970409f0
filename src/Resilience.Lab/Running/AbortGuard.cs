using System.Globalization;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Running;

/// <summary>Says when a run hurts more than its experiment allows. Pure: fed with counts, asked for a verdict.</summary>
internal sealed class AbortGuard(AbortSpec limits)
{
    private readonly Queue<(TimeSpan At, long Ok, long Failed)> _window = new();
    private TimeSpan _lastAnswer;
    private long _answers;

    /// <param name="at">Time since the load began.</param>
    /// <param name="ok">Good answers so far.</param>
    /// <param name="failed">Failed requests so far.</param>
    /// <returns>Why the run must end, or null.</returns>
    public string? Check(TimeSpan at, long ok, long failed)
    {
        if (ok > _answers)
        {
            (_answers, _lastAnswer) = (ok, at);
        }

        if (at - _lastAnswer > limits.NoReplyFor)
        {
            return string.Create(CultureInfo.InvariantCulture, $"no request was answered for {limits.NoReplyFor.TotalSeconds:0} s");
        }

        _window.Enqueue((at, ok, failed));
        while (_window.Count > 1 && at - _window.Peek().At > limits.ErrorRatioOver)
        {
            _ = _window.Dequeue();
        }

        // A window that is not yet full says little: a short gap at its start would look like a disaster.
        var first = _window.Peek();
        var total = ok + failed - first.Ok - first.Failed;
        var ratio = total == 0 ? 0 : (double)(failed - first.Failed) / total;
        return at - first.At >= limits.ErrorRatioOver * 0.9 && ratio > limits.ErrorRatioAbove
            ? string.Create(CultureInfo.InvariantCulture, $"{ratio:0%} of the requests failed over {limits.ErrorRatioOver.TotalSeconds:0} s")
            : null;
    }
}
