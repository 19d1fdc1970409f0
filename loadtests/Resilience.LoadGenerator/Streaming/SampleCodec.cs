using System.Buffers.Text;

namespace Resilience.LoadGenerator.Streaming;

/// <summary>
/// Samples as text: five to six bytes each instead of 24, in base64 (the alphabet that JSON need not escape). Per sample the difference of the intended time to that of the sample
/// before (zigzag, because requests end in another order than they were sent), the latency, and outcome and slot in one byte.
/// </summary>
internal static class SampleCodec
{
    private const int MostBytes = 10 + 10 + 1;

    public static string Encode(IReadOnlyList<Sample> samples)
    {
        var bytes = new byte[samples.Count * MostBytes];
        var length = 0;
        long before = 0;
        foreach (var sample in samples)
        {
            length += Write(bytes.AsSpan(length), ZigZag(sample.IntendedUs - before));
            length += Write(bytes.AsSpan(length), ZigZag(sample.CompletedUs - sample.IntendedUs));
            bytes[length++] = (byte)(((byte)sample.Outcome << 4) | (sample.Slot & 0xF));
            before = sample.IntendedUs;
        }

        return Base64Url.EncodeToString(bytes.AsSpan(0, length));
    }

    /// <exception cref="FormatException">The text is not what <see cref="Encode"/> writes.</exception>
    public static IReadOnlyList<Sample> Decode(string text)
    {
        ReadOnlySpan<byte> bytes = Base64Url.DecodeFromChars(text);
        var samples = new List<Sample>();
        long before = 0;
        while (!bytes.IsEmpty)
        {
            var intended = before + UnZigZag(Read(ref bytes));
            var completed = intended + UnZigZag(Read(ref bytes));
            var last = bytes.IsEmpty ? throw new FormatException("A sample is cut off.") : bytes[0];
            var outcome = (Outcome)(last >> 4);
            samples.Add(Enum.IsDefined(outcome) ? new(intended, completed, outcome, (byte)(last & 0xF)) : throw new FormatException("A sample has an unknown outcome."));
            bytes = bytes[1..];
            before = intended;
        }

        return samples;
    }

    private static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    private static long UnZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    private static int Write(Span<byte> into, ulong value)
    {
        var length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            into[length++] = (byte)(value | 0x80);
        }

        into[length++] = (byte)value;
        return length;
    }

    private static ulong Read(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var i = 0; i < bytes.Length && i < 10; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }

        throw new FormatException("A number of a sample is cut off.");
    }
}
