using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Frozen;
using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Requests;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Streams;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace Atoll.Fuzz.Targets;

/// <summary>What a client sends over one connection of the Kafka protocol, to the gateway itself, by a pipe instead of a socket.</summary>
public sealed class KafkaStreamTarget : IFuzzTarget
{
    private const int RequestBytesMax = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly KafkaGateway _gateway;

    /// <summary>A gateway to a cluster without consensus and with one topic.</summary>
    public KafkaStreamTarget()
    {
        var time = new ManualTime();
        var client = new AtollClient(new MachinePort(), new CallerOptions { Clock = new ServerClock(time), Time = time });
        var created = client.Streams.CreateAsync(new TopicCreation("t", 2, null, TopicSettings.Default));
        BrokenPromiseException.Unless(created.AsTask().Wait(Patience), "a topic is created");
        var options = new KafkaGatewayOptions
        {
            Time = time, RequestBytesMax = RequestBytesMax, CreatesTopics = false, FetchWaitMax = TimeSpan.Zero,
        };
        var sources = new KafkaSources(client.Streams, new Leaders(), new KafkaSelf(new NodeId(1), "127.0.0.1", 9092, 4600));
        _gateway = new KafkaGateway(KafkaRequestTable.Of(sources, options), options, NullLogger<KafkaGateway>.Instance);
    }

    /// <inheritdoc />
    public string Name => "kafka-stream";

    /// <inheritdoc />
    public string About => "KafkaGateway over a pipe: every stream comes to an end, and what is answered is whole answers, in order";

    /// <inheritdoc />
    public AllocationBound Allocation => new(512, 8 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Stream(3, new ApiVersionsRequest(), new MetadataRequest(), new FetchRequest { Topics = [Wish()] }),
        Stream(9, new ProduceRequest { Acks = -1, TimeoutMs = 1, Topics = [Append()] }, new MetadataRequest(), new ListOffsetsRequest()),
        Stream(12, new FetchRequest { Topics = [Wish()] }, new FetchRequest { SessionEpoch = 0, Topics = [Wish()] }),
    ];

    /// <inheritdoc />
    public void FixChecksums(Span<byte> input)
    {
        // Lengths are what holds a stream together: those that lead out of it end where it does.
        for (var rest = input; rest.Length > sizeof(int);)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(rest);
            if (length < 0 || length > rest.Length - sizeof(int))
            {
                length = rest.Length - sizeof(int);
                BinaryPrimitives.WriteInt32BigEndian(rest, length);
            }

            rest = rest[(sizeof(int) + length)..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var unbounded = new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
            useSynchronizationContext: false);
        var (toGateway, fromGateway) = (new Pipe(unbounded), new Pipe(unbounded));
        toGateway.Writer.Write(input.Span);
        toGateway.Writer.Complete();
        var connection = new DefaultConnectionContext("fuzz") { Transport = new Duplex(toGateway.Reader, fromGateway.Writer) };
        var served = _gateway.OnConnectedAsync(connection);
        BrokenPromiseException.Unless(served.Wait(Patience), "a stream that has ended comes to an end at the gateway");
        fromGateway.Reader.TryRead(out var answer);
        return Read(input.Span, answer.Buffer.ToArray());
    }

    // Each answer has the number of a request, and they come in the order of the requests.
    private static Verdict Read(ReadOnlySpan<byte> input, ReadOnlySpan<byte> answers)
    {
        var asked = new List<int>();
        for (var rest = input; rest.Length >= 12;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(rest);
            if (length is < 8 or > RequestBytesMax || length > rest.Length - sizeof(int))
            {
                break;
            }

            asked.Add(BinaryPrimitives.ReadInt32BigEndian(rest[8..]));
            rest = rest[(sizeof(int) + length)..];
        }

        var (at, count) = (0, 0);
        for (var rest = answers; !rest.IsEmpty; count++)
        {
            var length = rest.Length >= 8 ? BinaryPrimitives.ReadInt32BigEndian(rest) : -1;
            BrokenPromiseException.Unless(length >= sizeof(int) && length <= rest.Length - sizeof(int), "answers are whole");
            at = asked.IndexOf(BinaryPrimitives.ReadInt32BigEndian(rest[sizeof(int)..]), at) + 1;
            BrokenPromiseException.Unless(at > 0, "answers are those to the requests, in their order");
            rest = rest[(sizeof(int) + length)..];
        }

        return count > 0 ? Verdict.Accepted($"{Math.Min(count, 5)} answers") : Verdict.Refused("without a word");
    }

    private static byte[] Stream(int versionMax, params IKafkaMessage[] requests)
    {
        var target = new WireWriter();
        var correlation = 0;
        foreach (var request in requests)
        {
            var api = KafkaApis.All.Single(definition => definition.NewRequest().GetType() == request.GetType());
            var version = Math.Min(versionMax, api.VersionMax);
            var frame = new WireWriter();
            var writer = new KafkaWriter(frame);
            new KafkaRequestHeader((short)api.Api, (short)version, ++correlation, "fuzz").Write(writer);
            request.Write(writer, version);
            target.WriteUInt32(BinaryPrimitives.ReverseEndianness((uint)frame.Length));
            target.WriteRaw(frame.Written);
        }

        return target.ToArray();
    }

    private static FetchRequest.Topic Wish() => new() { Name = "t", Partitions = [new() { Index = 1, BytesMax = 1_000 }] };

    private static ProduceRequest.Topic Append()
    {
        var batch = new RecordBatchBuilder();
        batch.Add(1_000, null, "v"u8.ToArray());
        return new() { Name = "t", Partitions = [new() { Index = 1, Records = batch.Build() }] };
    }

    private sealed class Leaders : IPartitionLeaders
    {
        public ValueTask<LeaderView> ViewAsync(CancellationToken cancellationToken) => new(LeaderView.Empty);

        public ValueTask<IReadOnlyDictionary<ShardId, PartitionLeader>> AskAsync(
            IReadOnlyList<ShardInfo> shards, CancellationToken cancellationToken) =>
            new(FrozenDictionary<ShardId, PartitionLeader>.Empty);
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
