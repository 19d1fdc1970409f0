using System.Text;
using CsCheck;
using Resilience.ScalingAgent.Ledger;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Ledger;

/// <summary>The ledger's promise: whatever is appended and dropped, the chain verifies; whatever is changed, it does not.</summary>
public sealed class LedgerVerificationTests
{
    private enum Step
    {
        Append,
        AppendLarge,
        JumpForward,
        JumpBack,
        Reopen,
        Verify,
    }

    [Fact]
    public void AnyInterleavingOfAppendsAndPrunes_Verifies()
    {
        var steps = Gen.Frequency((40, Gen.Const(Step.Append)), (8, Gen.Const(Step.AppendLarge)), (2, Gen.Const(Step.JumpForward)), (1, Gen.Const(Step.JumpBack)), (1, Gen.Const(Step.Reopen)), (1, Gen.Const(Step.Verify)));
        var pruned = 0;
        Gen.Select(steps.Array[1, 400], Gen.Int[60, 150]).Sample(
            (history, most) =>
            {
                using var temporary = new TemporaryStore(options => (options.MaxEntries, options.MaxAge, options.MaxLedgerMebibytes) = (most, TimeSpan.FromHours(3), 1));
                Run(temporary, history);
                var verdict = temporary.Verify();
                Assert.True(verdict.Intact, verdict.Why);
                Assert.Null(temporary.StrangersVerdict());
                Assert.InRange(verdict.Entries, 0, most + 1);
                Interlocked.Add(ref pruned, verdict.Oldest > 1 ? 1 : 0);
            },
            iter: 30,
            threads: 2);
        Assert.True(pruned > 3, $"only {pruned} histories were pruned: the property was not put to the test");
    }

    [Fact]
    public void FlippingAnyByteOfAnyBody_IsFound_AtThatEntry()
    {
        using var temporary = new TemporaryStore(options => options.MaxEntries = 80);
        for (var i = 0; i < 100; i++)
        {
            _ = temporary.Append(minute: i, text: i % 3 == 0 ? "plain" : "\ufffd \ud83d\ude80");
        }

        var oldest = temporary.Verify().Oldest!.Value;
        Assert.True(oldest > 1, "there must be a checkpoint among the bodies");
        Gen.Select(Gen.Long[oldest, temporary.Verify().Newest!.Value], Gen.Int[0, 10_000], Gen.Int[1, 255]).Sample(
            (number, place, mask) =>
            {
                var body = Encoding.UTF8.GetBytes(temporary.Store.Find(number)!.Canonical.Split('\n', 8)[7]);
                var flipped = (byte[])body.Clone();
                flipped[place % flipped.Length] ^= (byte)mask;
                Assert.Equal(1, temporary.Tamper("UPDATE ledger SET body = CAST($1 AS TEXT) WHERE number = $2", flipped, number));
                var verdict = temporary.Verify();
                _ = temporary.Store.List(new LedgerFilter());   // a body that is no text any more can still be shown
                Assert.Equal(1, temporary.Tamper("UPDATE ledger SET body = CAST($1 AS TEXT) WHERE number = $2", body, number));

                Assert.False(verdict.Intact);
                Assert.Equal(number, verdict.FirstBroken);
            },
            iter: 150,
            threads: 1);
        Assert.True(temporary.Verify().Intact);
    }

    [Fact]
    public void ReplacementCharacter_IsNotTakenForAnotherDamagedByte()
    {
        using var temporary = new TemporaryStore();
        var raw = System.Text.Json.JsonDocument.Parse("{\"text\":\"\ufffd\"}").RootElement;
        _ = temporary.Store.Append(TemporaryStore.Web, TemporaryStore.Start, EntryKind.Notice, null, raw);
        var damaged = Encoding.UTF8.GetBytes("{\"text\":\"\ufffd\"}");
        damaged[9] = 0xEE;   // EE BF BD is another character; FF BF BD is none, and reads as replacement characters
        _ = temporary.Tamper("UPDATE ledger SET body = CAST($1 AS TEXT) WHERE number = 1", damaged);
        Assert.False(temporary.Verify().Intact);
        damaged[9] = 0xFF;
        _ = temporary.Tamper("UPDATE ledger SET body = CAST($1 AS TEXT) WHERE number = 1", damaged);
        Assert.False(temporary.Verify().Intact);
    }

