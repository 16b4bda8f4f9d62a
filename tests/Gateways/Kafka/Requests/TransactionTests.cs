using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Node.Requests;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>Transactions as Kafka's clients ask for them, and the numbers that they are told.</summary>
public sealed class TransactionTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transaction_takes_effect_in_all_partitions_and_groups_or_in_none(bool isCommit)
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);
        var (id, epoch) = await InitAsync(host);
        Assert.Equal([KafkaError.None, KafkaError.None], await AddAsync(host, id, epoch, 0, 1));
        Assert.Equal(KafkaError.None, await AddOffsetsAsync(host, id, epoch));
        for (var partition = 0; partition < 2; partition++)
        {
            var produced = await host.ProduceAsync(
                "t", KafkaHost.Batch(id, epoch, 0, true, "a", "b"), partition: partition, transactionalId: "x");
            Assert.Equal((KafkaError.None, 0L), (produced.Error, produced.BaseOffset));
        }

        Assert.Equal(KafkaError.None, await CommitOffsetAsync(host, id, epoch, 7));
        Assert.Equal((-1L, KafkaError.UnstableOffsetCommit), await OffsetAsync(host, stable: true));
        Assert.Equal((-1L, KafkaError.None), await OffsetAsync(host, stable: false));
        Assert.Equal((2L, 0L, 0), await PositionsAsync(host));

        Assert.Equal(KafkaError.None, await EndAsync(host, id, epoch, isCommit));
        Assert.Equal((isCommit ? 7L : -1L, KafkaError.None), await OffsetAsync(host, stable: true));
        Assert.Equal((3L, 3L, isCommit ? 0 : 1), await PositionsAsync(host));
        Assert.Equal((3L, 3L, isCommit ? 0 : 1), await PositionsAsync(host, 1));
        Assert.Equal(
            isCommit ? TransactionState.CompleteCommit : TransactionState.CompleteAbort,
            (await host.Transactions.FindAsync("x"))!.State);
    }

    // Before KIP-447 clients could not say that they want no offsets that are about to change.
    [Theory]
    [InlineData(1, true)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    public async Task An_older_client_is_told_a_groups_offset_when_the_transaction_has_ended_or_after_a_while(int version, bool ends)
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);
        var (id, epoch) = await InitAsync(host);
        await AddAsync(host, id, epoch, 0);
        await AddOffsetsAsync(host, id, epoch);
        await CommitOffsetAsync(host, id, epoch, 7);
        var asking = OffsetAsync(host, stable: false, version);
        for (var time = 0; time < 50; time++)
        {
            host.Time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        Assert.False(asking.IsCompleted);
        if (ends)
        {
            Assert.Equal(KafkaError.None, await EndAsync(host, id, epoch, isCommit: true));
        }

        while (!asking.IsCompleted)
        {
            host.Time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        Assert.Equal((ends ? 7L : -1L, KafkaError.None), await asking);
    }

    [Fact]
    public async Task A_batch_outside_of_a_transaction_is_refused()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);
        var (id, epoch) = await InitAsync(host);
        var batch = KafkaHost.Batch(id, epoch, 0, true, "a");
        Assert.Equal(KafkaError.InvalidTransactionState, (await host.ProduceAsync("t", batch, transactionalId: "x")).Error);
        Assert.Equal(KafkaError.InvalidTransactionState, await CommitOffsetAsync(host, id, epoch, 7));
        await AddAsync(host, id, epoch, 0);
        Assert.Equal(KafkaError.InvalidTransactionState, (await host.ProduceAsync("t", batch)).Error);
        Assert.Equal(KafkaError.InvalidTransactionState, (await host.ProduceAsync("t", batch, partition: 1, transactionalId: "x")).Error);
        Assert.Equal(KafkaError.None, (await host.ProduceAsync("t", batch, transactionalId: "x")).Error);
        await EndAsync(host, id, epoch, isCommit: false);
        var late = KafkaHost.Batch(id, epoch, 1, true, "late");
        Assert.Equal(KafkaError.InvalidTransactionState, (await host.ProduceAsync("t", late, transactionalId: "x")).Error);
    }

    [Fact]
    public async Task Who_was_replaced_is_told_so_by_the_number_of_its_version()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var (id, epoch) = await InitAsync(host);
        await AddAsync(host, id, epoch, 0);
        await host.ProduceAsync("t", KafkaHost.Batch(id, epoch, 0, true, "zombie"), transactionalId: "x");

        // Its transaction is aborted before the new one has its epoch; the clock stands still meanwhile.
        var replaced = InitAsync(host);
        await ReadyAsync(host, replaced);
        Assert.Equal((id, (short)2), await replaced);
        Assert.Equal((2L, 2L, 1), await PositionsAsync(host));
        Assert.Equal([KafkaError.InvalidProducerEpoch], await AddAsync(host, id, epoch, 0));
        Assert.Equal([KafkaError.ProducerFenced], await AddAsync(host, 2, id, epoch, 0));
        Assert.Equal(KafkaError.InvalidProducerEpoch, await EndAsync(host, id, epoch, true));
        Assert.Equal(KafkaError.ProducerFenced, await EndAsync(host, id, epoch, true, version: 2));
        var late = KafkaHost.Batch(id, epoch, 1, true, "late");
        Assert.Equal(KafkaError.InvalidProducerEpoch, (await host.ProduceAsync("t", late, transactionalId: "x")).Error);
        Assert.Equal(KafkaError.InvalidProducerEpoch, (await AskInitAsync(host, id, epoch, version: 3)).Error);
        Assert.Equal(KafkaError.ProducerFenced, (await AskInitAsync(host, id, epoch)).Error);
    }

    [Fact]
    public async Task What_cannot_be_is_refused_by_the_number_that_clients_know()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var (id, epoch) = await InitAsync(host);
        Assert.Equal([KafkaError.OperationNotAttempted, KafkaError.UnknownTopicOrPartition], await AddAsync(host, id, epoch, 0, 9));
        Assert.Equal(KafkaError.InvalidTransactionState, await EndAsync(host, id, epoch, true)); // there is none
        Assert.Equal([KafkaError.InvalidProducerIdMapping], await AddAsync(host, id + 1, epoch, 0));
        Assert.Equal(KafkaError.InvalidRequest, (await AskInitAsync(host, transactionalId: "")).Error);
        Assert.Equal(KafkaError.InvalidTransactionTimeout, (await AskInitAsync(host, timeout: 900_001)).Error);
        var coordinator = await host.AskAsync<FindCoordinatorResponse>(
            KafkaApi.FindCoordinator, 2, new FindCoordinatorRequest { Key = "x", KeyType = 1 });
        Assert.Equal((KafkaError.None, 1), (coordinator.Error, coordinator.NodeId));
    }

    [Fact]
    public async Task What_was_decided_is_known_everywhere_also_when_somebody_was_not_there()
    {
        await using var host = new KafkaHost();
        var topic = await host.CreateAsync("t", 2);
        var (id, epoch) = await InitAsync(host);
        await AddAsync(host, id, epoch, 0, 1);
        await host.ProduceAsync("t", KafkaHost.Batch(id, epoch, 0, true, "a"), partition: 1, transactionalId: "x");
        host.Port.Disturb = request => request.Kind == RequestKind.Write && request.Shard == topic.Partitions[1].Id
            ? new Response(ResponseStatus.Faulted) : null;
        Assert.Equal(KafkaError.None, await EndAsync(host, id, epoch, true)); // decided
        Assert.Equal(TransactionState.PrepareCommit, (await host.Transactions.FindAsync("x"))!.State);
        Assert.Equal((1L, 0L, 0), await PositionsAsync(host, 1));

        host.Port.Disturb = null;
        await host.Transactions.FinishAsync(await host.Transactions.ShardOfAsync("x"));
        Assert.Equal(TransactionState.CompleteCommit, (await host.Transactions.FindAsync("x"))!.State);
        Assert.Equal((2L, 2L, 0), await PositionsAsync(host, 1));
    }

    [Fact]
    public async Task A_topic_that_is_deleted_holds_no_transaction_back()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var (id, epoch) = await InitAsync(host);
        await AddAsync(host, id, epoch, 0);
        Assert.True(await host.Streams.DeleteAsync("t"));
        Assert.Equal(KafkaError.None, await EndAsync(host, id, epoch, true));
        Assert.Equal(TransactionState.CompleteCommit, (await host.Transactions.FindAsync("x"))!.State);
    }

    [Fact]
    public async Task Transactions_are_listed_and_described()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);
        var (id, epoch) = await InitAsync(host);
        await AddAsync(host, id, epoch, 0, 1);
        Assert.Equal(KafkaError.None, (await AskInitAsync(host, transactionalId: "y")).Error);
        Assert.Equal(["x", "y"], (await ListAsync(host)).Order());
        Assert.Equal(["x"], await ListAsync(host, "Ongoing", "What"));
        var described = await host.AskAsync<DescribeTransactionsResponse>(
            KafkaApi.DescribeTransactions, 0, new DescribeTransactionsRequest { TransactionalIds = ["x", "z"] });
        var (known, unknown) = (described.Transactions[0], described.Transactions[1]);
        Assert.Equal((KafkaError.None, "Ongoing", 60_000, id), (known.Error, known.State, known.TimeoutMs, known.ProducerId));
        Assert.Equal([0, 1], Assert.Single(known.Topics).Partitions);
        Assert.Equal(KafkaError.TransactionalIdNotFound, unknown.Error);
    }

    [Fact]
    public async Task Producers_of_partitions_are_described()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t", 2);
        var (id, epoch) = await InitAsync(host);
        await AddAsync(host, id, epoch, 1);
        await host.ProduceAsync("t", KafkaHost.Batch(900, 0, "a"));
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "b"), partition: 1);
        await host.ProduceAsync("t", KafkaHost.Batch(id, epoch, 0, true, "c", "d"), partition: 1, transactionalId: "x");
        var answer = await host.AskAsync<DescribeProducersResponse>(KafkaApi.DescribeProducers, 0, new DescribeProducersRequest
        {
            Topics = [new() { Name = "t", Partitions = [0, 1, 2] }, new() { Name = "u", Partitions = [0] }],
        });
        Assert.Equal(
            [
                ("t", 0, KafkaError.None), ("t", 1, KafkaError.None), ("t", 2, KafkaError.UnknownTopicOrPartition),
                ("u", 0, KafkaError.UnknownTopicOrPartition),
            ],
            answer.Topics.SelectMany(static topic => topic.Partitions.Select(partition => (topic.Name, partition.Index, partition.Error))));
        var plain = Assert.Single(answer.Topics[0].Partitions[0].ActiveProducers);
        Assert.Equal((900L, 0, 0, -1L, -1), Tuple(plain));
        var transactional = Assert.Single(answer.Topics[0].Partitions[1].ActiveProducers);
        Assert.Equal((id, (int)epoch, 1, 1L, -1), Tuple(transactional));
        Assert.True(transactional.LastTimestamp > 0);

        static (long Id, int Epoch, int Sequence, long Start, int Coordinator) Tuple(DescribeProducersResponse.Producer producer) => (
            producer.ProducerId, producer.ProducerEpoch, producer.LastSequence, producer.CurrentTxnStartOffset, producer.CoordinatorEpoch);
    }

    // Field by field as the protocol's guide has version 0.
    [Fact]
    public void An_answer_about_producers_is_these_bytes()
    {
        var writer = new WireWriter();
        new DescribeProducersResponse
        {
            Topics =
            [
                new()
                {
                    Name = "t",
                    Partitions =
                    [
                        new()
                        {
                            Index = 1,
                            ActiveProducers =
                            [
                                new()
                                {
                                    ProducerId = 5, ProducerEpoch = 2, LastSequence = 9, LastTimestamp = 1_000, CoordinatorEpoch = -1,
                                    CurrentTxnStartOffset = 77,
                                },
                            ],
                        },
                    ],
                },
            ],
        }.Write(new KafkaWriter(writer), 0);
        Assert.Equal(
            "00000000" + "02" + "0274" + "02" + "00000001" + "0000" + "00"
                + "02" + "0000000000000005" + "00000002" + "00000009" + "00000000000003e8" + "ffffffff" + "000000000000004d" + "00"
                + "00" + "00" + "00",
            Convert.ToHexStringLower(writer.Written));
    }

    private static async Task<IEnumerable<string>> ListAsync(KafkaHost host, params string[] states)
    {
        var listed = await host.AskAsync<ListTransactionsResponse>(
            KafkaApi.ListTransactions, 1, new ListTransactionsRequest { StateFilters = states });
        Assert.Equal((KafkaError.None, states.Length > 1 ? 1 : 0), (listed.Error, listed.UnknownStateFilters.Count));
        return listed.Transactions.Select(static transaction => transaction.TransactionalId);
    }

    private static async Task ReadyAsync(KafkaHost host, Task task)
    {
        for (var i = 0; i < 1_000 && !task.IsCompleted; i++)
        {
            host.Time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
    }

    private static Task<InitProducerIdResponse> AskInitAsync(
        KafkaHost host, long id = -1, short epoch = -1, int version = 4, string transactionalId = "x", int timeout = 60_000) =>
        host.AskAsync<InitProducerIdResponse>(KafkaApi.InitProducerId, version, new InitProducerIdRequest
        {
            TransactionalId = transactionalId, TransactionTimeoutMs = timeout, ProducerId = id, ProducerEpoch = epoch,
        });

    private static async Task<(long Id, short Epoch)> InitAsync(KafkaHost host)
    {
        var response = await AskInitAsync(host);
        Assert.Equal(KafkaError.None, response.Error);
        return (response.ProducerId, response.ProducerEpoch);
    }

    private static Task<KafkaError[]> AddAsync(KafkaHost host, long id, short epoch, params int[] partitions) =>
        AddAsync(host, 0, id, epoch, partitions);

    private static async Task<KafkaError[]> AddAsync(KafkaHost host, int version, long id, short epoch, params int[] partitions)
    {
        var response = await host.AskAsync<AddPartitionsToTxnResponse>(KafkaApi.AddPartitionsToTxn, version, new AddPartitionsToTxnRequest
        {
            TransactionalId = "x", ProducerId = id, ProducerEpoch = epoch, Topics = [new() { Name = "t", Partitions = partitions }],
        });
        return [.. response.Topics.SelectMany(static topic => topic.Partitions).Select(static partition => partition.Error)];
    }

    private static async Task<KafkaError> AddOffsetsAsync(KafkaHost host, long id, short epoch) =>
        (await host.AskAsync<AddOffsetsToTxnResponse>(KafkaApi.AddOffsetsToTxn, 0, new AddOffsetsToTxnRequest
        {
            TransactionalId = "x", ProducerId = id, ProducerEpoch = epoch, GroupId = "g",
        })).Error;

    private static async Task<KafkaError> EndAsync(KafkaHost host, long id, short epoch, bool isCommit, int version = 1) =>
        (await host.AskAsync<EndTxnResponse>(KafkaApi.EndTxn, version, new EndTxnRequest
        {
            TransactionalId = "x", ProducerId = id, ProducerEpoch = epoch, Committed = isCommit,
        })).Error;

    private static async Task<KafkaError> CommitOffsetAsync(KafkaHost host, long id, short epoch, long offset) =>
        (await host.AskAsync<TxnOffsetCommitResponse>(KafkaApi.TxnOffsetCommit, 3, new TxnOffsetCommitRequest
        {
            TransactionalId = "x", GroupId = "g", ProducerId = id, ProducerEpoch = epoch, GenerationId = -1, MemberId = "",
            Topics = [new() { Name = "t", Partitions = [new() { Index = 0, CommittedOffset = offset }] }],
        })).Topics[0].Partitions[0].Error;

    private static async Task<(long Offset, KafkaError Error)> OffsetAsync(KafkaHost host, bool stable, int version = 7)
    {
        var response = await host.AskAsync<OffsetFetchResponse>(KafkaApi.OffsetFetch, version, new OffsetFetchRequest
        {
            GroupId = "g", RequireStable = stable, Topics = [new() { Name = "t", Partitions = [0] }],
        });
        var partition = response.Topics[0].Partitions[0];
        return (partition.CommittedOffset, partition.Error);
    }

    // High watermark, last stable offset, and how many aborted transactions a reader of committed records is told of.
    private static async Task<(long HighWatermark, long LastStable, int Aborted)> PositionsAsync(KafkaHost host, int partition = 0)
    {
        var topic = (await host.Streams.TopicsAsync()).Find("t")!;
        var fetched = await host.Streams.FetchAsync(
            topic, partition, new PartitionFetch(0, int.MaxValue, IsCommitted: true), TimeSpan.Zero, ReadLevel.Linearizable);
        var positions = fetched.Places.Positions;
        return (positions.HighWatermark, positions.LastStable, fetched.Places.Aborted.Count);
    }
}
