using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Protocol;

/// <summary>
/// Messages as kcat 1.7.1 (librdkafka 2.0.2) and librdkafka's own mock broker exchanged them, taken from the wire: what is read says what
/// they meant, and writing it gives the same bytes.
/// </summary>
public sealed class RealMessageTests
{
    private const string Batch =
        "00000000000000000000003f0000000002c70b6d51000000000000000001a1ff38ca1d000001a1ff38ca1dffffffffffffffffffffffffffff00000001"
        + "1a000000046b310a68656c6c6f00";

    [Fact]
    public void An_ApiVersions_request_of_version_3()
    {
        var (header, request) = Request<ApiVersionsRequest>(
            "0012000300000001000772646b61666b61000b6c696272646b61666b6106322e302e3200");
        Assert.Equal(new KafkaRequestHeader(18, 3, 1, "rdkafka"), header);
        Assert.Equal("librdkafka", request.ClientSoftwareName);
        Assert.Equal("2.0.2", request.ClientSoftwareVersion);
    }

    [Fact]
    public void An_ApiVersions_request_of_version_0() =>
        Assert.Equal(2, Request<ApiVersionsRequest>("0012000000000002000772646b61666b61").Header.CorrelationId);

    [Fact]
    public void A_Metadata_request_of_version_2()
    {
        var (_, request) = Request<MetadataRequest>("0003000200000003000772646b61666b6100000001000174");
        Assert.Equal("t", Assert.Single(request.Topics!).Name);
    }

    [Fact]
    public void A_Produce_request_of_version_7()
    {
        var (_, request) = Request<ProduceRequest>(
            "0000000700000004000772646b61666b61ffffffff000075300000000100017400000001000000010000004b" + Batch);
        Assert.Null(request.TransactionalId);
        Assert.Equal(-1, request.Acks);
        Assert.Equal(30_000, request.TimeoutMs);
        var partition = Assert.Single(Assert.Single(request.Topics).Partitions);
        Assert.Equal(1, partition.Index);
        Assert.Equal(Convert.FromHexString(Batch), partition.Records!.Value.ToArray());
    }

    [Fact]
    public void A_Fetch_request_of_version_11()
    {
        var (_, request) = Request<FetchRequest>(
            "0001000b00000009000772646b61666b61ffffffff000001f400000001032000000100000000ffffffff000000010001740000000100000000ffffffff"
            + "0000000000000000ffffffffffffffff00100000000000000000");
        Assert.Equal((500, 1, 50 * 1024 * 1024), (request.WaitMs, request.BytesMin, request.BytesMax));
        Assert.Equal((1, 0, -1), (request.IsolationLevel, request.SessionId, request.SessionEpoch));
        var partition = Assert.Single(Assert.Single(request.Topics).Partitions);
        Assert.Equal((0, -1, 0L, -1L), (partition.Index, partition.CurrentLeaderEpoch, partition.FetchOffset, partition.LogStartOffset));
        Assert.Equal(1024 * 1024, partition.BytesMax);
    }

    [Fact]
    public void A_ListOffsets_request_of_version_2()
    {
        var (_, request) = Request<ListOffsetsRequest>(
            "0002000200000005000772646b61666b61ffffffff01000000010001740000000100000000fffffffffffffffe");
        Assert.Equal((-1, 1), (request.ReplicaId, request.IsolationLevel));
        Assert.Equal(-2, Assert.Single(Assert.Single(request.Topics).Partitions).Timestamp);
    }

    [Fact]
    public void An_ApiVersions_response_of_version_0()
    {
        var response = Response<ApiVersionsResponse>(
            0,
            "00000000001100000000000700010000000b000200000005000300000002000800000007000900000005000a00000002000b00000005000c00000003"
            + "000d00000001000e00000003001200000002001600000004001800000001001900000001001a00000001001c00000002");
        Assert.Equal(17, response.ApiKeys.Count);
        Assert.Contains(response.ApiKeys, api => api is { ApiKey: 1, MinVersion: 0, MaxVersion: 11 });
    }

