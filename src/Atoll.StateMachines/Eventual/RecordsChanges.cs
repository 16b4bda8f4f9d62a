using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>Where a watcher of an eventual shard stands, in one replica's history.</summary>
/// <param name="Replica">Whose.</param>
/// <param name="Applied">That replica's time: what it changed up to it was told.</param>
/// <param name="ScanAfter">
/// While the watcher is told of records because of their versions: the last key that was looked at. Empty when it was told of all.
/// </param>
public readonly record struct WatchPlace(NodeId Replica, HybridTime Applied, ReadOnlyMemory<byte> ScanAfter)
{
    /// <summary>Reads a cursor: replica (varint), time (8 bytes), key (bytes).</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out WatchPlace place)
    {
        var reader = new WireReader(bytes);
        var replica = reader.ReadVarint();
        place = new WatchPlace(new NodeId((uint)replica), new HybridTime(reader.ReadUInt64()), reader.ReadBytes());
        return reader.OkAtEnd && replica <= uint.MaxValue && place.ScanAfter.Length <= Limits.KeyBytesMax;
    }

    internal void Write(WireWriter writer)
    {
        writer.WriteVarint(Replica.Value);
        writer.WriteUInt64(Applied.Value);
        writer.WriteBytes(ScanAfter.Span);
    }
}

/// <summary>
/// A watcher's question to one replica. As long as the replica remembers what it changed since the watcher's last page, it tells of that,
/// in the order in which it made the changes. Else (another replica was asked before, or it has started since) of every record with a
/// version behind that through which all replicas have everything, as far as deletions up to there may not have been dropped. Layout:
/// kind (byte), a <see cref="RecordsQuery"/>'s changes with a cursor (rest). The answer is a page of changes.
/// </summary>
public sealed class RecordsChanges
{
    private static readonly HybridTime BeforeAll = new(1);

    private readonly ChangesQuery _query;
    private readonly WatchPlace _place;
    private readonly bool _begins;

    private RecordsChanges(in ChangesQuery query, in WatchPlace place, bool begins)
    {
        _query = query;
        _place = place;
        _begins = begins;
    }

    internal ReadOnlyMemory<byte> Prefix => _query.Prefix;

    internal HybridTime After => _query.After;

    internal int ChangesMax => _query.ChangesMax;

    internal WatchPlace Place => _place;

    /// <summary>Writes the question for a replica.</summary>
    /// <param name="writer">Receives it.</param>
    /// <param name="query">The client's.</param>
    /// <param name="replica">Who is asked.</param>
    public static void Write(WireWriter writer, in ChangesQuery query, NodeId replica)
    {
        var isSame = WatchPlace.TryRead(query.Cursor, out var place) && place.Replica == replica;
        var cursor = new WireWriter(32);
        (isSame ? place : new WatchPlace(replica, HybridTime.Zero, default)).Write(cursor);
        writer.WriteByte((byte)EventualQueryKind.Changes);
        RecordsQuery.WriteChanges(writer, query with { Cursor = cursor.ToArray() });
    }

    /// <summary>Whether a page says nothing that its watcher does not know.</summary>
    /// <param name="query">The watcher's question.</param>
    /// <param name="answer">The page.</param>
    public static bool IsNothing(in ChangesQuery query, ReadOnlyMemory<byte> answer) =>
        RecordsResultCodec.TryReadChanges(answer, out var page)
        && page is { Status: RecordsStatus.Ok, Changes.Count: 0, More: false } && page.Through == query.After
        && WatchPlace.TryRead(query.Cursor, out _);

    internal static bool TryRead(ReadOnlyMemory<byte> query, out RecordsChanges changes)
    {
        changes = null!;
        if (EventualQuery.KindOf(query.Span) != EventualQueryKind.Changes
            || !RecordsQuery.TryReadChanges(query[1..], out var read) || !WatchPlace.TryRead(read.Cursor, out var place))
        {
            return false;
        }

        changes = new RecordsChanges(read, place, read.After == HybridTime.Max);
        return true;
    }

    /// <summary>Whether nothing has to be looked for in the store.</summary>
    internal bool IsRemembered(EventualRowsState state) => _begins || HasHistory(state) || IsTooOld(state);

    /// <summary>Tells of what this replica changed since the last page.</summary>
    internal void WriteRemembered(EventualRowsState state, HybridTime now, WireWriter result)
    {
        var history = state.History;
        if (!_begins && !HasHistory(state))
        {
            RecordsResultCodec.WriteHead(result, RecordsStatus.Compacted, now, "deletions that old are no longer kept");
            End(result, state.Horizon, more: false, default);
            return;
        }

        RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
        if (_begins)
        {
            End(result, state.Horizon, more: false, _place with { Applied = Latest(state), ScanAfter = default });
            return;
        }

        var start = result.Length;
        var applied = _place.Applied;
        var written = 0;
        var position = history.FirstAfter(applied);
        while (position < history.Count && written < _query.ChangesMax && result.Length - start < Limits.ScanPageBytesMax)
        {
            for (var end = history.EndOfCommand(position); position < end; position++)
            {
                ref readonly var change = ref history[position];
                applied = change.Version;
                written += TryWrite(result, change.Key.Span, change.Value, now, HybridTime.Zero) ? 1 : 0;
            }
        }

        // Whoever is behind has not been told of all up to the horizon.
        var more = position < history.Count;
        End(result, more ? After : state.Horizon, more, _place with { Applied = applied });
    }

