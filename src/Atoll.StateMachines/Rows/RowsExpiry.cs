using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Looks for what is dead: rows in which something expired or a tombstone's grace is over, and partitions in which something was deleted as
/// a whole or in ranges. Such a deletion takes effect at once, for every reader; what it covers is removed afterwards, bit by bit, by a
/// walk over its rows: the partition is swept. Only the leader does that, and what it finds it proposes; how far it came is lost with it.
/// </summary>
internal sealed class RowsExpiry(ExpiringStore state, IRowRecords records)
{
    private static readonly Probe SweepInterrupted = Probe.Define("rows: a partition is swept in several walks");

    // Where the walk over a large partition goes on, as long as nothing more is deleted of it.
    private byte[] _sweptPartition = [];
    private HybridTime _sweptVersion;
    private byte[] _sweptThrough = [];

    /// <param name="now">What is over at this time has expired.</param>
    /// <param name="sweeps">False with a planted bug only: what deletions cover is not looked for.</param>
    /// <param name="done">The end: the command that removes what is dead, or null; and what could not be read.</param>
    internal void Find(HybridTime now, bool sweeps, Action<byte[]?, StoreFault?> done)
    {
        var search = new Search(done);
        state.FindExpired(
            now,
            (key, version) =>
            {
                if (!search.HasRoom)
                {
                    return false;
                }

                if (sweeps && RowKey.KindOf(key.Span) == RowKeyKind.Partition)
                {
                    search.Partitions.Enqueue(key);
                }

                search.Add(new ExpiredRow(key, version, false));
                return true;
            },
            fault =>
            {
                if (fault is null)
                {
                    SweepNext(search);
                }
                else
                {
                    search.End(fault);
                }
            });
    }

    private static byte[] PlaceOf(byte[] prefix, RowKeyKind kind, ReadOnlyMemory<byte> clustering) =>
        [.. prefix, (byte)kind, .. clustering.Span];

    private void SweepNext(Search search)
    {
        if (!search.Partitions.TryDequeue(out var key))
        {
            search.End(null);
        }
        else if (state.Records.Prepare([key], Ready))
        {
            Ready(null);
        }

        void Ready(StoreFault? fault)
        {
            if (fault is not null)
            {
                search.End(fault);
            }
            else if (state.Records.TryGet(key, out var record) && !records.IsSwept(record.Value))
            {
                Sweep(search, key.ToArray(), record.Version, records.DeletionsOf(record.Value));
            }
            else
            {
                SweepNext(search);
            }
        }
    }

    private void Sweep(Search search, byte[] key, HybridTime version, PartitionDeletions deletions)
    {
        var isContinued = _sweptVersion == version && _sweptPartition.AsSpan().SequenceEqual(key);
        var prefix = key[..^1];
        var isOfRanges = deletions.Partition.IsNone && !deletions.Ranges.IsEmpty;
        var from = isContinued ? _sweptThrough
            : isOfRanges ? PlaceOf(prefix, RowKeyKind.Row, deletions.Ranges[0].From)
            : PlaceOf(prefix, RowKeyKind.Static, default);
        var to = isOfRanges && !deletions.Ranges[^1].To.IsEmpty
            ? PlaceOf(prefix, RowKeyKind.Row, deletions.Ranges[^1].To)
            : KeyOrder.EndOfPrefix(prefix);
        var isCut = false;
        var snapshot = state.Records.Snapshot();
        SortedWalk.Run(
            snapshot.OpenCursor(),
            cursor =>
            {
                var place = cursor.KeySpan;
                if (!place.StartsWith(prefix) || (to.Length > 0 && place.SequenceCompareTo(to) >= 0))
                {
                    return false;
                }

                if (!search.TryStep())
                {
                    isCut = true;
                    (_sweptPartition, _sweptVersion, _sweptThrough) = (key, version, place.ToArray());
                    return false;
                }

                var row = records.RowOf(cursor.Record.Value);
                if (!ReferenceEquals(row.Without(RowKey.CoveringOf(place, deletions)), row))
                {
                    search.Add(new ExpiredRow(cursor.Key, cursor.Record.Version, false));
                }

                return true;
            },
            fault =>
            {
                snapshot.Dispose();
                if (fault is not null || isCut)
                {
                    if (isCut)
                    {
                        SweepInterrupted.Hit();
                    }

                    search.End(fault);
                    return;
                }

                search.Add(new ExpiredRow(key, version, true));
                SweepNext(search);
            },
            from);
    }

    /// <summary>One search, and what it found.</summary>
    private sealed class Search(Action<byte[]?, StoreFault?> done)
    {
        private readonly List<ExpiredRow> _found = [];
        private int _bytes;
        private int _stepsLeft = Limits.ScanRowsMax;

        /// <summary>The partitions that may have to be swept.</summary>
        internal Queue<ReadOnlyMemory<byte>> Partitions { get; } = new();

        // A partition comes twice: once because of its time, and once when it is swept.
        internal bool HasRoom =>
            _found.Count + Partitions.Count < Limits.ExpiredPerCommandMax && _bytes < Limits.ExpiredKeyBytesPerCommandMax;

        internal bool TryStep() => HasRoom && _stepsLeft-- > 0;

        internal void Add(in ExpiredRow row)
        {
            _found.Add(row);
            _bytes += row.Key.Length;
        }

        internal void End(StoreFault? fault)
        {
            byte[]? command = null;
            if (fault is null && _found.Count > 0)
            {
                var writer = new WireWriter(_bytes + (_found.Count * 16));
                RowsCommand.WriteExpire(writer, _found);
                command = writer.ToArray();
            }

            done(command, fault);
        }
    }
}
