using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// The parts of a serialized list, set, map, tuple or user type: each a 32-bit length, negative for null, and that many bytes; before
/// those of a collection stands their count (of a map: of its pairs).
/// </summary>
public ref struct CqlSequence
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private int _position;

    private CqlSequence(ReadOnlyMemory<byte> bytes, int position, int count)
    {
        _bytes = bytes;
        _position = position;
        Count = count;
    }

    /// <summary>How many elements (pairs) the collection has; -1 for a tuple or user type, which doesn't say.</summary>
    public int Count { get; }

    /// <summary>Whether all bytes were read.</summary>
    public readonly bool IsAtEnd => _position >= _bytes.Length;

    /// <summary>Opens a list, set or map.</summary>
    /// <returns>False when there is no count, or one that so few bytes cannot hold.</returns>
    public static bool TryOpenCollection(ReadOnlyMemory<byte> bytes, out CqlSequence sequence)
    {
        sequence = default;
        if (bytes.Length < 4)
        {
            return false;
        }

        var count = BinaryPrimitives.ReadInt32BigEndian(bytes.Span);
        sequence = new CqlSequence(bytes, 4, count);
        return count >= 0 && count <= (bytes.Length - 4) / 4;
    }

    /// <summary>Opens a tuple or user type.</summary>
    public static CqlSequence OpenTuple(ReadOnlyMemory<byte> bytes) => new(bytes, 0, -1);

    /// <summary>The next part; null for null.</summary>
    /// <returns>False when the bytes end before it does.</returns>
    public bool TryRead(out ReadOnlyMemory<byte>? part)
    {
        part = null;
        if (_bytes.Length - _position < 4)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(_bytes.Span[_position..]);
        _position += 4;
        if (length < 0)
        {
            return true;
        }

        if (length > _bytes.Length - _position)
        {
            return false;
        }

        part = _bytes.Slice(_position, length);
        _position += length;
        return true;
    }

    /// <summary>The parts of a valid list or set, or the keys and values of a valid map in turn.</summary>
    public static List<ReadOnlyMemory<byte>> ReadCollection(ReadOnlyMemory<byte> bytes)
    {
        var parts = new List<ReadOnlyMemory<byte>>();
        if (TryOpenCollection(bytes, out var sequence))
        {
            while (sequence.TryRead(out var part))
            {
                parts.Add(part ?? default);
            }
        }

        return parts;
    }

    /// <summary>The fields of a valid tuple or user type; those that are not there are null.</summary>
    public static ReadOnlyMemory<byte>?[] ReadTuple(ReadOnlyMemory<byte> bytes, int count)
    {
        var fields = new ReadOnlyMemory<byte>?[count];
        var sequence = OpenTuple(bytes);
        for (var index = 0; index < count && sequence.TryRead(out var field); index++)
        {
            fields[index] = field;
        }

        return fields;
    }

    /// <summary>A list or set of the parts as they are given.</summary>
    public static byte[] WriteList(IReadOnlyList<ReadOnlyMemory<byte>> elements) => WriteCollection(elements, elements.Count);

    /// <summary>A map of keys and values in turn, as they are given.</summary>
    public static byte[] WriteMap(IReadOnlyList<ReadOnlyMemory<byte>> keysAndValues) =>
        WriteCollection(keysAndValues, keysAndValues.Count / 2);

    /// <summary>A tuple or user type.</summary>
    public static byte[] WriteTuple(IReadOnlyList<ReadOnlyMemory<byte>?> fields)
    {
        var writer = new WireWriter(64);
        foreach (var field in fields)
        {
            WriteLength(writer, field is { } some ? some.Length : -1);
            writer.WriteRaw((field ?? default).Span);
        }

        return writer.ToArray();
    }

    private static byte[] WriteCollection(IReadOnlyList<ReadOnlyMemory<byte>> parts, int count)
    {
        var writer = new WireWriter(4 + (parts.Count * 12));
        WriteLength(writer, count);
        foreach (var part in parts)
        {
            WriteLength(writer, part.Length);
            writer.WriteRaw(part.Span);
        }

        return writer.ToArray();
    }

    private static void WriteLength(WireWriter writer, int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(writer.GetSpan(4), length);
        writer.Advance(4);
    }
}
