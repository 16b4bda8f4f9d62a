using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.Fuzz.Targets;

/// <summary>Answers of the records machine, as clients read them. The first byte of the input chooses the reader.</summary>
public sealed class RecordsResultTarget : CodecTarget
{
    private static readonly HybridTime AsOf = new(5);

    /// <inheritdoc />
    public override string Name => "records-result";

    /// <inheritdoc />
    public override string About => "RecordsResultCodec, all five readers: read or refused; what is read is written and read as the same";

    /// <inheritdoc />
    public override AllocationBound Allocation => new(128, 64 * 1024);

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        [0, .. Bytes(w => RecordsResultCodec.WriteWrite(w, RecordsStatus.Conflict, AsOf, new HybridTime(4), 3, "why"))],
        [1, .. Bytes(w => RecordsResultCodec.WriteGet(w, AsOf, Record))],
        [2, .. Bytes(w =>
        {
            RecordsResultCodec.WriteHead(w, RecordsStatus.Ok, AsOf);
            RecordsResultCodec.WriteRow(w, "a"u8, Record, Record.Value.Span);
            RecordsResultCodec.WriteRow(w, "b"u8, Record, default);
            RecordsResultCodec.WriteRowsEnd(w, more: true, "b"u8);
        })],
        [3, .. Bytes(w =>
        {
            RecordsResultCodec.WriteHead(w, RecordsStatus.Ok, AsOf);
            RecordsResultCodec.WriteChange(w, new RecordChange(AsOf, ChangeKind.Put, "k"u8.ToArray(), "v"u8.ToArray()));
            RecordsResultCodec.WriteChangesEnd(w, AsOf, more: false, [1, 2]);
        })],
        [4, .. Bytes(w => RecordsResultCodec.WriteStats(w, new RecordsStats(RecordsStatus.Ok, AsOf, 1, 2, 3, 4, new HybridTime(5))))],
    ];

    private static StoredRecord Record => new(new HybridTime(4), new HybridTime(9), "value"u8.ToArray());

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        outcome = "refused";
        if (input.IsEmpty)
        {
            return false;
        }

        var kind = input.Span[0] % 5;
        var result = input[1..];
        again.WriteByte((byte)kind);
        RecordsStatus? status = kind switch
        {
            0 => Write(result, again),
            1 => Get(result, again),
            2 => Scan(result, again),
            3 => Changes(result, again),
            _ => Stats(result, again),
        };
        outcome = status is null ? $"refused {kind}" : $"{kind} {status}";
        BrokenPromiseException.Unless(
            status is null || status == RecordsResultCodec.StatusOf(result.Span), "StatusOf tells the status of a result");
        return status is not null;
    }

    private static RecordsStatus? Write(ReadOnlyMemory<byte> result, WireWriter again)
    {
        if (!RecordsResultCodec.TryReadWrite(result, out var write))
        {
            return null;
        }

        RecordsResultCodec.WriteWrite(again, write.Status, write.AsOf, write.Version, write.FailedOperation, write.Detail ?? "");
        return write.Status;
    }

    private static RecordsStatus? Get(ReadOnlyMemory<byte> result, WireWriter again)
    {
        if (!RecordsResultCodec.TryReadGet(result, out var get))
        {
            return null;
        }

        RecordsResultCodec.WriteHead(again, get.Status, get.AsOf, get.Detail ?? "");
        if (get.Status == RecordsStatus.Ok)
        {
            again.WriteUInt64(get.Version.Value);
            again.WriteUInt64(get.ExpiresAt.Value);
            again.WriteBytes(get.Value.Span);
        }

        return get.Status;
    }

    private static RecordsStatus? Scan(ReadOnlyMemory<byte> result, WireWriter again)
    {
        if (!RecordsResultCodec.TryReadScan(result, out var page))
        {
            return null;
        }

        RecordsResultCodec.WriteHead(again, page.Status, page.AsOf, page.Detail ?? "");
        if (page.Status == RecordsStatus.Ok)
        {
            foreach (var row in page.Rows)
            {
                RecordsResultCodec.WriteRow(again, row.Key.Span, new StoredRecord(row.Version, row.ExpiresAt, default), row.Value.Span);
            }

            RecordsResultCodec.WriteRowsEnd(again, page.More, page.ResumeAfter.Span);
        }

        return page.Status;
    }

    private static RecordsStatus? Changes(ReadOnlyMemory<byte> result, WireWriter again)
    {
        if (!RecordsResultCodec.TryReadChanges(result, out var page))
        {
            return null;
        }

        RecordsResultCodec.WriteHead(again, page.Status, page.AsOf, page.Detail ?? "");
        if (page.Status is RecordsStatus.Ok or RecordsStatus.Compacted)
        {
            foreach (var change in page.Changes)
            {
                RecordsResultCodec.WriteChange(again, change);
                _ = RowImage.TryRead(change, out _); // what a shard of rows answers
            }

            RecordsResultCodec.WriteChangesEnd(again, page.Through, page.More, page.Cursor.Span);
        }

        return page.Status;
    }

    private static RecordsStatus? Stats(ReadOnlyMemory<byte> result, WireWriter again)
    {
        if (!RecordsResultCodec.TryReadStats(result, out var stats))
        {
            return null;
        }

        BrokenPromiseException.Unless(
            stats is { Records: >= 0, Bytes: >= 0, Expiring: >= 0, ChangesKept: >= 0 }, "counts are not negative");
        if (stats.Status == RecordsStatus.Ok)
        {
            RecordsResultCodec.WriteStats(again, stats);
        }
        else
        {
            RecordsResultCodec.WriteHead(again, stats.Status, stats.AsOf);
        }

        return stats.Status;
    }
}