    /// <summary>Tells of a record; false when there is nothing to tell.</summary>
    /// <param name="result">Receives the change.</param>
    /// <param name="key">The record's key.</param>
    /// <param name="row">The row that it is.</param>
    /// <param name="now">When its value must be live.</param>
    /// <param name="after">Only a version behind this one.</param>
    internal bool TryWrite(WireWriter result, ReadOnlySpan<byte> key, ReadOnlyMemory<byte> row, HybridTime now, HybridTime after)
    {
        if (!key.StartsWith(_query.Prefix.Span) || !RowDataCodec.TryRead(row, out var data))
        {
            return false;
        }

        var isPut = data.TryGetCell(RecordsVersion.Column, default, out var cell);
        if (isPut ? !cell.IsLive(now.UnixMilliseconds) : data.Deletion.IsNone)
        {
            return false;
        }

        var version = RecordsVersion.VersionOf(isPut ? cell.TimestampMicros : data.Deletion.TimestampMicros);
        if (version <= after)
        {
            return false;
        }

        RecordsResultCodec.WriteChange(
            result, new RecordChange(version, isPut ? ChangeKind.Put : ChangeKind.Delete, key.ToArray(), isPut ? cell.Value : default));
        return true;
    }

    internal static void End(WireWriter result, HybridTime through, bool more, in WatchPlace place)
    {
        var cursor = new WireWriter(32);
        place.Write(cursor);
        RecordsResultCodec.WriteChangesEnd(result, through, more, cursor.Written);
    }

    /// <summary>The time of the last change here; never zero.</summary>
    internal static HybridTime Latest(EventualRowsState state) =>
        state.History.Latest > HybridTime.Zero ? state.History.Latest : BeforeAll;

    // The time must be one of this history: a node that was no replica for a while has another one, whose times may be earlier.
    private bool HasHistory(EventualRowsState state)
    {
        var (history, applied) = (state.History, _place.Applied);
        if (!_place.ScanAfter.IsEmpty || applied < history.CompactedThrough || applied == HybridTime.Zero || applied > Latest(state))
        {
            return false;
        }

        var position = history.FirstAfter(applied);
        return position > 0 ? history[position - 1].Version == applied
            : applied == (history.CompactedThrough == HybridTime.Zero ? BeforeAll : history.CompactedThrough);
    }

    // What was deleted behind the watcher's time may have been dropped.
    private bool IsTooOld(EventualRowsState state) => _query.After < state.Horizon;
}

/// <summary>Tells of all records with versions behind the watcher's.</summary>
internal sealed class RecordsChangesWalk(
    RecordsChanges changes, EventualRowsState state, ISortedCursor cursor, HybridTime now, WireWriter result) : IStoreWalk
{
    private readonly HybridTime _horizon = state.Horizon;
    private readonly int _start = result.Length;

    // What changes while pages are made is told afterwards: from the first page on.
    private readonly HybridTime _applied = changes.Place.ScanAfter.IsEmpty ? RecordsChanges.Latest(state) : changes.Place.Applied;
    private byte[] _last = changes.Place.ScanAfter.ToArray();
    private bool _isBegun;
    private int _steps;
    private int _written;

    public bool Run()
    {
        if (!_isBegun)
        {
            _isBegun = true;
            if (changes.After < _horizon)
            {
                changes.WriteRemembered(state, now, result); // the horizon has moved on while it waited for its turn
                return true;
            }

            RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, now);
            _ = _last.Length > 0 ? cursor.SeekAfter(RowKey.OfRecord(_last)) : cursor.SeekAtOrAfter(RowKey.OfRecord(changes.Prefix.Span));
        }

        while (!cursor.IsWaiting && cursor.Fault is null && cursor.IsValid && RowKey.IsOfRecord(cursor.KeySpan)
            && cursor.KeySpan[RowKey.RecordHeadBytes..].StartsWith(changes.Prefix.Span))
        {
            if (_steps++ >= Limits.ScanRowsMax || _written >= changes.ChangesMax || result.Length - _start >= Limits.ScanPageBytesMax)
            {
                // Through stays where the watcher is: it has not been told of all yet.
                RecordsChanges.End(result, changes.After, more: true, changes.Place with { Applied = _applied, ScanAfter = _last });
                return true;
            }

            _last = cursor.KeySpan[RowKey.RecordHeadBytes..].ToArray();
            _written += changes.TryWrite(result, _last, cursor.Record.Value, now, changes.After) ? 1 : 0;
            cursor.Next();
        }

        if (cursor.IsWaiting)
        {
            return false;
        }

        RecordsChanges.End(result, _horizon, more: false, changes.Place with { Applied = _applied, ScanAfter = default });
        return true;
    }
}
