using Resilience.Lab.Cli;

namespace Resilience.Lab.Running;

/// <summary>Shows a speaker's note and waits for Enter; without a keyboard the note is only shown.</summary>
internal static class Narrator
{
    public static Func<string, CancellationToken, Task> For(LabConsole console) => async (note, stop) =>
    {
        console.Say(string.Empty);
        console.Say($"  >> {note}");
        if (Console.IsInputRedirected)
        {
            return;
        }

        console.Say("  >> Enter goes on.");
        _ = await Task.Run(Console.ReadLine, stop).WaitAsync(stop).ConfigureAwait(false);
    };
}
