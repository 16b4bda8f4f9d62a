using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, rows 31 and 32: transactions of producers, and those who read what is committed.</summary>
public sealed class TransactionsMuseum
{
    private const ulong Seed = 13;
    private const long Producer = 7;
    private const string Id = "x";

    // By any other time of long ago retention would take the records away.
    private const long NoTimestamp = -1;

    [Fact]
    public void Row_31_A_late_batch_of_a_transaction_is_in_no_other_one() => LateBatchBeforeTheNext(Sabotage.None);

    [Fact]
    public void Row_31_is_caught_when_late_batches_are_taken() =>
        Exhibit.IsCaught<SafetyViolationException>("its readers see [1]", () => LateBatchBeforeTheNext(Sabotage.TakesLateBatches));

    [Fact]
    public void Row_32_A_late_batch_keeps_no_reader_waiting() => LateBatchAtTheEnd(Sabotage.None);

    [Fact]
    public void Row_32_is_caught_when_a_late_batch_opens_a_transaction() =>
        Exhibit.IsCaught<StalledException>("does not see", () => LateBatchAtTheEnd(Sabotage.TakesLateBatches));

    [Fact]
    public void Row_32_A_producer_that_dies_and_its_coordinator_too_keep_no_reader_waiting() => ProducerDies(Sabotage.None);

    [Fact]
    public void Row_32_is_caught_when_a_transaction_lasts_for_ever() =>
        Exhibit.IsCaught<StalledException>("does not see", () => ProducerDies(Sabotage.LetsTransactionsLast));