    [Fact]
    public void A_Metadata_response_of_version_2()
    {
        var response = Response<MetadataResponse>(
            2,
            "000000010000000100093132372e302e302e310000b09fffff00176d6f636b436c757374657231353736316363333232653000000000000000010000"
            + "0001740000000002000000000000000000010000000100000001000000010000000100000000000100000001000000010000000100000001"
            + "00000001");
        Assert.Equal(("127.0.0.1", 45215), (response.Brokers[0].Host, response.Brokers[0].Port));
        Assert.Null(response.Brokers[0].Rack);
        Assert.Equal("mockCluster15761cc322e0", response.ClusterId);
        var topic = Assert.Single(response.Topics);
        Assert.Equal([0, 1], topic.Partitions.Select(partition => partition.Index));
        Assert.All(topic.Partitions, partition => Assert.Equal((1, 1), (partition.LeaderId, partition.InSync[0])));
    }

    [Fact]
    public void A_ListOffsets_response_of_version_2()
    {
        var response = Response<ListOffsetsResponse>(
            2, "000000000000000100017400000001000000000000ffffffffffffffff0000000000000000");
        Assert.Equal(0, response.Topics[0].Partitions[0].Offset);
    }

    [Fact]
    public void A_Fetch_response_of_version_11()
    {
        var response = Response<FetchResponse>(
            11,
            "00000000000000000000000000010001740000000100000001000000000000000000010000000000000001000000000000000000000000ffffffff"
            + "0000004b" + Batch);
        var partition = Assert.Single(Assert.Single(response.Topics).Partitions);
        Assert.Equal((1L, 1L, 0L), (partition.HighWatermark, partition.LastStableOffset, partition.LogStartOffset));
        Assert.Empty(partition.AbortedTransactions!);
        Assert.Equal(Batch, Convert.ToHexStringLower(partition.Records!.Value.Span));
    }

    [Theory]
    [InlineData("00ff000000000007")]
    [InlineData("0003006300000007000772646b61666b61")]
    public void Of_an_unknown_call_or_version_the_correlation_is_known(string hex)
    {
        var reader = new KafkaReader(Convert.FromHexString(hex));
        Assert.Equal(7, KafkaRequestHeader.Read(ref reader).CorrelationId);
        Assert.True(reader.Ok);
    }

    [Fact]
    public void Only_the_header_of_ApiVersions_never_has_tagged_fields()
    {
        var without = KafkaApis.All.Where(api => api.IsFlexible(api.VersionMax) && !api.HasTaggedResponseHeader(api.VersionMax));
        Assert.Equal([KafkaApi.ApiVersions], without.Select(api => api.Api));
    }

    // What librdkafka 2.0.2 looks for before it uses what has these names there: below these ranges it goes without.
    [Theory]
    [InlineData(KafkaApi.Produce, 0, 7)]
    [InlineData(KafkaApi.Fetch, 0, 10)]
    [InlineData(KafkaApi.ListOffsets, 0, 1)]
    [InlineData(KafkaApi.OffsetCommit, 1, 2)]
    [InlineData(KafkaApi.OffsetFetch, 1, 1)]
    [InlineData(KafkaApi.JoinGroup, 0, 0)]
    [InlineData(KafkaApi.SyncGroup, 0, 0)]
    [InlineData(KafkaApi.Heartbeat, 0, 0)]
    [InlineData(KafkaApi.LeaveGroup, 0, 0)]
    public void The_versions_that_old_clients_look_for_are_in_the_schema(KafkaApi api, int from, int to)
    {
        var definition = KafkaApiDefinition.Find((short)api)!;
        Assert.True(definition.VersionMin <= from && definition.VersionMax >= to);
    }

    private static (KafkaRequestHeader Header, T Message) Request<T>(string hex)
        where T : IKafkaMessage, new()
    {
        var bytes = Convert.FromHexString(hex);
        var reader = new KafkaReader(bytes);
        var header = KafkaRequestHeader.Read(ref reader);
        var message = new T();
        message.Read(ref reader, header.Version);
        reader.End();
        Assert.Equal(KafkaReadFault.None, reader.Fault);

        var target = new WireWriter();
        header.Write(new KafkaWriter(target));
        message.Write(new KafkaWriter(target), header.Version);
        Assert.Equal(hex, Convert.ToHexStringLower(target.Written));
        return (header, message);
    }

    private static T Response<T>(int version, string hex)
        where T : IKafkaMessage, new()
    {
        var reader = new KafkaReader(Convert.FromHexString(hex));
        var message = new T();
        message.Read(ref reader, version);
        reader.End();
        Assert.Equal(KafkaReadFault.None, reader.Fault);

        var target = new WireWriter();
        message.Write(new KafkaWriter(target), version);
        Assert.Equal(hex, Convert.ToHexStringLower(target.Written));
        return message;
    }
}
