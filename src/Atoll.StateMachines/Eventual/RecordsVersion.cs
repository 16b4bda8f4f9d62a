using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Records of an eventual shard as versions: a record is a row with one cell, or one for each element; a deleted one a row's deletion. Its
/// version is the stamp of the write that it has, as the cell's timestamp says it in microseconds.
/// </summary>
public static class RecordsVersion
{
    /// <summary>Bytes by which a record's key and value must be shorter than those of a strong shard, as they are part of a row.</summary>
    public const int OverheadBytes = 64;

    /// <summary>The one cell's column.</summary>
    internal const uint Column = 0;

    /// <summary>The column of the elements of a record that is a set or a map; their names are the paths.</summary>
    internal const uint ElementsColumn = 1;

    private const long MicrosPerMillisecond = 1000;

    /// <summary>What a client's command may have for keys and values.</summary>
    /// <param name="limits">The operator's bounds.</param>
    public static RecordLimits LimitsOf(in RecordLimits limits) => new(
        Math.Min(limits.KeyBytesMax, Limits.KeyBytesMax) - RowKey.RecordHeadBytes,
        Math.Min(limits.ValueBytesMax, Limits.ValueBytesMax - OverheadBytes));

    /// <summary>What a record that was written at a timestamp has for its version.</summary>
    /// <param name="timestampMicros">The timestamp: microseconds, not negative.</param>
    public static HybridTime VersionOf(long timestampMicros)
    {
        var milliseconds = Math.Clamp(timestampMicros / MicrosPerMillisecond, 0, (1L << 48) - 1);
        return new HybridTime(
            HybridTime.FromUnixMilliseconds(milliseconds).Value + (ulong)Math.Max(0, timestampMicros % MicrosPerMillisecond));
    }

    /// <summary>What operations add to what is known; conditions are somebody else's.</summary>
    /// <param name="operations">The operations; of two on one key the later wins.</param>
    /// <param name="timestampMicros">Their timestamp.</param>
    /// <param name="stamp">The mutation's stamp: carried by its deletions, rounded up; times to live count from it.</param>
    public static ReadOnlyMemory<byte> OfOperations(IReadOnlyList<RecordOperation> operations, long timestampMicros, HybridTime stamp)
    {
        var rows = new SortedDictionary<ReadOnlyMemory<byte>, RowData>(KeyOrder.Instance);
        foreach (var operation in operations)
        {
            if (operation.Kind != RecordOperationKind.Check)
            {
                rows[operation.Key] = operation.Kind == RecordOperationKind.Put
                    ? RowData.Create(RowLiveness.None, DeletionTime.None, [], [CellOf(operation, timestampMicros, stamp)])
                    : RowData.Create(RowLiveness.None, new DeletionTime(timestampMicros, stamp.UnixMilliseconds + 1), [], []);
            }
        }

        var contents = new VersionContents();
        var scratch = new WireWriter();
        foreach (var (key, row) in rows)
        {
            contents.Records.Add(new VersionRecord(RowKey.OfRecord(key.Span), EventualRecords.Encode(row, scratch)));
        }

        return contents.Encode();
    }

    /// <summary>What a change of elements adds to what is known.</summary>
    /// <param name="command">The change.</param>
    /// <param name="timestampMicros">Its timestamp.</param>
    /// <param name="stamp">The mutation's stamp, as that of <see cref="OfOperations"/>.</param>
    public static ReadOnlyMemory<byte> OfElements(ElementsCommand command, long timestampMicros, HybridTime stamp)
    {
        var expiresAt = stamp.UnixMilliseconds + command.TimeToLiveMilliseconds;
        var cells = command.Changes.Select(change =>
            change.IsRemoval ? RowCell.OfTombstone(ElementsColumn, change.Name, timestampMicros, stamp.UnixMilliseconds + 1)
            : command.TimeToLiveMilliseconds == 0 ? RowCell.Of(ElementsColumn, change.Name, timestampMicros, change.Value)
            : RowCell.OfExpiring(ElementsColumn, change.Name, timestampMicros, expiresAt, change.Value));
        var contents = new VersionContents();
        contents.Records.Add(new VersionRecord(
            RowKey.OfRecord(command.Key.Span),
            EventualRecords.Encode(RowData.Create(RowLiveness.None, DeletionTime.None, [], cells), new WireWriter())));
        return contents.Encode();
    }

    /// <summary>Asks a replica for one record.</summary>
    public static void WriteQuery(WireWriter writer, ReadOnlySpan<byte> recordKey) =>
        EventualQuery.WriteRecord(writer, RowKey.OfRecord(recordKey));

    /// <summary>The record as readers see it; false when it is not there.</summary>
    internal static bool TryGetVisible(ReadOnlyMemory<byte> value, HybridTime now, out RowCell cell)
    {
        cell = default;
        return RowDataCodec.TryRead(value, out var row)
            && row.TryGetCell(Column, default, out cell)
            && cell.IsLive(now.UnixMilliseconds);
    }

    /// <summary>When a cell's value expires; zero for never.</summary>
    internal static HybridTime ExpiryOf(in RowCell cell) => cell.Kind == CellKind.Expiring
        ? HybridTime.FromUnixMilliseconds(Math.Clamp(cell.TimeMilliseconds, 0, (1L << 48) - 1)) : HybridTime.Zero;

    private static RowCell CellOf(in RecordOperation operation, long timestampMicros, HybridTime stamp) =>
        operation.TimeToLiveMilliseconds == 0
            ? RowCell.Of(Column, default, timestampMicros, operation.Value)
            : RowCell.OfExpiring(
                Column, default, timestampMicros, stamp.UnixMilliseconds + operation.TimeToLiveMilliseconds, operation.Value);
}
