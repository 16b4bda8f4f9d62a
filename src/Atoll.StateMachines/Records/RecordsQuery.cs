using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>The kinds of queries, as they stand in the first byte.</summary>
public enum RecordsQueryKind : byte
{
    /// <summary>One record.</summary>
    Get = 1,

    /// <summary>A page of records in key order.</summary>
    Scan = 2,

    /// <summary>A page of changes in version order.</summary>
    Changes = 3,

    /// <summary>Counts.</summary>
    Stats = 4,

    /// <summary>Sums over the records of a range.</summary>
    Digest = 5,
}

/// <summary>A scan of the keys of one shard.</summary>
/// <param name="From">The lowest key, included; empty: from the first.</param>
/// <param name="To">
/// The key where the range ends, not included; empty: to the last. A prefix ends at <see cref="KeyOrder.EndOfPrefix"/>.
/// </param>
/// <param name="After">
/// Where the previous page ended (<see cref="ScanPage.ResumeAfter"/>): the scan goes on behind it, in its direction. Empty: the first page.
/// </param>
/// <param name="RowsMax">Rows of the page; cut to <see cref="Limits.ScanRowsMax"/>, 0 for that.</param>
/// <param name="PageBytesMax">
/// Bytes of the page (it holds a row at least); cut to <see cref="Limits.ScanPageBytesMax"/>, 0 for that.
/// </param>
/// <param name="Reverse">From the highest key down.</param>
/// <param name="KeysOnly">Leaves the values out.</param>
/// <param name="At">
/// The records as they were at that time, those left out that had expired by then; zero: as they are now. Every version up to it must have
/// been written, and none been collected: else the answer says so.
/// </param>
public readonly record struct ScanQuery(
    ReadOnlyMemory<byte> From,
    ReadOnlyMemory<byte> To,
    ReadOnlyMemory<byte> After,
    int RowsMax = 0,
    int PageBytesMax = 0,
    bool Reverse = false,
    bool KeysOnly = false,
    HybridTime At = default)
{
    /// <summary>A scan of all keys that begin with the prefix.</summary>
    public static ScanQuery OfPrefix(ReadOnlyMemory<byte> prefix) => new(prefix, KeyOrder.EndOfPrefix(prefix.Span), default);
}

/// <summary>A question for what changed.</summary>
/// <param name="Prefix">Only keys that begin with it; empty: all.</param>
/// <param name="After">
/// Only changes with higher versions: a page's <see cref="ChangesPage.Through"/>, or the AsOf of any other answer.
/// </param>
/// <param name="ChangesMax">
/// Changes of the page; cut to <see cref="Limits.ScanRowsMax"/>, 0 for that. A page may hold more when one command made more: it is never
/// cut within a version.
/// </param>
/// <param name="Cursor">
/// For eventual spaces, which go by it as long as they can: the last page's <see cref="ChangesPage.Cursor"/>. Empty for none; then
/// <paramref name="After"/> says where to go on, <see cref="HybridTime.Max"/> for "from now on".
/// </param>
public readonly record struct ChangesQuery(
    ReadOnlyMemory<byte> Prefix, HybridTime After, int ChangesMax = 0, ReadOnlyMemory<byte> Cursor = default);

/// <summary>A question for sums over the records of a range of one shard.</summary>
/// <param name="From">The lowest key, included; empty: from the first.</param>
/// <param name="To">The key where the range ends, not included; empty: to the last.</param>
/// <param name="After">Where the previous answer ended (<see cref="DigestPage.ResumeAfter"/>); empty: the first question.</param>
/// <param name="At">As for <see cref="ScanQuery.At"/>.</param>
/// <param name="HasContents">Whether values are looked at, for <see cref="RecordsDigest.Contents"/>.</param>
public readonly record struct DigestQuery(
    ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, ReadOnlyMemory<byte> After, HybridTime At = default, bool HasContents = false);

/// <summary>The queries of the records machine, written by clients and services and read by the machine.</summary>
public static class RecordsQuery
{
    private const byte ReverseFlag = 1;
    private const byte KeysOnlyFlag = 2;
    private const byte AtFlag = 4;
    private const byte ContentsFlag = 1;

    /// <summary>Asks for one record.</summary>
    public static void WriteGet(WireWriter writer, ReadOnlySpan<byte> key)
    {
        writer.WriteByte((byte)RecordsQueryKind.Get);
        writer.WriteBytes(key);
    }

    /// <summary>Asks for a page of records.</summary>
    public static void WriteScan(WireWriter writer, in ScanQuery scan)
    {
        writer.WriteByte((byte)RecordsQueryKind.Scan);
        writer.WriteByte((byte)((scan.Reverse ? ReverseFlag : 0) | (scan.KeysOnly ? KeysOnlyFlag : 0)
            | (scan.At != HybridTime.Zero ? AtFlag : 0)));
        writer.WriteBytes(scan.From.Span);
        writer.WriteBytes(scan.To.Span);
        writer.WriteBytes(scan.After.Span);
        writer.WriteVarint((ulong)Math.Max(0, scan.RowsMax));
        writer.WriteVarint((ulong)Math.Max(0, scan.PageBytesMax));
        if (scan.At != HybridTime.Zero)
        {
            writer.WriteUInt64(scan.At.Value);
        }
    }

