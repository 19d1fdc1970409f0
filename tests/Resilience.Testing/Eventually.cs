using Microsoft.Extensions.Time.Testing;

namespace Resilience.Testing;

/// <summary>Waits that end with the condition or say what did not happen.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Lets other work run until the condition holds; real time bounds the wait, virtual time stands still.</summary>
    public static async Task TrueAsync(Func<bool> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"did not happen within {Patience.TotalSeconds:0} s: {what}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }

    /// <summary>Moves virtual time forward in steps until the condition holds, giving other work time to run in between.</summary>
    public static async Task AfterAsync(FakeTimeProvider clock, TimeSpan step, Func<bool> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"did not happen within {Patience.TotalSeconds:0} s of stepping the clock by {step}: {what}");
            }

            clock.Advance(step);
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }

    public static Task<T> WithinAsync<T>(Task<T> task, string what) => WaitAsync(task, what);

    private static async Task<T> WaitAsync<T>(Task<T> task, string what)
    {
        try
        {
            return await task.WaitAsync(Patience, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"did not happen within {Patience.TotalSeconds:0} s: {what}");
        }
    }
}
