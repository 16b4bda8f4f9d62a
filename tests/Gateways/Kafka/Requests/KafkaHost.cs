using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Net;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Requests;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Quotas;
using Atoll.Services.Streams.Transactions;
using Atoll.Services.Tables.Roles;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>
/// Everything that a node serves of the Kafka protocol, over state machines without consensus: requests go in and answers come out as the
/// bytes that they are on the wire.
/// </summary>
internal sealed class KafkaHost : IPartitionLeaders, IAsyncDisposable
{
    private readonly AtollClient _client;

    public KafkaHost(AccessTokens? tokens = null, RoleCatalog? roles = null)
    {
        _client = new AtollClient(Port, new CallerOptions { Clock = new ServerClock(Time), Time = Time });
        Table = KafkaRequestTable.Of(
            new KafkaSources(_client.Streams, this, new KafkaSelf(new NodeId(1), "127.0.0.1", 9092, 4600))
            {
                Groups = _client.Groups, Transactions = _client.Transactions, Roles = roles, Quotas = _client.Quotas,
                Cluster = _client.Cluster,
            },
            new KafkaGatewayOptions { Time = Time, Tokens = tokens ?? AccessTokens.None });
    }

    public MachinePort Port { get; } = new(hasZones: true);

    public ManualTime Time { get; } = new();

    public KafkaRequestTable Table { get; }

    public IStreams Streams => _client.Streams;

    public ITransactions Transactions => _client.Transactions;

    public IQuotas Quotas => _client.Quotas;

    public KafkaClient Client { get; } = new(IPAddress.Loopback, CancellationToken.None);

    /// <summary>Who leads all partitions.</summary>
    public NodeId Leader { get; set; } = new(1);

    /// <summary>Who does not answer.</summary>
    public HashSet<NodeId> Dead { get; } = [];

    /// <summary>A batch of one record for each value.</summary>
    public static byte[] Batch(long producer, int sequence, params string[] values) => Batch(producer, 0, sequence, false, values);

    /// <summary>A batch of one record for each value.</summary>
    public static byte[] Batch(long producer, short epoch, int sequence, bool isTransactional, params string[] values)
    {
        var builder = new RecordBatchBuilder();
        for (var i = 0; i < values.Length; i++)
        {
            builder.Add(1_000 + i, null, System.Text.Encoding.UTF8.GetBytes(values[i]));
        }

        return producer < 0 ? builder.Build() : builder.Build(producer, epoch, sequence, isTransactional);
    }

    public async Task<Topic> CreateAsync(string name, int partitions = 1) =>
        await Streams.CreateAsync(new TopicCreation(name, partitions, null, TopicSettings.Default));

    /// <summary>Sends a request and reads the answer, both in that version.</summary>
    public async Task<TResponse> AskAsync<TResponse>(
        KafkaApi api, int version, IKafkaMessage request, KafkaClient? client = null, string name = "test")
        where TResponse : IKafkaMessage, new() => Read<TResponse>(api, version, await SendAsync(api, version, request, client, name));

    /// <summary>Sends a request.</summary>
    public Task<KafkaReply> SendAsync(
        KafkaApi api, int version, IKafkaMessage request, KafkaClient? client = null, string name = "test")
    {
        var frame = new WireWriter();
        var writer = new KafkaWriter(frame);
        new KafkaRequestHeader((short)api, (short)version, 77, name).Write(writer);
        request.Write(writer, version);
        return Table.ServeAsync(frame.ToArray(), client ?? Client).AsTask();
    }

    /// <summary>Reads an answer as it goes over the wire.</summary>
    public static TResponse Read<TResponse>(KafkaApi api, int version, KafkaReply reply)
        where TResponse : IKafkaMessage, new()
    {
        Assert.Null(reply.WhyClosed);
        var bytes = new WireWriter();
        reply.Write(bytes);
        Assert.Equal(bytes.Length - 4, BinaryPrimitives.ReadInt32BigEndian(bytes.Written));
        var reader = new KafkaReader(bytes.WrittenMemory[4..]);
        Assert.Equal(77, reader.ReadInt32());
        if (KafkaApiDefinition.Find((short)api)!.HasTaggedResponseHeader(version))
        {
            reader.SkipTags();
        }

        var response = new TResponse();
        response.Read(ref reader, version);
        reader.End();
        Assert.Equal(KafkaReadFault.None, reader.Fault);
        return response;
    }

    public async Task<ProduceResponse.Partition> ProduceAsync(
        string topic, byte[] batch, int version = 9, short acks = -1, int partition = 0, string? transactionalId = null)
    {
        var response = await AskAsync<ProduceResponse>(KafkaApi.Produce, version, new ProduceRequest
        {
            Acks = acks, TimeoutMs = 1_000, TransactionalId = transactionalId,
            Topics = [new() { Name = topic, Partitions = [new() { Index = partition, Records = batch }] }],
        });
        return Assert.Single(Assert.Single(response.Topics).Partitions);
    }

    public async ValueTask<LeaderView> ViewAsync(CancellationToken cancellationToken)
    {
        var catalog = await Streams.TopicsAsync(cancellationToken);
        return new LeaderView(
            new NodeId(1),
            catalog.View.Spaces.SelectMany(space => catalog.View.ShardsOf(space.Id).ToArray())
                .ToFrozenDictionary(static shard => shard.Id, _ => new PartitionLeader(Leader, 5)),
            Dead.ToFrozenSet());
    }

    public ValueTask<IReadOnlyDictionary<ShardId, PartitionLeader>> AskAsync(
        IReadOnlyList<ShardInfo> shards, CancellationToken cancellationToken) => new(new Dictionary<ShardId, PartitionLeader>());

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
