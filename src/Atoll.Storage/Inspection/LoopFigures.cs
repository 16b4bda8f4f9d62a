using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Inspection;

/// <summary>One segment of a journal.</summary>
/// <param name="File">Its name on the loop's disk.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="LiveBytes">Bytes of records in it that are still needed.</param>
public sealed record SegmentFigures(string File, long LengthBytes, long LiveBytes);

/// <summary>One shard's log.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="First">The first entry that the log holds, or would hold.</param>
/// <param name="Last">The last one; the one before <paramref name="First"/> when there is none.</param>
/// <param name="LastTerm">The term of the last entry, or of the one before the first.</param>
/// <param name="HardState">Term and vote.</param>
/// <param name="SizeBytes">Bytes of its entries.</param>
/// <param name="IsRebuilding">Whether the replica is getting its log back from others, and does not vote.</param>
/// <param name="Damage">What may be lost of it; null when it is sound.</param>
public sealed record LogFigures(
    ShardId Shard, LogIndex First, LogIndex Last, Term LastTerm, HardState HardState, long SizeBytes, bool IsRebuilding, string? Damage);

/// <summary>A journal.</summary>
/// <param name="Identity">The number that its checksums depend on.</param>
/// <param name="Segments">Its segments, the oldest first.</param>
/// <param name="Logs">The shards' logs, by shard.</param>
public sealed record JournalFigures(ulong Identity, IReadOnlyList<SegmentFigures> Segments, IReadOnlyList<LogFigures> Logs);

/// <summary>One sorted file of a store.</summary>
/// <param name="File">Its name on the loop's disk.</param>
/// <param name="Level">The level that it is in.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Entries">Its entries, tombstones included.</param>
/// <param name="Tombstones">Entries that say "gone".</param>
/// <param name="DeletedRanges">Stretches of keys that it deletes.</param>
/// <param name="From">The first key, with its tree's number in front.</param>
/// <param name="To">The first key behind all of it.</param>
/// <param name="OldestVersion">The oldest version in it.</param>
/// <param name="NewestVersion">The newest one.</param>
public sealed record SortedFileFigures(
    string File, int Level, long LengthBytes, long Entries, long Tombstones, int DeletedRanges, ReadOnlyMemory<byte> From,
    ReadOnlyMemory<byte> To, ulong OldestVersion, ulong NewestVersion);

/// <summary>One tree: one life of one shard's state.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Tree">The tree's number.</param>
/// <param name="Applied">Entries of the shard's log up to this one are in it.</param>
/// <param name="Records">Records in it, as their writer counts them.</param>
/// <param name="CollectedThrough">Of versions up to this one only the newest is kept.</param>
public sealed record TreeFigures(ShardId Shard, ulong Tree, LogIndex Applied, long Records, ulong CollectedThrough);

/// <summary>One file of values that are kept apart from their keys.</summary>
/// <param name="File">Its name on the loop's disk.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="LiveBytes">Bytes of values that sorted files point to.</param>
public sealed record ValueFileFigures(string File, long LengthBytes, long LiveBytes);

/// <summary>A store.</summary>
/// <param name="Identity">The number that its checksums depend on.</param>
/// <param name="FormatVersion">The format of its manifest.</param>
/// <param name="Files">Its sorted files: by level, in level 0 the newest first, in others by key.</param>
/// <param name="Values">Its value files.</param>
/// <param name="Trees">Its trees, by shard.</param>
/// <param name="Leftovers">Files in its folder that nothing names; the node deletes them at its next start.</param>
public sealed record StoreFigures(
    ulong Identity,
    uint FormatVersion,
    IReadOnlyList<SortedFileFigures> Files,
    IReadOnlyList<ValueFileFigures> Values,
    IReadOnlyList<TreeFigures> Trees,
    IReadOnlyList<string> Leftovers);
