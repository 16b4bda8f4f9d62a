using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a batch does to one table.</summary>
/// <param name="Space">The table's space.</param>
/// <param name="Mutation">What is done; without conditions.</param>
internal sealed record BatchPart(string Space, RowsMutation Mutation);

/// <summary>
/// The log of batches that touch more than one partition: written before the first of them is touched, and removed after the last, so that
/// whatever stops a batch in its middle, somebody finds it and does the rest. A batch is a row of its own: its identity is the partition
/// key, and its one cell holds a version (byte), when it was written (Unix milliseconds, 8 bytes), the number of parts (varint); of each
/// the space (string) and the mutation as a command (bytes). Done again, a batch has the same effect: its operations have timestamps.
/// </summary>
/// <param name="shards">The rows.</param>
/// <param name="time">The clock.</param>
/// <param name="ids">Gives batches their identities.</param>
/// <param name="space">How the log's own space is made.</param>
internal sealed class BatchLog(IRowShards shards, TimeProvider time, IUuidSource ids, RowSpaceOptions space)
{
    private const byte FormatVersion = 1;
    private const uint Column = 0;

    /// <summary>Now, in Unix microseconds.</summary>
    public long NowMicros => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Writes a batch down.</summary>
    /// <returns>What it is removed by.</returns>
    public async ValueTask<byte[]> WriteAsync(IReadOnlyList<BatchPart> parts, CancellationToken cancellationToken)
    {
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

        await MutateAsync(key, RowOperation.Upsert(default, [CellWrite.Put(Column, writer.ToArray())]), cancellationToken)
            .ConfigureAwait(false);
        return key;
    }

    /// <summary>Forgets a batch that is done.</summary>
    public ValueTask RemoveAsync(byte[] key, CancellationToken cancellationToken) =>
        MutateAsync(key, RowOperation.DeletePartition(), cancellationToken);

    /// <summary>Does all batches to their end that were written down at least so long ago.</summary>
    /// <returns>How many there were.</returns>
    public async ValueTask<int> FinishAsync(TimeSpan age, CancellationToken cancellationToken)
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
                    space.Table,
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
                            await RemoveAsync(partition.Key.ToArray(), cancellationToken).ConfigureAwait(false);
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

    private async ValueTask MutateAsync(byte[] key, RowOperation operation, CancellationToken cancellationToken)
    {
        var mutation = RowsMutation.Of(new PartitionMutation(Murmur3Token.Of(key), key, [operation]));
        try
        {
            await shards.MutateAsync(space.Table, mutation, default, cancellationToken).ConfigureAwait(false);
        }
        catch (UnknownSpaceException)
        {
            await shards.CreateAsync(space, cancellationToken).ConfigureAwait(false);
            await shards.MutateAsync(space.Table, mutation, default, cancellationToken).ConfigureAwait(false);
        }
    }
}
