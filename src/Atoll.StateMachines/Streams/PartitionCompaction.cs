using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Streams;

/// <summary>
/// How far a round of compaction came, and when it was over: no tombstone before has anything before it that it would have to hide, and all
/// who read since can have seen them.
/// </summary>
/// <param name="End">Where the round ended.</param>
/// <param name="AtMilliseconds">When, in milliseconds of the state's time.</param>
public readonly record struct TombstoneMark(long End, long AtMilliseconds);

/// <summary>A round of compaction: everything from an offset to another is written anew, piece by piece, in order.</summary>
/// <param name="start">Where it began.</param>
/// <param name="end">Where it ends: a segment begins there.</param>
/// <param name="dropsTombstones">Whether the tombstones before the mark go.</param>
internal sealed class CompactionRound(long start, long end, bool dropsTombstones)
{
    /// <summary>Whether the tombstones before the mark go.</summary>
    internal bool DropsTombstones { get; } = dropsTombstones;

    /// <summary>Where it began.</summary>
    internal long Start { get; } = start;

    /// <summary>Where it ends.</summary>
    internal long End { get; } = end;

    /// <summary>What is before it is written anew.</summary>
    internal long Next { get; set; } = start;

    /// <summary>Whether this replica has all of its pieces: one that began with a checkpoint may have come in the middle.</summary>
    internal bool IsWhole { get; set; }

    /// <summary>The segments that the pieces make so far.</summary>
    internal List<PartitionSegment> Segments { get; } = [];
}

/// <summary>
/// What a partition knows of its compaction (docs/streams.md). Rounds, their ends and how far one is are the same on all replicas; whether
/// a replica has all of a round, and what is deleted from before its first entry, is its own.
/// </summary>
internal sealed class PartitionCompaction
{
    /// <summary>Rounds that were begun: a piece of another one is refused.</summary>
    internal ulong Rounds { get; private set; }

    /// <summary>
    /// What is before it was deleted, as far as this replica has heard: what was deleted before the checkpoint that it began with is before
    /// the start of the round that ends there.
    /// </summary>
    internal long DeletedBefore { get; private set; }

    /// <summary>The round that is under way; null for none.</summary>
    internal CompactionRound? Round { get; private set; }

    /// <summary>The first offset that was never compacted: before it no key has two records.</summary>
    internal long CleanEnd { get; private set; }

    /// <summary>The tombstones that will go next; null while there is no round that was ever over.</summary>
    internal TombstoneMark? Mark { get; private set; }

    /// <summary>Pieces that were taken since this state came into being here: by it one sees that the index has changed.</summary>
    internal ulong Pieces { get; set; }

    /// <summary>Something was deleted.</summary>
    internal void NoteDeleted(long before) => DeletedBefore = Math.Max(DeletedBefore, before);

    /// <summary>A round begins; one that is under way is given up.</summary>
    internal void Begin(long start, long end, bool dropsTombstones)
    {
        Rounds++;
        Round = new CompactionRound(start, end, dropsTombstones) { IsWhole = true };
    }

    /// <summary>The round is over.</summary>
    internal void Complete(long nowMilliseconds)
    {
        Check.That(Round is not null && Round.Next == Round.End);
        CleanEnd = Math.Max(CleanEnd, Round.End);
        Mark = Mark is null || Round.DropsTombstones ? new TombstoneMark(Round.End, nowMilliseconds) : Mark;
        Round = null;
    }

    /// <summary>Writes it.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="isCheckpoint">Whether it is for a replica that has no data.</param>
    internal void Write(WireWriter writer, bool isCheckpoint)
    {
        writer.WriteVarint(Rounds);
        writer.WriteVarint((ulong)DeletedBefore);
        writer.WriteVarint((ulong)CleanEnd);
        writer.WriteBool(Mark is not null);
        if (Mark is { } mark)
        {
            writer.WriteVarint((ulong)mark.End);
            writer.WriteVarint(ZigZag.Encode(mark.AtMilliseconds));
        }

        writer.WriteBool(Round is not null);
        if (Round is { } round)
        {
            writer.WriteVarint((ulong)round.Start);
            writer.WriteVarint((ulong)round.End);
            writer.WriteBool(round.DropsTombstones);
            writer.WriteVarint((ulong)round.Next);
            writer.WriteBool(round.IsWhole && !isCheckpoint);
            PartitionSegment.Write(writer, isCheckpoint ? [] : round.Segments);
        }
    }

    /// <summary>Reads it; the reader fails when the bytes are none.</summary>
    internal static PartitionCompaction Read(ref WireReader reader)
    {
        var compaction = new PartitionCompaction
        {
            Rounds = reader.ReadVarint(), DeletedBefore = (long)reader.ReadVarint(), CleanEnd = (long)reader.ReadVarint(),
        };
        if (reader.ReadBool())
        {
            compaction.Mark = new TombstoneMark((long)reader.ReadVarint(), ZigZag.Decode(reader.ReadVarint()));
        }

        if (reader.ReadBool())
        {
            compaction.Round = new CompactionRound((long)reader.ReadVarint(), (long)reader.ReadVarint(), reader.ReadBool())
            {
                Next = (long)reader.ReadVarint(), IsWhole = reader.ReadBool(),
            };
            compaction.Round.Segments.AddRange(PartitionSegment.Read(ref reader));
        }

        if (compaction.DeletedBefore < 0 || compaction.CleanEnd < 0 || compaction.Rounds == 0
            || (compaction.Round is { } round && (round.Start < 0 || round.Next < round.Start || round.Next >= round.End)))
        {
            reader.Fail();
        }

        return compaction;
    }

    /// <summary>Adds what all replicas have in common.</summary>
    internal void AddTo(ref StateHasher hasher)
    {
        hasher.Add(Rounds);
        hasher.Add((ulong)CleanEnd);
        hasher.Add((ulong)(Mark?.AtMilliseconds ?? -1));
        hasher.Add((ulong)(Round?.End ?? -1));
        hasher.Add((ulong)(Round?.Next ?? -1));
    }
}
