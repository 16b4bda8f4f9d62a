using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Streams;

/// <summary>A part of an answer that is found by going over a section of the index.</summary>
internal interface IPartitionWalk
{
    /// <summary>Where it goes.</summary>
    ISortedStore Section { get; }

    /// <summary>Where it begins.</summary>
    byte[] From { get; }

    /// <summary>Told of each record; false ends the walk.</summary>
    bool Take(ISortedCursor cursor);

    /// <summary>At the end: the walk that comes next, or null when all is found.</summary>
    IPartitionWalk? Next();

    /// <summary>Writes the answer, when all is found.</summary>
    void Write(WireWriter result);
}

/// <summary>Answers the queries of a partition: from memory, or by walks over its index, now or later.</summary>
internal static class PartitionReader
{
    /// <summary>Answers if nothing is needed from the disk.</summary>
    internal static bool TryRead(PartitionState state, PartitionIndex index, ReadOnlyMemory<byte> query, WireWriter result)
    {
        var walk = Begin(state, index, query, result);
        while (walk is not null)
        {
            using var cursor = walk.Section.OpenCursor();
            cursor.SeekAtOrAfter(walk.From);
            while (cursor.IsValid && walk.Take(cursor))
            {
                cursor.Next();
            }

            if (cursor.IsWaiting || cursor.Fault is not null)
            {
                return false;
            }

            if (walk.Next() is not { } next)
            {
                walk.Write(result);
                return true;
            }

            walk = next;
        }

        return true;
    }

    /// <summary>Answers what <see cref="TryRead"/> could not.</summary>
    internal static void ReadLater(
        PartitionState state, PartitionIndex index, ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done)
    {
        var result = new WireWriter();
        if (Begin(state, index, query, result) is { } walk)
        {
            GoOn(walk);
        }
        else
        {
            done(new StateAnswer(result.WrittenMemory, now(), null));
        }

        void GoOn(IPartitionWalk walk) => SortedWalk.Run(
            walk.Section.OpenCursor(),
            walk.Take,
            fault =>
            {
                if (fault is not null)
                {
                    done(new StateAnswer(default, now(), fault));
                }
                else if (walk.Next() is { } next)
                {
                    GoOn(next);
                }
                else
                {
                    walk.Write(result);
                    done(new StateAnswer(result.WrittenMemory, now(), null));
                }
            },
            walk.From);
    }

    // The first walk; null when the answer needs none and is written.
    private static IPartitionWalk? Begin(PartitionState state, PartitionIndex index, ReadOnlyMemory<byte> query, WireWriter result)
    {
        switch (PartitionQuery.KindOf(query.Span))
        {
            case PartitionQueryKind.Fetch when PartitionQuery.TryReadFetch(query, out var fetch):
                if (fetch.Offset >= state.LogStart && fetch.Offset < FetchWalk.EndOf(state, fetch))
                {
                    return new FetchWalk(state, index, fetch);
                }

                var isInRange = fetch.Offset >= state.LogStart && fetch.Offset <= state.NextOffset;
                var status = isInRange ? PartitionStatus.Ok : PartitionStatus.OffsetOutOfRange;
                new FetchPlaces(status, PositionsOf(state), [], []).Write(result);
                return null;
            case PartitionQueryKind.Find when PartitionQuery.TryReadFind(query, out var find):
                return Begin(state, index, find, result);
            case PartitionQueryKind.EpochEnd when PartitionQuery.TryReadEpochEnd(query, out var epoch):
                EndOf(state, epoch).Write(result);
                return null;
            case PartitionQueryKind.Compaction when query.Length == 1:
                CompactionStatus.Of(state).Write(result);
                return null;
            case PartitionQueryKind.Producers when query.Length == 1:
                new KnownProducers(PartitionStatus.Ok, [.. state.Producers.All]).Write(result);
                return null;
            default:
                result.WriteByte((byte)PartitionStatus.Invalid);
                return null;
        }
    }

    private static IPartitionWalk? Begin(PartitionState state, PartitionIndex index, in PartitionFind find, WireWriter result)
    {
        var epoch = state.Epochs.Count == 0 ? -1 : state.Epochs[^1].Epoch;
        switch (find.Timestamp)
        {
            case PartitionFind.Latest:
                var latest = find.IsCommitted ? state.LastStable : state.NextOffset;
                new FoundOffset(PartitionStatus.Ok, latest, -1, epoch, null).Write(result);
                return null;
            case PartitionFind.Earliest:
                var first = state.Epochs.Count == 0 ? -1 : state.Epochs[0].Epoch;
                new FoundOffset(PartitionStatus.Ok, state.LogStart, -1, first, null).Write(result);
                return null;
            default:
                IPartitionWalk? walk = find.Timestamp == PartitionFind.MaxTimestamp
                    ? MaxWalk.Of(state, index, long.MinValue, null, []) : FindWalk.From(state, index, find.Timestamp, 0);
                if (walk is null)
                {
                    FoundOffset.None.Write(result);
                }

                return walk;
        }
    }

