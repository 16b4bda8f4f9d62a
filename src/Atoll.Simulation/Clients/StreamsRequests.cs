using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Simulation.Clients;

/// <summary>The requests of a client of a stream's partitions.</summary>
public static class StreamsRequests
{
    /// <summary>Appends a batch, as a gateway does: nobody but the client sends it again.</summary>
    public static Request Append(ShardId partition, ReadOnlySpan<byte> batch)
    {
        var writer = new WireWriter(batch.Length + PartitionCommand.BatchAt);
        PartitionCommand.WriteAppend(writer, batch);
        return Write(partition, writer) with { IsRepeatable = false };
    }

    /// <summary>Lets a producer write in a transaction.</summary>
    public static Request Begin(ShardId partition, ProducerTransaction transaction)
    {
        var writer = new WireWriter();
        PartitionCommand.WriteBeginTransaction(writer, transaction.ProducerId, transaction.Epoch, transaction.Number);
        return Write(partition, writer);
    }

    /// <summary>Ends a transaction.</summary>
    public static Request End(ShardId partition, TransactionMarker marker, long timestamp)
    {
        var writer = new WireWriter();
        PartitionCommand.WriteEndTransaction(writer, marker, timestamp);
        return Write(partition, writer);
    }

    /// <summary>Deletes the records before an offset.</summary>
    public static Request DeleteBefore(ShardId partition, long offset)
    {
        var writer = new WireWriter();
        PartitionCommand.WriteDeleteBefore(writer, offset);
        return Write(partition, writer);
    }

    /// <summary>Changes the settings.</summary>
    public static Request Configure(ShardId partition, PartitionSettings settings)
    {
        var writer = new WireWriter();
        PartitionCommand.WriteConfigure(writer, settings);
        return Write(partition, writer);
    }

    /// <summary>Reads batches from an offset on.</summary>
    public static Request Fetch(
        ShardId partition, PartitionFetch fetch, ReadLevel level = ReadLevel.Linearizable, Duration linger = default)
    {
        var writer = new WireWriter();
        PartitionQuery.Write(writer, fetch);
        return Read(partition, writer) with { Level = level, Linger = linger };
    }

    /// <summary>Asks for an offset.</summary>
    public static Request Find(ShardId partition, PartitionFind find)
    {
        var writer = new WireWriter();
        PartitionQuery.Write(writer, find);
        return Read(partition, writer);
    }

    /// <summary>Asks where a leader's epoch ended.</summary>
    public static Request EpochEnd(ShardId partition, int epoch)
    {
        var writer = new WireWriter();
        PartitionQuery.WriteEpochEnd(writer, epoch);
        return Read(partition, writer);
    }

    /// <summary>Asks how far compaction has come.</summary>
    public static Request Compaction(ShardId partition, ReadLevel level = ReadLevel.Linearizable)
    {
        var writer = new WireWriter();
        PartitionQuery.WriteCompaction(writer);
        return Read(partition, writer) with { Level = level };
    }

    /// <summary>What a run of compaction wants next; it takes the answer by <see cref="Take"/>.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="run">The run, which is not over.</param>
    /// <param name="level">How fresh what is read must be.</param>
    /// <param name="bytesMax">Bytes that are fetched at once.</param>
    public static Request Next(ShardId partition, CompactionRun run, ReadLevel level, int bytesMax) => run.Step switch
    {
        CompactionStep.Status => Compaction(partition, level),
        CompactionStep.Batches => Fetch(partition, run.Fetch with { BytesMax = Math.Min(bytesMax, run.Fetch.BytesMax) }, level),
        _ => new Request { Kind = RequestKind.Write, Shard = partition, Payload = run.Command.ToArray() },
    };

    /// <summary>Gives a run of compaction the answer to what it wanted; false when that is none, and the run is to be given up.</summary>
    public static bool Take(CompactionRun run, in Response response)
    {
        if (response.Status != ResponseStatus.Ok)
        {
            return false;
        }

        switch (run.Step)
        {
            case CompactionStep.Status:
                run.Take(CompactionStatus.TryRead(response.Body) ?? throw Garbled());
                break;
            case CompactionStep.Batches:
                run.Take(FetchedBatches.TryRead(response.Body) ?? throw Garbled());
                break;
            default:
                run.Take(PartitionResult.TryRead(response.Body, out var result) ? result : throw Garbled());
                break;
        }

        return true;
    }

    private static SafetyViolationException Garbled() => new("the answer of a partition to compaction cannot be read");

    private static Request Write(ShardId partition, WireWriter command) =>
        new() { Kind = RequestKind.Write, Shard = partition, Payload = command.ToArray() };

    private static Request Read(ShardId partition, WireWriter query) =>
        new() { Kind = RequestKind.Read, Shard = partition, Payload = query.ToArray() };
}
