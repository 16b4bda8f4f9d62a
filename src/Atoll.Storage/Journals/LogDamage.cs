using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>What may be lost of one shard's log. The replica is repaired from others (docs/raft.md, "Rebuilding").</summary>
/// <param name="Corruption">The place of the damage.</param>
/// <param name="First">The first index in question.</param>
/// <param name="Last">The last one; null when it cannot be known.</param>
/// <param name="IsHardStateProven">
/// Whether term and vote are certainly the latest. If not, the replica could vote twice in a term: it must not take part at all.
/// </param>
public sealed record LogDamage(StorageCorruption Corruption, LogIndex First, LogIndex? Last, bool IsHardStateProven)
{
    /// <summary>For people: place, indices, and what else is in doubt.</summary>
    public override string ToString() =>
        $"{Corruption}; entries from {First} to {(Last is { } last ? last.ToString() : "an unknown end")} may be lost"
        + (IsHardStateProven ? "" : ", and so may term and vote");
}

/// <summary>Batches in the durable part of a journal that cannot be read, one after the other.</summary>
/// <param name="Corruption">Where the first one is.</param>
/// <param name="Segment">The segment that it is in.</param>
/// <param name="Manifest">What the last one held; null when nothing tells.</param>
/// <param name="IsSingle">True when there is only one, so that the manifest says everything.</param>
/// <param name="AreHardStatesLost">True when terms and votes may be lost that the manifest does not have.</param>
internal sealed record LostBatches(
    StorageCorruption Corruption, Segment Segment, BatchManifest? Manifest, bool IsSingle, bool AreHardStatesLost);

/// <summary>A batch whose header is whole, and whose records do not fit its checksum.</summary>
/// <param name="Segment">Where it is.</param>
/// <param name="OffsetBytes">Where it begins.</param>
/// <param name="Sequence">Its number.</param>
/// <param name="Body">Its records, as they were read.</param>
internal sealed record DamagedBatch(Segment Segment, long OffsetBytes, long Sequence, byte[] Body);