    private static FoundOffset EndOf(PartitionState state, long epoch)
    {
        var at = state.Epochs.FindLastIndex(start => start.Epoch <= epoch);
        return at < 0 ? FoundOffset.None
            : new FoundOffset(
                PartitionStatus.Ok, at + 1 < state.Epochs.Count ? state.Epochs[at + 1].StartOffset : state.NextOffset, -1,
                state.Epochs[at].Epoch, null);
    }

    private static PartitionPositions PositionsOf(PartitionState state) => new(state.LogStart, state.LastStable, state.NextOffset);

    // What was asked for may have been deleted since the walk began: then what was found is not all of it.
    private static void WriteFetched(
        PartitionState state, long offset, IReadOnlyList<BatchPlace> batches, List<AbortedTransaction> aborted, WireWriter result)
    {
        var isGone = offset < state.LogStart;
        new FetchPlaces(
            isGone ? PartitionStatus.OffsetOutOfRange : PartitionStatus.Ok, PositionsOf(state), isGone ? [] : batches,
            isGone ? [] : aborted).Write(result);
    }

    /// <summary>Batches from an offset on.</summary>
    private sealed class FetchWalk(PartitionState state, PartitionIndex index, PartitionFetch fetch) : IPartitionWalk
    {
        // An answer is one message, and one reading of the log.
        private const int BatchesMax = 1_000;
        private const int BytesMax = 8 * 1024 * 1024;

        private static readonly Probe Overtaken = Probe.Define("partition: a fetch was overtaken by compaction, and begun anew");

        private readonly List<BatchPlace> _batches = [];
        private readonly long _end = EndOf(state, fetch);
        private readonly ulong _pieces = state.Compaction.Pieces;
        private long _bytes;

        public ISortedStore Section => index.Offsets;

        public byte[] From => PartitionIndex.KeyOf(fetch.Offset);

        /// <summary>Where the batches are, as far as they were found.</summary>
        public IReadOnlyList<BatchPlace> Batches => _batches;

        /// <summary>What was asked for.</summary>
        public long Offset => fetch.Offset;

        /// <summary>What is behind it is not wanted.</summary>
        public static long EndOf(PartitionState state, in PartitionFetch fetch) =>
            fetch.IsCommitted ? state.LastStable : state.NextOffset;

        /// <summary>Another walk, when compaction has gone on since this one began; else null.</summary>
        public FetchWalk? Anew()
        {
            if (state.Compaction.Pieces == _pieces)
            {
                return null;
            }

            Overtaken.Hit();
            return new FetchWalk(state, index, fetch);
        }

        public bool Take(ISortedCursor cursor)
        {
            // A batch that begins within the one before has taken its place meanwhile, and that of others.
            if (!PartitionIndex.TryReadPlace(cursor, out var place) || place.BaseOffset >= _end
                || (_batches.Count > 0 && place.BaseOffset <= _batches[^1].LastOffset)
                || (_batches.Count > 0 && _bytes + place.Bytes > Math.Min(fetch.BytesMax, BytesMax)))
            {
                return false;
            }

            _bytes += place.Bytes;
            _batches.Add(place);
            return _batches.Count < BatchesMax && _bytes < fetch.BytesMax;
        }

        // Where nothing is found compaction has taken all that there was when it began: the next batch is behind that end.
        public IPartitionWalk? Next() =>
            _batches.Count == 0 ? Anew() : fetch.IsCommitted ? new AbortedWalk(state, index, this) : null;

        public void Write(WireWriter result) => WriteFetched(state, fetch.Offset, _batches, [], result);
    }

    /// <summary>
    /// Aborted transactions that reach into what was found. Where compaction has taken them away since, with their batches, the batches
    /// that were found would be read as if they were committed: then they are looked for once more.
    /// </summary>
    private sealed class AbortedWalk(PartitionState state, PartitionIndex index, FetchWalk found) : IPartitionWalk
    {
        private readonly List<AbortedTransaction> _aborted = [];

        public ISortedStore Section => index.Aborted;

        public byte[] From => PartitionIndex.KeyOf(found.Offset);