    /// <summary>Asks for sums over a range.</summary>
    public static void WriteDigest(WireWriter writer, in DigestQuery digest)
    {
        writer.WriteByte((byte)RecordsQueryKind.Digest);
        writer.WriteByte(digest.HasContents ? ContentsFlag : (byte)0);
        writer.WriteBytes(digest.From.Span);
        writer.WriteBytes(digest.To.Span);
        writer.WriteBytes(digest.After.Span);
        writer.WriteUInt64(digest.At.Value);
    }

    /// <summary>Asks for a page of changes.</summary>
    public static void WriteChanges(WireWriter writer, in ChangesQuery changes)
    {
        writer.WriteByte((byte)RecordsQueryKind.Changes);
        writer.WriteBytes(changes.Prefix.Span);
        writer.WriteUInt64(changes.After.Value);
        writer.WriteVarint((ulong)Math.Max(0, changes.ChangesMax));
        if (!changes.Cursor.IsEmpty)
        {
            writer.WriteBytes(changes.Cursor.Span);
        }
    }

    /// <summary>Asks for counts.</summary>
    public static void WriteStats(WireWriter writer) => writer.WriteByte((byte)RecordsQueryKind.Stats);

    /// <summary>The kind of a query; any other value when it is none.</summary>
    public static RecordsQueryKind KindOf(ReadOnlySpan<byte> query) => query.IsEmpty ? 0 : (RecordsQueryKind)query[0];

    /// <summary>Reads a get; the key is a slice of the query.</summary>
    public static bool TryReadGet(ReadOnlyMemory<byte> query, out ReadOnlyMemory<byte> key)
    {
        var reader = new WireReader(query);
        var kind = (RecordsQueryKind)reader.ReadByte();
        key = reader.ReadBytes();
        return reader.OkAtEnd && kind == RecordsQueryKind.Get && key.Length is > 0 and <= Limits.KeyBytesMax;
    }

    /// <summary>Reads a scan; its keys are slices of the query, its limits already cut to what is allowed.</summary>
    public static bool TryReadScan(ReadOnlyMemory<byte> query, out ScanQuery scan)
    {
        var reader = new WireReader(query);
        var kind = (RecordsQueryKind)reader.ReadByte();
        var flags = reader.ReadByte();
        var from = reader.ReadBytes();
        var to = reader.ReadBytes();
        var after = reader.ReadBytes();
        var rows = Bounded(reader.ReadVarint(), Limits.ScanRowsMax);
        var bytes = Bounded(reader.ReadVarint(), Limits.ScanPageBytesMax);
        var hasTime = (flags & AtFlag) != 0;
        var at = new HybridTime(hasTime ? reader.ReadUInt64() : 0);
        scan = new ScanQuery(from, to, after, rows, bytes, (flags & ReverseFlag) != 0, (flags & KeysOnlyFlag) != 0, at);
        return reader.OkAtEnd && kind == RecordsQueryKind.Scan && (flags & ~(ReverseFlag | KeysOnlyFlag | AtFlag)) == 0
            && hasTime == (at != HybridTime.Zero)
            && from.Length <= Limits.KeyBytesMax && to.Length <= Limits.KeyBytesMax && after.Length <= Limits.KeyBytesMax;
    }

    /// <summary>Reads a question for sums; its keys are slices of the query.</summary>
    public static bool TryReadDigest(ReadOnlyMemory<byte> query, out DigestQuery digest)
    {
        var reader = new WireReader(query);
        var kind = (RecordsQueryKind)reader.ReadByte();
        var flags = reader.ReadByte();
        digest = new DigestQuery(
            reader.ReadBytes(), reader.ReadBytes(), reader.ReadBytes(), new HybridTime(reader.ReadUInt64()), flags == ContentsFlag);
        return reader.OkAtEnd && kind == RecordsQueryKind.Digest && (flags is 0 or ContentsFlag)
            && digest.From.Length <= Limits.KeyBytesMax && digest.To.Length <= Limits.KeyBytesMax
            && digest.After.Length <= Limits.KeyBytesMax;
    }

    /// <summary>The time that a query is about; zero when that is now, and when it is no query.</summary>
    public static HybridTime TimeOf(ReadOnlyMemory<byte> query) => KindOf(query.Span) switch
    {
        RecordsQueryKind.Scan when TryReadScan(query, out var scan) => scan.At,
        RecordsQueryKind.Digest when TryReadDigest(query, out var digest) => digest.At,
        _ => HybridTime.Zero,
    };

    /// <summary>Reads a question for changes; the prefix is a slice of the query, the limit already cut to what is allowed.</summary>
    public static bool TryReadChanges(ReadOnlyMemory<byte> query, out ChangesQuery changes)
    {
        var reader = new WireReader(query);
        var kind = (RecordsQueryKind)reader.ReadByte();
        var prefix = reader.ReadBytes();
        var after = new HybridTime(reader.ReadUInt64());
        var max = Bounded(reader.ReadVarint(), Limits.ScanRowsMax);
        changes = new ChangesQuery(prefix, after, max, RecordsResultCodec.ReadCursor(ref reader));
        return reader.OkAtEnd && kind == RecordsQueryKind.Changes && prefix.Length <= Limits.KeyBytesMax;
    }

    private static int Bounded(ulong asked, int max) => asked == 0 || asked > (ulong)max ? max : (int)asked;
}
