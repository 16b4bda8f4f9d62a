using Atoll.Foundation.Time;

namespace Atoll.Storage.Sorted;

/// <summary>What a sorted store keeps under a key.</summary>
/// <param name="Version">When the record was last written, in the state's own time.</param>
/// <param name="ExpiresAt">
/// When the record stops being visible, in the state's own time; <see cref="HybridTime.Zero"/> when it never does.
/// </param>
/// <param name="Value">The bytes; immutable as long as anything refers to them.</param>
public readonly record struct StoredRecord(HybridTime Version, HybridTime ExpiresAt, ReadOnlyMemory<byte> Value)
{
    /// <summary>True when the record's time to live has passed.</summary>
    public bool IsExpired(HybridTime now) => ExpiresAt != HybridTime.Zero && ExpiresAt <= now;
}
