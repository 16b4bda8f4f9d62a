using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Streams;

/// <summary>Which segments are too old or too many: whole ones, the oldest first, and none with an open transaction.</summary>
internal static class PartitionRetention
{
    /// <summary>When a segment may be due; null when none will be before something is appended.</summary>
    internal static HybridTime? NextLook(PartitionState state)
    {
        if (EndOfFirst(state) <= state.LogStart)
        {
            return null;
        }

        var first = state.Segments[0];
        return IsOverSize(state, 0, state.Bytes) ? HybridTime.Zero
            : state.Settings.RetentionMilliseconds < 0 ? null
            : HybridTime.FromUnixMilliseconds(Math.Clamp(
                first.MaxTimestamp, 0, HybridTime.Max.UnixMilliseconds - state.Settings.RetentionMilliseconds - 1)
                + state.Settings.RetentionMilliseconds + 1);
    }

    /// <summary>The offset up to which records go now.</summary>
    internal static long FindEnd(PartitionState state, HybridTime now)
    {
        var bytes = state.Bytes;
        var gone = 0;
        while (gone < state.Segments.Count && state.EndOf(gone) <= state.LastStable
            && (IsOverSize(state, gone, bytes) || IsOverAge(state, gone, now)))
        {
            bytes -= state.Segments[gone++].Bytes;
        }

        return gone == 0 ? state.LogStart : state.EndOf(gone - 1);
    }

    private static long EndOfFirst(PartitionState state) => state.EndOf(0) <= state.LastStable ? state.EndOf(0) : 0;

    // As long as what stays is not less than what is to be kept. The segment that is being written stays.
    private static bool IsOverSize(PartitionState state, int segment, long bytes) =>
        state.Settings.RetentionBytes >= 0 && segment < state.Segments.Count - 1
        && bytes - state.Segments[segment].Bytes >= state.Settings.RetentionBytes;

    private static bool IsOverAge(PartitionState state, int segment, HybridTime now) =>
        state.Settings.RetentionMilliseconds >= 0 && (state.Segments[segment].Batches > 0 || segment < state.Segments.Count - 1)
        && state.Segments[segment].MaxTimestamp < now.UnixMilliseconds - state.Settings.RetentionMilliseconds;
}
