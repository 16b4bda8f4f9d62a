namespace Atoll.StateMachines.Streams.Compaction;

/// <summary>What a round of compaction of a partition would have to do at the moment.</summary>
/// <param name="CleanBytes">Bytes that were compacted before.</param>
/// <param name="DirtyBytes">Bytes that never were, and may be.</param>
/// <param name="End">Where the round would end; -1 when there is nothing to do.</param>
/// <param name="IsDue">Whether it is time for it, or one is under way.</param>
public readonly record struct CompactionNeed(long CleanBytes, long DirtyBytes, long End, bool IsDue)
{
    /// <summary>How much of what could be compacted never was: from 0 to 1.</summary>
    public double DirtyRatio => DirtyBytes == 0 ? 0 : (double)DirtyBytes / (CleanBytes + DirtyBytes);

    /// <summary>
    /// Looks at a partition. A round ends where a segment begins, as up to there the log can be given up; before the last stable offset,
    /// so that behind it there is always a batch to be read, and nobody waits for an offset that is gone.
    /// </summary>
    /// <param name="status">The partition.</param>
    /// <param name="settings">How it is compacted.</param>
    /// <param name="nowMilliseconds">The present, since 1970.</param>
    public static CompactionNeed Of(CompactionStatus status, CompactionSettings settings, long nowMilliseconds)
    {
        if (status.Status != PartitionStatus.Ok)
        {
            return new CompactionNeed(0, 0, -1, false);
        }

        var (clean, dirty, end, oldest) = (0L, 0L, -1L, long.MaxValue);
        for (var i = 0; i + 1 < status.Segments.Count; i++)
        {
            var segment = status.Segments[i];
            var next = status.Segments[i + 1].BaseOffset;
            if (next <= status.CleanEnd)
            {
                clean += segment.Bytes;
                continue;
            }

            if (next >= status.Positions.LastStable
                || (settings.LagMilliseconds > 0 && segment.MaxTimestamp > nowMilliseconds - settings.LagMilliseconds))
            {
                break;
            }

            dirty += segment.Bytes;
            end = next;
            oldest = Math.Min(oldest, segment.BeganAtMilliseconds);
        }

        if (status.Round is { } round)
        {
            return new CompactionNeed(clean, dirty, round.End, true);
        }

        var isEnough = dirty >= settings.DirtyRatioMin * (clean + dirty);
        var isOverdue = nowMilliseconds - oldest >= settings.LagMaxMilliseconds;
        return dirty == 0 ? new CompactionNeed(clean, 0, -1, false) : new CompactionNeed(clean, dirty, end, isEnough || isOverdue);
    }
}
