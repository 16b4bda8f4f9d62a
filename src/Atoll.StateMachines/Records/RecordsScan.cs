using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>A page of records.</summary>
internal sealed class RecordsScan(ISortedCursor cursor, ScanQuery scan, HybridTime asOf, WireWriter result) : RecordsPage(cursor, scan)
{
    private readonly int _start = result.Length;
    private int _rows;

    /// <inheritdoc />
    protected override void Begin() => RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, asOf);

    /// <inheritdoc />
    protected override bool TryTake(ReadOnlySpan<byte> key, in StoredRecord head, ReadOnlySpan<byte> value)
    {
        if (_rows >= Range.RowsMax)
        {
            return false;
        }

        if (!head.IsExpired(asOf))
        {
            var size = key.Length + (Range.KeysOnly ? 0 : value.Length);
            if (_rows > 0 && result.Length - _start + size > Range.PageBytesMax)
            {
                return false;
            }

            RecordsResultCodec.WriteRow(result, key, head, Range.KeysOnly ? default : value);
            _rows++;
        }

        return true;
    }

    /// <inheritdoc />
    protected override void End(bool more, ReadOnlySpan<byte> resumeAfter) => RecordsResultCodec.WriteRowsEnd(result, more, resumeAfter);
}

/// <summary>Sums over the records of a range, or of as many as may be looked at in one piece.</summary>
internal sealed class RecordsDigestPage(ISortedCursor cursor, DigestQuery digest, HybridTime asOf, WireWriter result)
    : RecordsPage(cursor, new ScanQuery(digest.From, digest.To, digest.After))
{
    // What one question may take of the loop's time: a few milliseconds.
    private const long BytesMax = 4 * 1024 * 1024;

    private RecordsDigest _sums;

    /// <inheritdoc />
    protected override void Begin() => RecordsResultCodec.WriteHead(result, RecordsStatus.Ok, asOf);

    /// <inheritdoc />
    protected override bool TryTake(ReadOnlySpan<byte> key, in StoredRecord head, ReadOnlySpan<byte> value)
    {
        if (digest.HasContents && _sums.Bytes >= BytesMax)
        {
            return false;
        }

        if (!head.IsExpired(asOf))
        {
            _sums = _sums.With(key, head, value, digest.HasContents);
        }

        return true;
    }

    /// <inheritdoc />
    protected override void End(bool more, ReadOnlySpan<byte> resumeAfter) =>
        RecordsResultCodec.WriteDigest(result, _sums, more, resumeAfter);
}
