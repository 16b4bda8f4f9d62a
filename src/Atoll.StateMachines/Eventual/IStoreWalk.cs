using Atoll.Foundation.Bytes;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>A read that goes over many records of a section, and may have to wait for the disk at each.</summary>
internal interface IStoreWalk
{
    /// <summary>Goes on until the answer is written; false when it must wait for the cursor to load.</summary>
    bool Run();
}

/// <summary>Answers with the slice that a read is about.</summary>
internal sealed class RawWalk(RawSliceWriter slice) : IStoreWalk
{
    public bool Run() => slice.Run();
}

/// <summary>Keys and hashes of records of a range.</summary>
internal sealed class RecordListWalk(ISortedCursor cursor, RecordListRange range, WireWriter result) : IStoreWalk
{
    // What is read for a page: its hashes have to be made of values of any size.
    private const int BytesMax = 8 * 1024 * 1024;

    private bool _isBegun;
    private int _count;
    private int _bytes;

    public bool Run()
    {
        if (!_isBegun)
        {
            _isBegun = true;
            _ = range.After.IsEmpty ? cursor.SeekAtOrAfter(range.From) : cursor.SeekAfter(range.After);
        }

        while (!cursor.IsWaiting && cursor.IsValid && range.Contains(cursor.KeySpan))
        {
            if (_count >= range.Count || (_count > 0 && _bytes >= BytesMax))
            {
                return End(isComplete: false);
            }

            var value = cursor.Record.Value;
            var hash = EventualRecords.HashOf(cursor.KeySpan, EventualRecords.InVersion(cursor.KeySpan, value).Span);
            result.WriteBytes(cursor.KeySpan);
            result.WriteUInt64((ulong)(hash >> 64));
            result.WriteUInt64((ulong)hash);
            _count++;
            _bytes += value.Length;
            cursor.Next();
        }

        return !cursor.IsWaiting && End(isComplete: true);
    }

    private bool End(bool isComplete)
    {
        result.WriteBytes([]);
        result.WriteBool(isComplete);
        return true;
    }
}

/// <summary>Which records a list is of.</summary>
/// <param name="From">The first key of the first hash.</param>
/// <param name="After">Only keys behind this one; empty, or not before <paramref name="From"/>.</param>
/// <param name="To">The first key behind the last hash; empty for the end.</param>
/// <param name="Through">Only keys up to this one, included; empty for all.</param>
/// <param name="Count">How many at most.</param>
internal readonly record struct RecordListRange(
    ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> After, ReadOnlyMemory<byte> To, ReadOnlyMemory<byte> Through, int Count)
{
    internal bool Contains(ReadOnlySpan<byte> key) =>
        (To.IsEmpty || key.SequenceCompareTo(To.Span) < 0) && (Through.IsEmpty || key.SequenceCompareTo(Through.Span) <= 0);
}

/// <summary>Notes whose keys begin with something.</summary>
internal sealed class NotesWalk(ISortedCursor cursor, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, int max, WireWriter result)
    : IStoreWalk
{
    private const int BytesMax = 1024 * 1024;

    private readonly int _start = result.Length;
    private bool _isBegun;
    private int _count;

    public bool Run()
    {
        if (!_isBegun)
        {
            _isBegun = true;
            _ = after.Span.SequenceCompareTo(prefix.Span) < 0 ? cursor.SeekAtOrAfter(prefix) : cursor.SeekAfter(after);
        }

        while (!cursor.IsWaiting && cursor.IsValid && cursor.KeySpan.StartsWith(prefix.Span))
        {
            if (_count >= max || (_count > 0 && result.Length - _start >= BytesMax))
            {
                return End(isComplete: false);
            }

            var value = cursor.Record.Value;
            result.WriteBytes(cursor.KeySpan);
            result.WriteBytes(value.Span);
            _count++;
            cursor.Next();
        }

        return !cursor.IsWaiting && End(isComplete: true);
    }

    private bool End(bool isComplete)
    {
        result.WriteBytes([]);
        result.WriteBool(isComplete);
        return true;
    }
}
