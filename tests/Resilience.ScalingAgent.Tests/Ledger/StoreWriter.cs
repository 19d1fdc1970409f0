using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Ledger;

/// <summary>This program once more, as a process that writes to a store until it is killed, saying after each write what it was promised.</summary>
internal static class StoreWriter
{
    private const string Variable = "RESILIENCE_TEST_STORE_WRITER";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Process Start(string path) => Process.Start(new ProcessStartInfo(Environment.ProcessPath!)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        Environment = { [Variable] = path },
    })!;

    public static AgentStoreOptions Options(string path) => new() { Path = path, MaxEntries = 300, MaxDemandSamples = 500 };

    /// <summary>Runs before the test runner's own Main.</summary>
    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path)
        {
            Environment.Exit(Write(path));
        }
    }

    private static int Write(string path)
    {
        try
        {
            using var store = SqliteAgentStore.Open(Options(path), TimeProvider.System, NullLogger<SqliteAgentStore>.Instance);
            var started = TimeProvider.System.GetTimestamp();
            var done = store.ReadLearned(TemporaryStore.Web, "done")?.GetProperty("reason").GetString();
            for (var i = done is null ? 0 : int.Parse(done, CultureInfo.InvariantCulture) + 1; TimeProvider.System.GetElapsedTime(started) < Limit; i++)
            {
                var at = TemporaryStore.Start.AddMinutes(i);
                var entry = store.Append(TemporaryStore.Web, at, EntryKind.Decision, null, TemporaryStore.Body(new string('x', 200 + (i % 5_000))));
                Console.WriteLine($"entry {entry?.Number} {entry?.Hash}.");
                store.AppendDemand(TemporaryStore.Web, [new DemandSample(at, i)]);
                Console.WriteLine($"demand {i}.");
                store.WriteLearned(TemporaryStore.Web, "done", at, TemporaryStore.Body(i.ToString(CultureInfo.InvariantCulture)));
                Console.WriteLine($"learned {i}.");
            }

            return 0;
        }
        catch (AgentStoreException refusal)
        {
            Console.Error.WriteLine(refusal.Message);
            return 2;
        }
    }
}
