using System.Diagnostics;

namespace Resilience.ServiceDefaults;

/// <summary>
/// Ties a child process to its parent: the parent holds the writing end of this process's standard input, and when the parent is gone,
/// by whatever signal, the system closes the pipe and this process ends. Nothing has to be cleaned up by anybody.
/// </summary>
public static class Lifeline
{
    /// <summary>Environment variable that arms the lifeline; the only value is <c>stdin</c>.</summary>
    public const string Variable = "RESILIENCE_LIFELINE";

    private static readonly TimeSpan ExitLimit = TimeSpan.FromSeconds(1);
    private static int _started;

    /// <summary>True when the parent asked for a lifeline. SIGINT is then the parent's business: a terminal sends it to the whole group.</summary>
    public static bool IsRequested => Environment.GetEnvironmentVariable(Variable) == "stdin";

    /// <summary>
    /// Starts watching standard input if <see cref="Variable"/> asks for it; later calls do nothing. For processes without a host;
    /// <c>AddServiceDefaults</c> and <c>AddLifeline</c> call it.
    /// </summary>
    /// <returns>True when the lifeline is armed.</returns>
    public static bool Start()
    {
        if (!IsRequested)
        {
            return false;
        }

        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            // A thread, not a task: it must work while the thread pool is starved, which some drills do on purpose.
            new Thread(ReadUntilEnd, maxStackSize: 64 * 1024) { IsBackground = true, Name = "lifeline" }.Start();
        }

        return true;
    }

    private static void ReadUntilEnd()
    {
        Span<byte> buffer = stackalloc byte[64];
        try
        {
            using var input = Console.OpenStandardInput();
            while (input.Read(buffer) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A broken pipe means the same as its end.
        }

        // Exit runs finalisers and exit handlers; one of them may be stuck, and the parent is gone, so nobody else would end us.
        var exit = new Thread(() => Environment.Exit(0), maxStackSize: 256 * 1024) { IsBackground = true, Name = "lifeline exit" };
        exit.Start();
        if (!exit.Join(ExitLimit))
        {
            Process.GetCurrentProcess().Kill();
        }
    }
}