    // Row 31 (KIP-890): a batch is under way while its transaction is aborted. When it arrives the producer has not begun the next one, and
    // gives the number of the batch that it never heard of to another.
    private static void LateBatchBeforeTheNext(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, kind: SpaceKind.Streams);
        var client = LetBatchComeLate(scene);
        Assert.Equal(PartitionStatus.Ok, Write(client, scene.Shard, writer =>
            PartitionCommand.WriteBeginTransaction(writer, Producer, 0, 2)));
        Assert.Equal(PartitionStatus.Ok, Append(client, scene.Shard, value: 2, Producer, sequence: 1));
        Assert.Equal(PartitionStatus.Ok, Write(client, scene.Shard, writer =>
            PartitionCommand.WriteEndTransaction(writer, new TransactionMarker(Producer, 0, IsCommit: true, 2), NoTimestamp)));
        if (Committed(client, scene.Shard) is not [2] and var found)
        {
            throw new SafetyViolationException($"record 2 was committed, and its readers see [{string.Join(", ", found)}]");
        }
    }

    // Row 32 (KIP-890): the same, and the producer has nothing more to write.
    private static void LateBatchAtTheEnd(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, kind: SpaceKind.Streams);
        var client = LetBatchComeLate(scene);
        Assert.Equal(PartitionStatus.Ok, Append(client, scene.Shard, value: 9));
        AwaitCommitted(scene, client, scene.Shard, static () => { });
    }

    // Row 32: a producer dies in mid-transaction, and then the node that coordinates it.
    private static void ProducerDies(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, kind: SpaceKind.Transactions);
        var stream = scene.Cluster.CreateSpace("p", kind: SpaceKind.Streams);
        var partition = scene.Cluster.Directory.Shards.Single(shard => shard.Space == stream).Id;
        var client = NewClient(scene);
        var producer = Coordinate(client, scene, writer => TransactionCommand.Write(writer, new InitProducer(Id, 5_000, Producer, -1, -1)));
        var begun = Coordinate(client, scene, writer => TransactionCommand.Write(
            writer, new AddToTransaction(Id, producer.ProducerId, producer.Epoch, [new TopicPartition("p", 0)], [])));
        Assert.Equal(PartitionStatus.Ok, Write(client, partition, writer =>
            PartitionCommand.WriteBeginTransaction(writer, begun.ProducerId, begun.Epoch, begun.Number)));
        Assert.Equal(PartitionStatus.Ok, Append(client, partition, value: 1, begun.ProducerId, sequence: 0));

        Assert.Equal(PartitionStatus.Ok, Append(client, partition, value: 9));
        var coordinator = scene.Leader;
        scene.Cluster.Node(coordinator).LosePower();
        AwaitCommitted(scene, client, partition, () => Finish(client, scene, partition));
        scene.Cluster.Node(coordinator).Start();
        AwaitCommitted(scene, client, partition, () => Finish(client, scene, partition));
    }

    /// <summary>
    /// Record 1 is in a transaction that is aborted; then a batch of it arrives that stood in a node that stood still itself.
    /// </summary>
    /// <returns>A client of the partition's leader.</returns>
    private static SimClient LetBatchComeLate(Scene scene)
    {
        var client = NewClient(scene);
        client.Home = scene.Cluster.Node(scene.Leader);
        Assert.Equal(PartitionStatus.Ok, Write(client, scene.Shard, writer =>
            PartitionCommand.WriteBeginTransaction(writer, Producer, 0, 1)));
        Assert.Equal(PartitionStatus.Ok, Append(client, scene.Shard, value: 0, Producer, sequence: 0));

        var slow = scene.Cluster.Node(scene.Others(scene.Leader)[0]);
        var late = NewClient(scene);
        (late.Home, late.AttemptTimeout, late.Patience) = (slow, Duration.FromSeconds(20), Duration.FromSeconds(20));
        CallResult? landed = null;
        slow.Pause(Duration.FromSeconds(3));
        late.Call(StreamsRequests.Append(scene.Shard, Batch(value: 1, Producer, sequence: 1)), result => landed = result);
        scene.Run(500);
        Assert.Equal(PartitionStatus.Ok, Write(client, scene.Shard, writer =>
            PartitionCommand.WriteEndTransaction(writer, new TransactionMarker(Producer, 0, IsCommit: false, 1), NoTimestamp)));
        Assert.Null(landed);
        scene.Await(() => landed is not null, "the late batch has arrived");
        Assert.Equal(ResponseStatus.Ok, landed!.Response.Status);
        return client;
    }

    // What any node does for a shard of transactions that it leads: it tells partitions how transactions end of which that is decided.
    private static void Finish(SimClient client, Scene scene, ShardId partition)
    {
        var ending = client.CallAndWait(Coordination(scene, RequestKind.Read, static writer => TransactionQuery.WriteEnding(writer, "")));
        foreach (var producer in TransactionsPage.TryRead(ending.Response.Body)!.Producers)
        {
            var marker = new TransactionMarker(
                producer.ProducerId, producer.Epoch, producer.State == TransactionState.PrepareCommit, producer.Number);
            Assert.Equal(PartitionStatus.Ok, Write(client, partition, writer =>
                PartitionCommand.WriteEndTransaction(writer, marker, NoTimestamp)));
            Assert.Equal(TransactionStatus.Ok, Coordinate(client, scene, writer => TransactionCommand.Write(
                writer, new CompleteTransaction(Id, producer.ProducerId, producer.Epoch, producer.Number))).Status);
        }
    }

    // Record 9 is of nobody's transaction: whoever reads what is committed must come to it soon, and see nothing else.
    private static void AwaitCommitted(Scene scene, SimClient client, ShardId partition, Action meanwhile)
    {
        for (var second = 0; second < 30; second++)
        {
            if (Committed(client, partition) is [9])
            {
                return;
            }

            meanwhile();
            scene.Run(1_000);
        }

        throw new StalledException("who reads what is committed does not see record 9, for 30 s: a transaction before it is open");
    }

    private static List<int> Committed(SimClient client, ShardId partition)
    {
        var call = client.CallAndWait(StreamsRequests.Fetch(partition, new PartitionFetch(0, 100_000, IsCommitted: true)));
        var fetched = FetchedBatches.TryRead(call.Response.Body)!;
        var values = new List<int>();
        for (var rest = fetched.Records; !rest.IsEmpty;)
        {
            Assert.Equal(RecordBatchFault.None, RecordBatch.Read(rest, out var batch));
            rest = rest[batch.Memory.Length..];
            var header = batch.Header;
            var reader = new RecordReader(batch.Records, 1);
            Assert.True(reader.TryNext(out var record));
            if (!header.IsControl && !fetched.Places.Aborted.Any(aborted => aborted.ProducerId == header.ProducerId
                && aborted.FirstOffset <= header.BaseOffset && header.BaseOffset < aborted.MarkerOffset))
            {
                values.Add(record.Value!.Value.Span[0]);
            }
        }

        return values;
    }

    private static SimClient NewClient(Scene scene)
    {
        var client = scene.Cluster.NewClient();
        client.IdentifiesWrites = false;
        return client;
    }

    private static byte[] Batch(byte value, long producer, int sequence)
    {
        var builder = new RecordBatchBuilder();
        builder.Add(NoTimestamp, null, new[] { value });
        return producer < 0 ? builder.Build() : builder.Build(producer, 0, sequence, isTransactional: true);
    }

    private static PartitionStatus Append(SimClient client, ShardId partition, byte value, long producer = -1, int sequence = -1) =>
        StatusOf(client.CallAndWait(StreamsRequests.Append(partition, Batch(value, producer, sequence))));

    private static PartitionStatus Write(SimClient client, ShardId partition, Action<WireWriter> command)
    {
        var writer = new WireWriter();
        command(writer);
        return StatusOf(client.CallAndWait(new Request { Kind = RequestKind.Write, Shard = partition, Payload = writer.ToArray() }));
    }

    private static PartitionStatus StatusOf(CallResult call)
    {
        Assert.True(PartitionResult.TryRead(call.Response.Body, out var result));
        return result.Status;
    }

    private static Request Coordination(Scene scene, RequestKind kind, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return new Request { Kind = kind, Space = scene.Space, RoutingHash = TransactionCommand.HashOf(Id), Payload = writer.ToArray() };
    }

    private static TransactionResult Coordinate(SimClient client, Scene scene, Action<WireWriter> command)
    {
        var call = client.CallAndWait(Coordination(scene, RequestKind.Write, command));
        Assert.True(TransactionResult.TryRead(call.Response.Body, out var result));
        return result;
    }
}
