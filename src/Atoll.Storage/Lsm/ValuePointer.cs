using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Where a value lies that is kept apart from its key (Lu et al., "WiscKey", FAST '16): what a sorted file has in the value's place.
/// </summary>
/// <param name="File">The value file's number.</param>
/// <param name="Offset">Where in it the value begins.</param>
/// <param name="LengthBytes">Bytes of the value.</param>
/// <param name="Checksum">The checksum behind the value: what lies there must be this very value.</param>
internal readonly record struct ValuePointer(ulong File, long Offset, int LengthBytes, uint Checksum)
{
    /// <summary>Bytes of a pointer in a sorted file.</summary>
    public const int Bytes = 24;

    /// <summary>Bytes that the value takes in its file, trailer included.</summary>
    public long StoredBytes => LengthBytes + (long)TableFormat.BlockTrailerBytes;

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static ValuePointer Read(ReadOnlySpan<byte> source)
    {
        Check.That(source.Length == Bytes);
        return new ValuePointer(
            BinaryPrimitives.ReadUInt64LittleEndian(source),
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]));
    }

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, File);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], LengthBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], Checksum);
    }
}

/// <summary>What the manifest knows of a value file.</summary>
/// <param name="Number">Its number; value files and sorted files share one sequence.</param>
/// <param name="LengthBytes">Its length.</param>
internal readonly record struct ValueFileMeta(ulong Number, long LengthBytes);

/// <summary>What a sorted file needs of a value file.</summary>
/// <param name="File">The value file's number.</param>
/// <param name="LiveBytes">Bytes of the values that it points to, trailers included.</param>
internal readonly record struct ValueReference(ulong File, long LiveBytes);
