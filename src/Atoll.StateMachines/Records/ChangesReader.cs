using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>Answers watchers from a history of changes.</summary>
internal static class ChangesReader
{
    private static readonly Probe CompactedAnswer = Probe.Define("records: a watcher asks for changes that are forgotten");
    private static readonly Probe CommandTooLargeForPage = Probe.Define("records: the changes of one command exceed a page");

    /// <summary>
    /// Writes the page of changes that a query asks for. Pages end between commands: everything that one command changed has one version,
    /// and a watcher that resumes after a version must have seen all of it (museum, row 17).
    /// </summary>
    internal static void Write(
        ChangeHistory history, in ChangesQuery query, HybridTime now, WireWriter result, Sabotage sabotage)
    {
        if (query.After < history.CompactedThrough)
        {
            CompactedAnswer.Hit();
            RecordsResultCodec.WriteHead(result, RecordsStatus.Compacted, now, "changes that old are no longer remembered");
            RecordsResultCodec.WriteChangesEnd(result, history.CompactedThrough, false);
            return;
        }

        RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
        var start = result.Length;
        var position = history.FirstAfter(query.After);
        position += sabotage.Has(Sabotage.WatchSkipsOne) && position < history.Count - 1 ? 1
            : sabotage.Has(Sabotage.WatchRepeatsOne) && position > 0 ? -1
            : 0;
        var through = query.After;
        var written = 0;
        var more = false;
        while (position < history.Count)
        {
            var end = history.EndOfCommand(position);
            var bytes = Measure(history, position, end, query.Prefix.Span);
            if (written > 0 && bytes > 0 && (written >= query.ChangesMax || result.Length - start + bytes > Limits.ScanPageBytesMax))
            {
                more = true;
                break;
            }

            if (bytes > Limits.ScanPageBytesMax)
            {
                CommandTooLargeForPage.Hit();
            }

            through = history[position].Version;
            for (; position < end; position++)
            {
                ref readonly var change = ref history[position];
                if (change.Key.Span.StartsWith(query.Prefix.Span))
                {
                    RecordsResultCodec.WriteChange(result, change);
                    written++;
                }
            }
        }

        // All changes were looked at: whatever comes next has a version above the state's time. A watcher that is ahead of this replica
        // stays there.
        through = more || now < through ? through : now;
        RecordsResultCodec.WriteChangesEnd(result, through, more);
    }

    private static long Measure(ChangeHistory history, int position, int end, ReadOnlySpan<byte> prefix)
    {
        const int headBytes = 1 + 8 + 5 + 5;
        long bytes = 0;
        for (; position < end; position++)
        {
            ref readonly var change = ref history[position];
            if (change.Key.Span.StartsWith(prefix))
            {
                bytes += headBytes + change.Key.Length + change.Value.Length;
            }
        }

        return bytes;
    }
}