    [Theory]
    [InlineData("UPDATE ledger SET at = at + 1 WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET namespace = 'shoe' WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET name = 'app' WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET kind = 'outcome' WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET refers = 7 WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET hash = upper(hash) WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET hash = (SELECT hash FROM ledger WHERE number = 59) WHERE number = 60", 60L)]
    [InlineData("DELETE FROM ledger WHERE number = 60", 60L)]
    [InlineData("DELETE FROM ledger WHERE number < 60", 26L)]          // the checkpoint says where the chain begins
    [InlineData("DELETE FROM ledger WHERE number > 102", 103L)]        // this process knows what it wrote last
    [InlineData("UPDATE ledger SET number = 1000 WHERE number = 60", 60L)]
    [InlineData("UPDATE ledger SET body = '{\"v\":1,\"upTo\":59,\"hash\":\"x\",\"dropped\":59}' WHERE kind = 'checkpoint'", 102L)]
    [InlineData("UPDATE ledger SET body = 'no' WHERE kind = 'checkpoint'", 102L)]
    [InlineData("DELETE FROM ledger WHERE kind = 'checkpoint'", 1L)]
    public void AnyOtherChange_IsFound_WithTheFirstBrokenEntry(string sql, long firstBroken)
    {
        using var temporary = new TemporaryStore(options => options.MaxEntries = 80);
        for (var i = 1; i <= 99; i++)
        {
            _ = temporary.Append(minute: i, refers: i % 10 == 0 ? i - 1 : null);
        }

        Assert.Equal((26, 104), (temporary.Verify().Oldest, temporary.Verify().Newest));
        Assert.True(temporary.Tamper(sql) >= 1);

        var verdict = temporary.Verify();
        Assert.False(verdict.Intact);
        Assert.Equal(firstBroken, verdict.FirstBroken);
        Assert.NotNull(verdict.Why);
        Assert.NotNull(temporary.Append(minute: 200));   // a broken ledger is still written to
    }

    [Fact]
    public void RewrittenTail_IsFoundByWhoNotedTheHead()
    {
        using var temporary = new TemporaryStore();
        _ = temporary.Append(text: "true");
        var noted = temporary.Verify().Head;
        temporary.Close();
        _ = temporary.Tamper("DELETE FROM ledger");
        _ = temporary.Append(text: "false");
        Assert.True(temporary.Verify().Intact);
        Assert.NotEqual(noted, temporary.Verify().Head);
    }

    /// <summary>The script in docs/ledger.md, as a stranger copies it: needs python3.</summary>
    [Fact(Explicit = true)]
    [Trait("tier", "slow")]
    public async Task DocumentedScript_FindsTheSame()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && (File.Exists("/usr/bin/python3") || Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "python3")))), "python3 is not installed");
        using var temporary = new TemporaryStore(options => options.MaxEntries = 80);
        for (var i = 1; i <= 99; i++)
        {
            _ = temporary.Append(minute: i, refers: i % 10 == 0 ? i - 1 : null, text: "\ufffd \ud83d\ude80");
        }

        var head = temporary.Verify().Head;
        temporary.Close();
        var script = Path.Combine(temporary.Folder, "verify.py");
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "ledger.md"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(script, page.Split("```python\n")[1].Split("```")[0], TestContext.Current.CancellationToken);

        Assert.Equal($"intact up to entry 104, head {head}\n", await RunPythonAsync(script, temporary.Options.Path));
        _ = temporary.Tamper("UPDATE ledger SET at = at + 1 WHERE number = 60");
        Assert.Equal("BROKEN at entry 60\n", await RunPythonAsync(script, temporary.Options.Path));
    }

    [Fact]
    public void ByAge_OldEntriesGoInLots_AndTheNewestStay()
    {
        using var temporary = new TemporaryStore(options => options.MaxAge = TimeSpan.FromHours(1));
        for (var minute = 0; minute < 300; minute++)
        {
            _ = temporary.Append(minute: minute);
        }

        var verdict = temporary.Verify();
        Assert.True(verdict.Intact, verdict.Why);
        Assert.InRange(verdict.Entries, 60, 60 + 50 + 5);

        _ = temporary.Append(minute: 1_000_000);
        Assert.InRange(temporary.Verify().Entries, 50, 100);
    }

    [Fact]
    public void BySize_OldEntriesGo()
    {
        using var temporary = new TemporaryStore(options => options.MaxLedgerMebibytes = 1);
        var text = new string('x', 4_000);
        for (var i = 0; i < 600; i++)
        {
            _ = temporary.Append(minute: i, text: text);
        }

        var verdict = temporary.Verify();
        Assert.True(verdict.Intact, verdict.Why);
        Assert.InRange(verdict.Entries, 230, 300);   // about 250 of 4 kB, and their small checkpoints
        temporary.Close();
        Assert.InRange(new FileInfo(temporary.Options.Path).Length, 1_000_000, 2_500_000);
    }

    private static async Task<string> RunPythonAsync(params string[] arguments)
    {
        using var python = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("python3", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = await python.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await python.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await python.WaitForExitAsync(TestContext.Current.CancellationToken);
        return said;
    }

    private static void Run(TemporaryStore temporary, Step[] history)
    {
        var minute = 0;
        foreach (var step in history)
        {
            switch (step)
            {
                case Step.Append:
                    _ = temporary.Append(minute: minute++);
                    break;
                case Step.AppendLarge:
                    _ = temporary.Append(EntryKind.Notice, minute++, text: new string('l', 60_000));
                    break;
                case Step.JumpForward:
                    minute += 100;
                    break;
                case Step.JumpBack:
                    minute -= 150;
                    break;
                case Step.Reopen:
                    _ = temporary.Reopen();
                    break;
                default:
                    Assert.True(temporary.Verify().Intact);
                    break;
            }
        }
    }
}
