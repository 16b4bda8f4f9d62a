using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>Where a record stands in the order of the hashes of keys (<see cref="StateSections.Places"/>).</summary>
internal static class RecordPlace
{
    private const int HashBytes = 8;
    private const int ValueBytes = 16;

    /// <summary>The place of a record.</summary>
    /// <param name="key">The key of the row that it is.</param>
    internal static byte[] KeyOf(ReadOnlySpan<byte> key)
    {
        var place = new byte[HashBytes + key.Length - RowKey.RecordHeadBytes];
        BinaryPrimitives.WriteUInt64BigEndian(place, RowKey.HashOf(key));
        key[RowKey.RecordHeadBytes..].CopyTo(place.AsSpan(HashBytes));
        return place;
    }

    /// <summary>What stands there.</summary>
    /// <param name="hash">The record's hash.</param>
    internal static byte[] ValueOf(UInt128 hash)
    {
        var value = new byte[ValueBytes];
        BinaryPrimitives.WriteUInt128BigEndian(value, hash);
        return value;
    }

    /// <summary>Whether these are a place and what stands there.</summary>
    internal static bool IsPlace(ReadOnlySpan<byte> place, ReadOnlySpan<byte> value) =>
        place.Length > HashBytes && value.Length == ValueBytes
        && BinaryPrimitives.ReadUInt64BigEndian(place) == StableHash.Compute(place[HashBytes..]);

    /// <summary>The key of the row that stands at a place.</summary>
    internal static byte[] RowOf(ReadOnlySpan<byte> place) => RowKey.OfRecord(place[HashBytes..]);

    /// <summary>The hash of a record's key.</summary>
    internal static ulong TokenOf(ReadOnlySpan<byte> place) => BinaryPrimitives.ReadUInt64BigEndian(place);

    /// <summary>The record's hash.</summary>
    internal static UInt128 HashOf(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadUInt128BigEndian(value);
}

/// <summary>
/// Keys and hashes of the records of a leaf, in the order of keys: they lie in that of their hashes, so all of the leaf is gone over.
/// </summary>
internal sealed class RecordPlacesWalk(ISortedCursor cursor, RecordPlaceRange range, WireWriter result) : IStoreWalk
{
    private readonly List<(byte[] Key, UInt128 Hash)> _found = [];
    private bool _isBegun;

    public bool Run()
    {
        if (!_isBegun)
        {
            _isBegun = true;
            cursor.SeekAtOrAfter(RowKey.OfHash(range.First));
        }

        while (!cursor.IsWaiting && cursor.IsValid && RecordPlace.TokenOf(cursor.KeySpan) <= range.Last)
        {
            var key = RecordPlace.RowOf(cursor.KeySpan);
            if (range.Contains(key))
            {
                _found.Add((key, RecordPlace.HashOf(cursor.Record.Value.Span)));
            }

            cursor.Next();
        }

        return !cursor.IsWaiting && End();
    }

    private bool End()
    {
        _found.Sort(static (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        foreach (var (key, hash) in _found.Take(range.Count))
        {
            result.WriteBytes(key);
            result.WriteUInt64((ulong)(hash >> 64));
            result.WriteUInt64((ulong)hash);
        }

        result.WriteBytes([]);
        result.WriteBool(_found.Count <= range.Count);
        return true;
    }
}

/// <summary>Which records a list of places is of.</summary>
/// <param name="First">The lowest hash.</param>
/// <param name="Last">The highest hash, included.</param>
/// <param name="After">Only rows behind this one; empty for all.</param>
/// <param name="Through">Only rows up to this one, included; empty for all.</param>
/// <param name="Count">How many at most, the first ones.</param>
internal readonly record struct RecordPlaceRange(
    ulong First, ulong Last, ReadOnlyMemory<byte> After, ReadOnlyMemory<byte> Through, int Count)
{
    internal bool Contains(ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(After.Span) > 0 && (Through.IsEmpty || key.SequenceCompareTo(Through.Span) <= 0);
}
