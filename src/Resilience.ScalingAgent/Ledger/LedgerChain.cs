using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>The ledger's hash chain, in a form that can be checked without this program.</summary>
internal static class LedgerChain
{
    /// <summary>What the first entry of a new ledger follows.</summary>
    public static readonly string Genesis = new('0', 64);

    /// <summary>
    /// The text that is hashed, UTF-8: hash of the previous entry, number, milliseconds since 1970-01-01 UTC, namespace, name, kind,
    /// number referred to (empty for none), each ended by a line feed, and then the body as it is stored. None but the body can
    /// contain a line feed, so no two entries have the same text.
    /// </summary>
    public static byte[] Canonical(string previousHash, LedgerRow row)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture, $"{previousHash}\n{row.Number}\n{row.AtMilliseconds}\n{row.Namespace}\n{row.Name}\n{row.Kind}\n{row.Refers}\n");
        var length = Encoding.UTF8.GetByteCount(head);
        var text = new byte[length + row.Body.Length];
        _ = Encoding.UTF8.GetBytes(head, text);
        row.Body.CopyTo(text, length);
        return text;
    }

    /// <summary>SHA-256 of the canonical text, lower-case hex.</summary>
    public static string Hash(string previousHash, LedgerRow row) => Convert.ToHexStringLower(SHA256.HashData(Canonical(previousHash, row)));
}

/// <summary>An entry as it is stored; the body in bytes, because a damaged one need not be text.</summary>
internal sealed record LedgerRow(long Number, long AtMilliseconds, string Namespace, string Name, string Kind, long? Refers, byte[] Body, string Hash);
