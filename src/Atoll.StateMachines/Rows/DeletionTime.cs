namespace Atoll.StateMachines.Rows;

/// <summary>A deletion of a row, a collection, a range or a partition: everything written up to its timestamp is gone.</summary>
/// <param name="TimestampMicros">The timestamp of the deletion, in microseconds; what has this one or a lower one is deleted.</param>
/// <param name="DeletedAtMilliseconds">
/// When it was deleted, in Unix milliseconds of the server: from then on a grace period runs, after which the tombstone may go.
/// </param>
public readonly record struct DeletionTime(long TimestampMicros, long DeletedAtMilliseconds)
{
    /// <summary>No deletion.</summary>
    public static readonly DeletionTime None = new(RowTimestamp.None, 0);

    /// <summary>True when nothing was deleted.</summary>
    public bool IsNone => TimestampMicros == RowTimestamp.None;

    /// <summary>True when what was written with that timestamp is deleted.</summary>
    public bool Covers(long timestampMicros) => !IsNone && timestampMicros <= TimestampMicros;

    /// <summary>The later of two: by timestamp, then by when it was deleted, so that merging commutes.</summary>
    public static DeletionTime Later(in DeletionTime a, in DeletionTime b) => a.TimestampMicros != b.TimestampMicros
        ? (a.TimestampMicros > b.TimestampMicros ? a : b)
        : (a.DeletedAtMilliseconds >= b.DeletedAtMilliseconds ? a : b);
}

/// <summary>The bounds of timestamps of cells, in microseconds; by convention since the Unix epoch, but a client may give any.</summary>
public static class RowTimestamp
{
    /// <summary>No timestamp: below all.</summary>
    public const long None = long.MinValue;

    /// <summary>
    /// The highest timestamp that a client may give. The room above it is for the writes that must win over one that has it: each needs one
    /// more.
    /// </summary>
    public const long Max = long.MaxValue - (1L << 40);

    /// <summary>The lowest timestamp that a client may give.</summary>
    public const long Min = -Max;
}
