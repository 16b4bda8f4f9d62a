using Atoll.Foundation.Bytes;

namespace Atoll.Fuzz.Targets;

/// <summary>Several byte strings as one input: each with its length (2 bytes) before it; a length beyond the end means the rest.</summary>
internal static class Parts
{
    private const int PartsMax = 64;

    /// <summary>An input of what each writes.</summary>
    public static byte[] Of(params IEnumerable<Action<WireWriter>> writers)
    {
        var all = new WireWriter();
        var part = new WireWriter();
        foreach (var write in writers)
        {
            part.Reset();
            write(part);
            all.WriteUInt16((ushort)part.Length);
            all.WriteRaw(part.Written);
        }

        return all.ToArray();
    }

    /// <summary>The parts of any input.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Read(ReadOnlyMemory<byte> input)
    {
        for (var parts = 0; input.Length >= 2 && parts < PartsMax; parts++)
        {
            var length = Math.Min(input.Span[0] | (input.Span[1] << 8), input.Length - 2);
            yield return input.Slice(2, length);
            input = input[(2 + length)..];
        }
    }
}
