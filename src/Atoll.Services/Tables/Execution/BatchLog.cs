using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a batch does to one table.</summary>
/// <param name="Space">The table's space.</param>
/// <param name="Mutation">What is done; without conditions.</param>
internal sealed record BatchPart(string Space, RowsMutation Mutation)
{
    /// <summary>The regions in which the table's data may be stored; empty: all.</summary>
    public ImmutableArray<string> AllowedRegions { get; init; } = [];
}

/// <summary>An entry of the log of batches.</summary>
/// <param name="Space">How the space that it is in is made.</param>
/// <param name="Key">Its identity.</param>
internal readonly record struct LoggedBatch(RowSpaceOptions Space, byte[] Key);

/// <summary>
/// The log of batches that touch more than one partition: written before the first of them is touched, and removed after the last, so that
/// whatever stops a batch in its middle, somebody finds it and does the rest. A batch is a row of its own: its identity is the partition
/// key, and its one cell holds a version (byte), when it was written (Unix milliseconds, 8 bytes), the number of parts (varint); of each
/// the space (string) and the mutation as a command (bytes). Done again, a batch has the same effect: its operations have timestamps.
/// Data that may only be in some regions are written down in a log that is only there.
/// </summary>
/// <param name="shards">The rows.</param>
/// <param name="time">The clock.</param>
/// <param name="ids">Gives batches their identities.</param>
/// <param name="space">How the log's own space is made.</param>
/// <param name="restrictions">The sets of regions to which keyspaces are restricted.</param>
internal sealed class BatchLog(
    IRowShards shards, TimeProvider time, IUuidSource ids, RowSpaceOptions space, Func<IEnumerable<ImmutableArray<string>>> restrictions)
{
    private const byte FormatVersion = 1;
    private const uint Column = 0;

    /// <summary>Now, in Unix microseconds.</summary>
    public long NowMicros => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Writes a batch down.</summary>
    /// <returns>What it is removed by.</returns>
    /// <exception cref="CqlException">No region may store all of it.</exception>
    public async ValueTask<LoggedBatch> WriteAsync(IReadOnlyList<BatchPart> parts, CancellationToken cancellationToken)
    {
        var log = LogOf(parts);
        var key = CqlBytes.Of(ids.NewTimeBased());
        var writer = new WireWriter(1024);
        var command = new WireWriter(1024);
        writer.WriteByte(FormatVersion);
        writer.WriteUInt64((ulong)NowMilliseconds);
        writer.WriteVarint((ulong)parts.Count);
        foreach (var part in parts)
        {
            command.Reset();
            RowsCommand.WriteMutate(command, part.Mutation);
            writer.WriteString(part.Space);
            writer.WriteBytes(command.Written);
        }

        var batch = new LoggedBatch(log, key);
        await MutateAsync(batch, RowOperation.Upsert(default, [CellWrite.Put(Column, writer.ToArray())]), cancellationToken)
            .ConfigureAwait(false);
        return batch;
    }

    /// <summary>Forgets a batch that is done.</summary>
    public ValueTask RemoveAsync(LoggedBatch batch, CancellationToken cancellationToken) =>
        MutateAsync(batch, RowOperation.DeletePartition(), cancellationToken);

    /// <summary>Does all batches to their end that were written down at least so long ago.</summary>
    /// <returns>How many there were.</returns>
    public async ValueTask<int> FinishAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        var finished = await FinishAsync(space, age, cancellationToken).ConfigureAwait(false);
        foreach (var log in restrictions().Select(LogIn).DistinctBy(static log => log.Table))
        {
            finished += await FinishAsync(log, age, cancellationToken).ConfigureAwait(false);
        }

        return finished;
    }

    private async ValueTask<int> FinishAsync(RowSpaceOptions log, TimeSpan age, CancellationToken cancellationToken)
    {
        var finished = 0;
        AtollException? firstError = null;
        ReadOnlyMemory<byte> resumeAfter = default;
        do
        {
            RowsPage page;
            try
            {
                page = await shards.ReadRangeAsync(
                    log.Table,
                    new TokenRangeRead(long.MinValue, long.MaxValue, new RowsSelection { ResumeAfter = resumeAfter, WithStatic = false }),
                    default, cancellationToken).ConfigureAwait(false);
            }
            catch (UnknownSpaceException)
            {
                return 0; // no batch was ever written down
            }

            foreach (var partition in page.Partitions)
            {
                foreach (var row in partition.Rows)
                {
                    try
                    {
                        if (row.Row.CellsOf(Column) is [var cell]
                            && await TryFinishAsync(cell.Value, age, cancellationToken).ConfigureAwait(false))
                        {
                            await RemoveAsync(new LoggedBatch(log, partition.Key.ToArray()), cancellationToken).ConfigureAwait(false);
                            finished++;
                        }
                    }
                    catch (AtollException error)
                    {
                        firstError ??= error; // one batch that cannot be done yet keeps no other from it
                    }
                }
            }

            resumeAfter = page.ResumeAfter;
        }
        while (!resumeAfter.IsEmpty);
        return firstError is null ? finished : throw firstError;
    }

    private RowSpaceOptions LogOf(IReadOnlyList<BatchPart> parts)
    {
        var log = space;
        foreach (var part in parts.Where(static part => !part.AllowedRegions.IsEmpty))
        {
            var own = LogIn(part.AllowedRegions);
            log = log == space || log.Table == own.Table ? own : throw CqlException.Invalid(
                "A logged batch cannot write to keyspaces with different allowed_regions: no region may store all of it");
        }

        return log;
    }

    private RowSpaceOptions LogIn(ImmutableArray<string> regions) => space with
    {
        Table = $"{space.Table}.{string.Join(',', regions)}", Regions = SpaceRegions.Of([], regions),
    };

    private long NowMilliseconds => time.GetUtcNow().ToUnixTimeMilliseconds();

    private async ValueTask<bool> TryFinishAsync(ReadOnlyMemory<byte> bytes, TimeSpan age, CancellationToken cancellationToken)
    {
        if (!TryRead(bytes, out var writtenAtMilliseconds, out var parts))
        {
            throw new CqlException(CqlErrorCode.ServerError, "an entry of the log of batches cannot be decoded");
        }

        if (NowMilliseconds - writtenAtMilliseconds < age.TotalMilliseconds)
        {
            return false;
        }

        foreach (var part in parts)
        {
            try
            {
                await shards.MutateAsync(part.Space, part.Mutation, default, cancellationToken).ConfigureAwait(false);
            }
            catch (UnknownSpaceException)
            {
                // The table was dropped since: nothing of it is left to change.
            }
        }

        return true;
    }

    private static bool TryRead(ReadOnlyMemory<byte> bytes, out long writtenAtMilliseconds, out List<BatchPart> parts)
    {
        parts = [];
        var reader = new WireReader(bytes);
        var version = reader.ReadByte();
        writtenAtMilliseconds = (long)reader.ReadUInt64();
        for (var left = reader.ReadCount(Limits.BatchOperationsMax); left > 0 && reader.Ok; left--)
        {
            var name = reader.ReadString();
            if (!RowsCommand.TryReadMutate(reader.ReadBytes(), out var mutation))
            {
                return false;
            }

            parts.Add(new BatchPart(name, mutation));
        }

        return reader.OkAtEnd && version == FormatVersion;
    }

    private async ValueTask MutateAsync(LoggedBatch batch, RowOperation operation, CancellationToken cancellationToken)
    {
        var (log, key) = batch;
        var mutation = RowsMutation.Of(new PartitionMutation(Murmur3Token.Of(key), key, [operation]));
        try
        {
            await shards.MutateAsync(log.Table, mutation, default, cancellationToken).ConfigureAwait(false);
        }
        catch (UnknownSpaceException)
        {
            await shards.CreateAsync(log, cancellationToken).ConfigureAwait(false);
            await shards.MutateAsync(log.Table, mutation, default, cancellationToken).ConfigureAwait(false);
        }
    }
}
