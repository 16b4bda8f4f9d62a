using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// A message of the Kafka protocol, of any call and version: a request with its header, or a response behind call and version (2 bytes
/// each).
/// </summary>
/// <param name="isRequest">Which of the two.</param>
public sealed class KafkaMessageTarget(bool isRequest) : CodecTarget
{
    /// <inheritdoc />
    public override string Name => isRequest ? "kafka-request" : "kafka-response";

    /// <inheritdoc />
    public override string About => isRequest
        ? "Kafka requests with their header, every call and version: read or refused; what is read can be written again"
        : "Kafka responses, every call and version: read or refused; what is read can be written again";

    /// <summary>A struct of a few bytes becomes an object of some hundred.</summary>
    public override AllocationBound Allocation => new(256, 1024 * 1024);

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. KafkaApis.All.SelectMany(api => new[] { api.VersionMin, api.VersionMax }.Distinct().Select(version =>
            Seed(isRequest, api.Api, version, isRequest ? api.NewRequest() : api.NewResponse()))),
        .. isRequest ? Requests() : Responses(),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var reader = new KafkaReader(input);
        var header = isRequest
            ? KafkaRequestHeader.Read(ref reader)
            : new KafkaRequestHeader(reader.ReadInt16(), reader.ReadInt16(), 0, null);
        if (!reader.Ok || KafkaApiDefinition.Find(header.ApiKey) is not { } api || !api.Has(header.Version))
        {
            outcome = "no such call";
            return false;
        }

        var message = isRequest ? api.NewRequest() : api.NewResponse();
        message.Read(ref reader, header.Version);
        reader.End();
        outcome = reader.Ok ? $"{api.Api}" : $"{reader.Fault}";
        if (reader.Ok)
        {
            Write(isRequest, again, header, message);
        }

        return reader.Ok;
    }

    private static byte[] Seed(bool isRequest, KafkaApi api, int version, IKafkaMessage message) => Bytes(writer =>
        Write(isRequest, writer, new KafkaRequestHeader((short)api, (short)version, 7, "fuzz"), message));

    private static void Write(bool isRequest, WireWriter target, in KafkaRequestHeader header, IKafkaMessage message)
    {
        var writer = new KafkaWriter(target);
        if (isRequest)
        {
            header.Write(writer);
        }
        else
        {
            writer.WriteInt16(header.ApiKey);
            writer.WriteInt16(header.Version);
        }

        message.Write(writer, header.Version);
    }

    private static IEnumerable<byte[]> Requests()
    {
        var produce = new ProduceRequest
        {
            Acks = -1,
            Topics = [new() { Name = "t", Partitions = [new() { Index = 1, Records = new byte[] { 1, 2, 3 } }] }],
        };
        var fetch = new FetchRequest { Topics = [new() { Name = "t", Partitions = [new() { Index = 1, FetchOffset = 5 }] }] };
        var join = new JoinGroupRequest { GroupId = "g", Protocols = [new() { Name = "range", Metadata = new byte[] { 9 } }] };
        return
        [
            Seed(true, KafkaApi.Produce, 3, produce), Seed(true, KafkaApi.Produce, 9, produce),
            Seed(true, KafkaApi.Fetch, 4, fetch), Seed(true, KafkaApi.Fetch, 12, fetch), Seed(true, KafkaApi.Fetch, 17, fetch),
            Seed(true, KafkaApi.JoinGroup, 5, join), Seed(true, KafkaApi.JoinGroup, 9, join),
        ];
    }

    private static IEnumerable<byte[]> Responses()
    {
        var metadata = new MetadataResponse
        {
            Brokers = [new() { NodeId = 1, Host = "a", Port = 9092 }],
            Topics = [new() { Name = "t", Partitions = [new() { LeaderId = 1, Replicas = [1, 2], InSync = [1] }] }],
        };
        var fetch = new FetchResponse
        {
            Topics = [new() { Name = "t", Partitions = [new() { CurrentLeader = new() { LeaderId = 3 }, AbortedTransactions = [new()] }] }],
            Endpoints = [new() { NodeId = 3, Host = "c", Port = 1 }],
        };
        return
        [
            Seed(false, KafkaApi.Metadata, 5, metadata), Seed(false, KafkaApi.Metadata, 12, metadata),
            Seed(false, KafkaApi.Fetch, 11, fetch), Seed(false, KafkaApi.Fetch, 16, fetch),
        ];
    }
}