        public bool Take(ISortedCursor cursor)
        {
            var last = found.Batches[^1].LastOffset;
            if (!PartitionIndex.TryReadAborted(cursor, out var aborted, out var lastStable))
            {
                return false;
            }

            if (aborted.FirstOffset <= last)
            {
                _aborted.Add(aborted);
            }

            return lastStable <= last;
        }

        public IPartitionWalk? Next() => found.Anew();

        public void Write(WireWriter result) => WriteFetched(state, found.Offset, found.Batches, _aborted, result);
    }

    /// <summary>The first batch with a timestamp or a later one, in one segment; if there is none, the walk over the next.</summary>
    private sealed class FindWalk(PartitionState state, PartitionIndex index, long timestamp, int segment) : IPartitionWalk
    {
        private readonly long _end = state.EndOf(segment);
        private readonly ulong _pieces = state.Compaction.Pieces;
        private readonly long _from = Math.Max(state.LogStart, state.Segments[segment].BaseOffset);
        private BatchPlace? _found;

        public ISortedStore Section => index.Offsets;

        byte[] IPartitionWalk.From => PartitionIndex.KeyOf(_from);

        /// <summary>The walk over the first segment at or behind a place that may have it; null when none may.</summary>
        internal static FindWalk? From(PartitionState state, PartitionIndex index, long timestamp, int segment)
        {
            var at = state.Segments.FindIndex(Math.Min(segment, state.Segments.Count), candidate =>
                candidate.Batches > 0 && candidate.MaxTimestamp >= timestamp);
            return at < 0 ? null : new FindWalk(state, index, timestamp, at);
        }

        public bool Take(ISortedCursor cursor)
        {
            if (!PartitionIndex.TryReadPlace(cursor, out var place) || place.BaseOffset >= _end)
            {
                return false;
            }

            _found = place.MaxTimestamp >= timestamp ? place : null;
            return _found is null;
        }

        // Retention may have moved the segments meanwhile: then it goes on with what is there. Compaction may have made one of several:
        // then it begins anew.
        public IPartitionWalk? Next() =>
            _found is not null ? null
            : state.Compaction.Pieces != _pieces ? From(state, index, timestamp, 0)
            : From(state, index, timestamp, state.Segments.FindIndex(next => next.BaseOffset >= _end) is
                var at and >= 0 ? at : state.Segments.Count);

        public void Write(WireWriter result)
        {
            Check.That(_found is null || _found.Value.MaxTimestamp >= timestamp);
            (_found is { } place ? FoundOffset.Of(place, state.LogStart) : FoundOffset.None).Write(result);
        }
    }

    /// <summary>
    /// The first batch with the largest timestamp. What a segment is said to have may be deleted from it, or be the time of its records
    /// that have none: so the next best one is looked through as long as it may have more than was found.
    /// </summary>
    private sealed class MaxWalk(
        PartitionState state, PartitionIndex index, PartitionSegment segment, BatchPlace? best, List<long> seen) : IPartitionWalk
    {
        private readonly long _end = state.EndOf(state.Segments.IndexOf(segment));
        private BatchPlace? _best = best;

        public ISortedStore Section => index.Offsets;

        byte[] IPartitionWalk.From => PartitionIndex.KeyOf(Math.Max(state.LogStart, segment.BaseOffset));

        internal static MaxWalk? Of(PartitionState state, PartitionIndex index, long above, BatchPlace? best, List<long> seen)
        {
            var candidates = state.Segments.FindAll(segment =>
                segment.Batches > 0 && segment.MaxTimestamp > above && !seen.Contains(segment.BaseOffset));
            if (candidates.Count == 0)
            {
                return null;
            }

            var next = candidates.MaxBy(static segment => segment.MaxTimestamp);
            seen.Add(next.BaseOffset);
            return new MaxWalk(state, index, next, best, seen);
        }

        public bool Take(ISortedCursor cursor)
        {
            if (!PartitionIndex.TryReadPlace(cursor, out var place) || place.BaseOffset >= _end)
            {
                return false;
            }

            if (place.MaxTimestamp >= 0 && place.MaxTimestamp > (_best?.MaxTimestamp ?? -1))
            {
                _best = place;
            }

            return true;
        }

        public IPartitionWalk? Next() => Of(state, index, _best?.MaxTimestamp ?? long.MinValue, _best, seen);

        public void Write(WireWriter result) =>
            (_best is { } place ? FoundOffset.Of(place, state.LogStart) : FoundOffset.None).Write(result);
    }
}
