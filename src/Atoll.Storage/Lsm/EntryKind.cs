namespace Atoll.Storage.Lsm;

/// <summary>What an entry says of its key, from its version on.</summary>
internal enum EntryKind : byte
{
    /// <summary>It has this value.</summary>
    Put = 0,

    /// <summary>It is gone.</summary>
    Delete = 1,
}

/// <summary>The order of entries: keys ascending, and the versions of one key from the newest to the oldest.</summary>
internal static class EntryOrder
{
    /// <summary>Negative, zero or positive as the first entry comes before, is, or comes after the second.</summary>
    public static int Compare(ReadOnlySpan<byte> key, ulong version, ReadOnlySpan<byte> otherKey, ulong otherVersion)
    {
        var order = key.SequenceCompareTo(otherKey);
        return order != 0 ? order : otherVersion.CompareTo(version);
    }
}
