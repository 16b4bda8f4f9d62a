namespace Atoll.Foundation.Compression;

/// <summary>
/// A repeat of earlier bytes, as all formats of the Lempel-Ziv family have them: literals, and a stretch that was there before.
/// </summary>
/// <param name="LiteralsFrom">Where the literals before it begin.</param>
/// <param name="Position">Where it begins.</param>
/// <param name="Distance">How far back it was.</param>
/// <param name="Length">Bytes of it.</param>
internal readonly record struct Match(int LiteralsFrom, int Position, int Distance, int Length)
{
    private const int Chunk = 16;

    /// <summary>
    /// Copies a match within what is decompressed. It may reach into itself: what is copied so far is then repeated, twice as much each
    /// time. Bytes of the buffer behind the match may be overwritten: they are not written yet.
    /// </summary>
    /// <param name="buffer">What is decompressed, and room behind it.</param>
    /// <param name="position">Where the match goes.</param>
    /// <param name="distance">How far back it begins: within the buffer.</param>
    /// <param name="length">Bytes of it: they fit into the buffer.</param>
    public static void Copy(Span<byte> buffer, int position, int distance, int length)
    {
        var from = position - distance;
        if (distance >= Chunk && length <= 2 * Chunk && buffer.Length - position >= 2 * Chunk)
        {
            // Most matches are short; copies of a fixed length are single instructions.
            buffer.Slice(from, Chunk).CopyTo(buffer.Slice(position, Chunk));
            buffer.Slice(from + Chunk, Chunk).CopyTo(buffer.Slice(position + Chunk, Chunk));
            return;
        }

        while (length > 0)
        {
            var piece = Math.Min(length, position - from);
            buffer.Slice(from, piece).CopyTo(buffer.Slice(position, piece));
            position += piece;
            length -= piece;
        }
    }

    /// <summary>Copies literals. Bytes of the target behind them may be overwritten: they are not written yet.</summary>
    /// <param name="source">Literals, and whatever is behind them.</param>
    /// <param name="target">Room for them, and whatever room is behind it.</param>
    /// <param name="length">How many: both are at least as long.</param>
    public static void CopyLiterals(ReadOnlySpan<byte> source, Span<byte> target, int length)
    {
        if (length <= Chunk && source.Length >= Chunk && target.Length >= Chunk)
        {
            source[..Chunk].CopyTo(target[..Chunk]);
            return;
        }

        source[..length].CopyTo(target);
    }
}
