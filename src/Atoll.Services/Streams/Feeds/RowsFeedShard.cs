using System.Text;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Execution;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// A shard of a table. A row is told as a JSON object of its columns, as SELECT JSON has it, under the object of its primary key; the
/// static columns of a partition as a row whose key is the partition's. All rows of a partition go into one partition of the topic.
/// </summary>
/// <param name="records">Asks the shard for changes.</param>
/// <param name="rows">Reads its rows.</param>
/// <param name="tables">Knows the table's columns.</param>
/// <param name="space">The name of the table's space.</param>
/// <param name="shard">One of its shards.</param>
internal sealed class RowsFeedShard(IRecordShards records, IRowShards rows, FeedTables tables, string space, ShardInfo shard) : IFeedShard
{
    /// <inheritdoc />
    public async ValueTask<FeedPage> ScanAsync(ReadOnlyMemory<byte> resumeAfter, CancellationToken cancellation)
    {
        var read = new TokenRangeRead(
            RowTokens.TokenOf(shard.HashLow), RowTokens.TokenOf(shard.HashHigh), RowsSelection.All with { ResumeAfter = resumeAfter });
        var page = await rows.ReadRangeAsync(space, read, default, cancellation).ConfigureAwait(false);
        var found = new List<(ReadOnlyMemory<byte> Partition, bool IsStatic, ReadOnlyMemory<byte> Clustering, RowData Row)>();
        foreach (var partition in page.Partitions)
        {
            if (!partition.IsContinued && !partition.Static.IsEmpty)
            {
                found.Add((partition.Key, true, default, partition.Static));
            }

            found.AddRange(partition.Rows.Select(row => (partition.Key, false, row.Clustering, row.Row)));
        }

        var table = await tables.KnowingAsync(space, found.Select(static row => row.Row), cancellation).ConfigureAwait(false);
        return new FeedPage(
            page.AsOf,
            [.. found.Select(row => Told(
                table, FeedOperation.Snapshot, row.Partition, row.IsStatic, row.Clustering, row.Row, page.AsOf))],
            page.HasMore ? page.ResumeAfter : default(ReadOnlyMemory<byte>?));
    }

    /// <inheritdoc />
    public bool IsBehind(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> resumeAfter) =>
        RowsResume.TryRead(resumeAfter, out var resume) ? resume.IsBehind(key.Span) : throw Garbled();

    /// <inheritdoc />
    public ValueTask<ChangesPage> ChangesAsync(HybridTime after, TimeSpan linger, CancellationToken cancellation) =>
        records.ChangesAsync(shard, new ChangesQuery(default, after), linger, cancellation);

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<FeedRecord>> TellAsync(IEnumerable<RecordChange> changes, CancellationToken cancellation)
    {
        var images = changes.Select(static change => (
            Change: change,
            Image: change.Kind == ChangeKind.Truncate ? null : RowImage.TryRead(change, out var image) ? image : throw Garbled())).ToList();
        var table = await tables.KnowingAsync(space, images.Select(static told => told.Image?.Row).OfType<RowData>(), cancellation)
            .ConfigureAwait(false);
        return
        [
            .. images.Select(told => told.Image is { } image
                ? Told(
                    table, (FeedOperation)told.Change.Kind, image.PartitionKey, image.IsStatic, image.Clustering,
                    told.Change.Kind == ChangeKind.Put ? image.Row : null, told.Change.Version)
                : new FeedRecord(FeedOperation.Truncate, default, null, told.Change.Version)),
        ];
    }

    private static FeedRecord Told(
        TableDefinition table, FeedOperation operation, ReadOnlyMemory<byte> partition, bool isStatic, ReadOnlyMemory<byte> clustering,
        RowData? row, HybridTime version)
    {
        var values = new ReadOnlyMemory<byte>[table.PartitionKey.Length];
        if (!Murmur3Token.TryParseKey(partition, values))
        {
            throw Garbled();
        }

        try
        {
            var view = RowView.OfCells(
                table, partition, values, clustering, isStatic ? row ?? RowData.Empty : RowData.Empty,
                isStatic ? RowData.Empty : row ?? RowData.Empty);
            var partitionedBy = Json(view, static column => column.Kind == ColumnKind.PartitionKey);
            var key = isStatic || table.Clustering.IsEmpty ? partitionedBy : Json(view, static column => column.IsPrimaryKey);
            var value = row is null ? default(ReadOnlyMemory<byte>?)
                : isStatic ? Json(view, static column => column.Kind is ColumnKind.PartitionKey or ColumnKind.Static)
                : Json(view, static column => column.Kind != ColumnKind.Static);
            return new FeedRecord(operation, key, value, version) { PartitionedBy = partitionedBy };
        }
        catch (CqlException error)
        {
            throw new AtollException(ErrorCode.Protocol, error.Message);
        }
    }

    private static ReadOnlyMemory<byte> Json(RowView view, Func<ColumnDefinition, bool> isWanted)
    {
        var columns = new List<(string, CqlType)>();
        var values = new List<ReadOnlyMemory<byte>?>();
        for (var i = 0; i < view.Table.Columns.Length; i++)
        {
            if (isWanted(view.Table.Columns[i]))
            {
                columns.Add((view.Table.Columns[i].Name, view.Table.Columns[i].Type));
                values.Add(view[i]);
            }
        }

        return Encoding.UTF8.GetBytes(CqlJsonWriter.EncodeRow(columns, values));
    }

    private static AtollException Garbled() => new(ErrorCode.Protocol, "the shard's answer cannot be decoded");
}
