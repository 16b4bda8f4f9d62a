using Atoll.Foundation.Time;

namespace Atoll.Storage.Sorted;

/// <summary>What a sorted store keeps under a key.</summary>
/// <param name="Version">When the record was last written, in the state's own time.</param>
/// <param name="ExpiresAt">
/// When the record stops being visible, in the state's own time; <see cref="HybridTime.Zero"/> when it never does.
/// </param>
/// <param name="Value">The bytes; immutable as long as anything refers to them. Empty when only the head was asked for.</param>
public readonly record struct StoredRecord(HybridTime Version, HybridTime ExpiresAt, ReadOnlyMemory<byte> Value)
{
    private readonly int _absentBytes;

    private StoredRecord(HybridTime version, HybridTime expiresAt, int absentBytes)
        : this(version, expiresAt, default(ReadOnlyMemory<byte>)) => _absentBytes = absentBytes;

    /// <summary>Bytes of the value, whether or not it is here.</summary>
    public int ValueBytes => Value.Length + _absentBytes;

    /// <summary>False when the value lies on disk only: the record is the head of one, with all but the value.</summary>
    public bool HasValue => _absentBytes == 0;

    /// <summary>The head of a record whose value lies on disk.</summary>
    /// <param name="version">When the record was last written.</param>
    /// <param name="expiresAt">When it stops being visible, or zero.</param>
    /// <param name="valueBytes">Bytes of the value; more than none.</param>
    public static StoredRecord HeadOf(HybridTime version, HybridTime expiresAt, int valueBytes) => new(version, expiresAt, valueBytes);

    /// <summary>The head of this record, whose value is looked at elsewhere.</summary>
    public StoredRecord WithoutValue() => ValueBytes == 0 ? this : HeadOf(Version, ExpiresAt, ValueBytes);

    /// <summary>True when the record's time to live has passed.</summary>
    public bool IsExpired(HybridTime now) => ExpiresAt != HybridTime.Zero && ExpiresAt <= now;
}
