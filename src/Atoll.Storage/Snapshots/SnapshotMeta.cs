using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Snapshots;

/// <summary>What a snapshot is a snapshot of.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Index">The last entry whose effect is in it.</param>
/// <param name="Term">The term of that entry.</param>
/// <param name="Membership">
/// The replica set in force at that entry, encoded by the kernel; at most <see cref="MembershipBytesMax"/> bytes.
/// </param>
public sealed record SnapshotMeta(ShardId Shard, LogIndex Index, Term Term, ReadOnlyMemory<byte> Membership)
{
    /// <summary>Bound of the encoded replica set: it must fit into the file's first block.</summary>
    public const int MembershipBytesMax = 2048;
}

/// <summary>A finished snapshot on disk.</summary>
/// <param name="Meta">What it is of.</param>
/// <param name="ContentBytes">Length of its content.</param>
/// <param name="File">Its name on the loop's disk.</param>
public sealed record SnapshotInfo(SnapshotMeta Meta, long ContentBytes, string File);
