using Atoll.Foundation.Bytes;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// A decoder with its encoder. What is decoded can be encoded, and those bytes are decoded and encoded to themselves: nothing that was
/// accepted is lost or turns into something else on its way through another node.
/// </summary>
public abstract class CodecTarget : IFuzzTarget
{
    /// <inheritdoc />
    public abstract string Name { get; }

    /// <inheritdoc />
    public abstract string About { get; }

    /// <inheritdoc />
    public virtual AllocationBound Allocation => AllocationBound.OfDecoder;

    /// <inheritdoc />
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    /// <inheritdoc />
    public virtual void FixChecksums(Span<byte> input)
    {
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var first = new WireWriter();
        if (!TryRecode(input, first, out var outcome))
        {
            return Verdict.Refused(outcome);
        }

        var bytes = first.ToArray();
        var second = new WireWriter();
        BrokenPromiseException.Unless(TryRecode(bytes, second, out _), "what was decoded and encoded again can be decoded");
        BrokenPromiseException.Unless(second.Written.SequenceEqual(bytes), "what was encoded is decoded to the same");
        return Verdict.Accepted(outcome);
    }

    /// <summary>Decodes all of the input, and encodes what came out.</summary>
    /// <param name="input">Any bytes.</param>
    /// <param name="again">Receives the encoding.</param>
    /// <param name="outcome">In which way it ended.</param>
    /// <returns>False when the input is refused.</returns>
    protected abstract bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome);

    /// <summary>Bytes that a writer was made to write.</summary>
    protected static byte[] Bytes(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }
}
