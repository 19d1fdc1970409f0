using System.Text;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Tests.Ledger;

public sealed class LedgerChainTests
{
    /// <summary>Figures of sha256sum: whoever changes the form breaks every ledger that exists.</summary>
    [Fact]
    public void Hash_IsWhatSha256SumPrints()
    {
        var first = new LedgerRow(1, 1_782_864_000_000, "shop", "web", "decision", null, """{"v":1,"reason":"x"}"""u8.ToArray(), "");
        var second = new LedgerRow(2, 1_782_864_060_000, "shop", "web", "outcome", 1, """{"v":1}"""u8.ToArray(), "");

        var hash = LedgerChain.Hash(LedgerChain.Genesis, first);

        Assert.Equal("ff53955150dec2bdd97590dd6143f8be5a1c0b4a55fbabd34ba306765baeafab", hash);
        Assert.Equal("4e943e792768ab099086623cd2b53531ebadc2754ac0f1c9d5192ad186f506ae", LedgerChain.Hash(hash, second));
    }

    [Fact]
    public void Canonical_IsTheDocumentedText()
    {
        var row = new LedgerRow(7, 1_782_864_000_000, "shop", "web", "outcome", 3, "{\n}"u8.ToArray(), "");
        Assert.Equal("abc\n7\n1782864000000\nshop\nweb\noutcome\n3\n{\n}", Encoding.UTF8.GetString(LedgerChain.Canonical("abc", row)));
    }
}
