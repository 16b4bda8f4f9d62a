using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Streams;

/// <summary>
/// The steps of compaction in a partition (docs/streams.md). What they refuse, and the positions of a round, are the same on all replicas,
/// however much of the past each of them has.
/// </summary>
internal static class PartitionRounds
{
    private static readonly Probe Joined = Probe.Define("compaction: a replica that began with a checkpoint has the head by a round");
    private static readonly Probe Incomplete = Probe.Define("compaction: a round ends on a replica that does not have all of it");

    /// <summary>A round begins.</summary>
    internal static PartitionStatus Begin(PartitionState state, in CompactionBeginning beginning)
    {
        if (beginning.Rounds != state.Compaction.Rounds)
        {
            return PartitionStatus.CompactionOver;
        }

        if (beginning.End <= state.Compaction.CleanEnd || beginning.End >= state.FirstUnstable)
        {
            return PartitionStatus.OffsetOutOfRange;
        }

        state.Compaction.Begin(beginning.Start, beginning.End, beginning.DropsTombstones);
        return PartitionStatus.Ok;
    }

    /// <summary>A piece of the round takes the place of what was there; with the last one the round is over.</summary>
    internal static PartitionStatus Replace(PartitionState state, PartitionIndex index, in CommandContext context, in CompactionPiece piece)
    {
        if (state.Compaction.Round is not { } round || piece.Round != state.Compaction.Rounds || piece.From != round.Next
            || piece.To > round.End)
        {
            return PartitionStatus.CompactionOver;
        }

        if (piece.FaultOfBatch(verifies: false) != RecordBatchFault.None)
        {
            return PartitionStatus.CorruptBatch;
        }

        var header = piece.Batch.IsEmpty ? default : RecordBatchHeader.Read(piece.Batch.Span);
        if (!piece.Batch.IsEmpty)
        {
            state.AddToChain(header.Checksum);
        }

        // A replica that lacks pieces before this one has no use for it: what it knows begins behind the round's end.
        if (round.IsWhole && piece.To > state.Compaction.DeletedBefore)
        {
            BatchPlace? place = piece.Batch.IsEmpty ? null : new BatchPlace(
                context.Index, header.BaseOffset, header.LastOffsetDelta + 1, header.SizeBytes, piece.LeaderEpoch, header.MaxTimestamp);
            index.Replace(piece.From, piece.To, place, context.Now);
            if (place is not null)
            {
                AddToSegments(state, round, piece, header, context);
            }
        }

        state.Compaction.Pieces++;
        round.Next = piece.To;
        if (round.Next == round.End)
        {
            Complete(state, index, round, context);
        }

        return PartitionStatus.Ok;
    }

    private static void AddToSegments(
        PartitionState state, CompactionRound round, in CompactionPiece piece, in RecordBatchHeader header, in CommandContext context)
    {
        if (round.Segments.Count == 0 || state.IsFull(round.Segments[^1]))
        {
            var from = round.Segments.Count == 0 ? round.Start : piece.From;
            round.Segments.Add(PartitionSegment.Empty(default, default, from));
        }

        round.Segments[^1] = round.Segments[^1].With(header, context.Now);
    }

    private static void Complete(PartitionState state, PartitionIndex index, CompactionRound round, in CommandContext context)
    {
        if (round.IsWhole)
        {
            if (state.LogStart == round.End && state.Compaction.DeletedBefore < round.End)
            {
                Joined.Hit();
            }

            state.ReplaceHead(round);
        }
        else
        {
            Incomplete.Hit();
        }

        state.Compaction.Complete(context.Now.UnixMilliseconds);
        index.Trim(state, context.Now);
    }
}
