using System.Buffers.Binary;

namespace Atoll.Storage.Lsm;

/// <summary>What an entry says of its key, from its version on.</summary>
internal enum EntryKind : byte
{
    /// <summary>It has this value.</summary>
    Put = 0,

    /// <summary>It is gone.</summary>
    Delete = 1,

    /// <summary>It has a value that lies in a value file; here is a <see cref="ValuePointer"/> to it.</summary>
    Apart = 2,
}

/// <summary>The order of entries: keys ascending, and the versions of one key from the newest to the oldest.</summary>
internal static class EntryOrder
{
    /// <summary>Negative, zero or positive as the first entry comes before, is, or comes after the second.</summary>
    public static int Compare(ReadOnlySpan<byte> key, ulong version, ReadOnlySpan<byte> otherKey, ulong otherVersion)
    {
        var order = CompareKeys(key, otherKey);
        return order != 0 ? order : otherVersion.CompareTo(version);
    }

    /// <summary>
    /// Negative, zero or positive as the first key comes before, is, or comes after the second. Eight bytes at a time: keys that meet in a
    /// search have a long beginning in common, and differ within a few words.
    /// </summary>
    public static int CompareKeys(ReadOnlySpan<byte> key, ReadOnlySpan<byte> otherKey)
    {
        while (key.Length >= 8 && otherKey.Length >= 8)
        {
            var (word, otherWord) = (BinaryPrimitives.ReadUInt64BigEndian(key), BinaryPrimitives.ReadUInt64BigEndian(otherKey));
            if (word != otherWord)
            {
                return word < otherWord ? -1 : 1;
            }

            key = key[8..];
            otherKey = otherKey[8..];
        }

        return key.SequenceCompareTo(otherKey);
    }
}
