using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Gateways.Kafka.Protocol;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Protocol;

/// <summary>The codecs that are made from the schema, in every version of every message.</summary>
public sealed class MessageCodecTests
{
    /// <summary>Call, version, and whether it is the request.</summary>
    public static TheoryData<KafkaApi, int, bool> Messages { get; } = AllMessages();

    [Theory]
    [MemberData(nameof(Messages))]
    public void What_is_written_is_read(KafkaApi api, int version, bool isRequest)
    {
        var random = new Prng((ulong)(((int)api * 1000) + version));
        for (var round = 0; round < 20; round++)
        {
            var message = New(api, isRequest);
            RandomMessages.Fill(message, random);
            var bytes = Write(message, version);

            var read = Read(api, isRequest, version, bytes, out var fault);
            Assert.Equal(KafkaReadFault.None, fault);
            Assert.Equal(bytes, Write(read, version));

            // What a version lacks reads as its default; so what is lost is the same each time, and nothing else is.
            var again = Read(api, isRequest, version, Write(read, version), out _);
            Assert.Empty(RandomMessages.Differences(read, again));
        }
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void What_a_later_version_adds_is_what_an_earlier_one_loses(KafkaApi api, int version, bool isRequest)
    {
        var message = New(api, isRequest);
        RandomMessages.Fill(message, new Prng(77));
        var read = Read(api, isRequest, version, Write(message, version), out _);
        var untouched = New(api, isRequest);
        var lost = RandomMessages.Differences(message, read).ToList();

        // A property that differs has its default: it is not in this version, or it was null where null cannot be said.
        var changed = RandomMessages.Differences(read, untouched).Where(path => !path.Contains("[]", StringComparison.Ordinal));
        Assert.DoesNotContain(lost, path => changed.Contains(path) && !IsNullOf(message, path));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_that_is_cut_anywhere_is_refused(KafkaApi api, int version, bool isRequest)
    {
        var message = New(api, isRequest);
        RandomMessages.Fill(message, new Prng(5));
        var bytes = Write(message, version);
        for (var length = 0; length < bytes.Length; length += 1 + (length / 50))
        {
            _ = Read(api, isRequest, version, bytes.AsMemory(0, length), out var fault);
            Assert.NotEqual(KafkaReadFault.None, fault);
        }

        _ = Read(api, isRequest, version, (byte[])[.. bytes, 0], out var left);
        Assert.Equal(KafkaReadFault.LeftOver, left);
    }

    [Fact]
    public void Every_default_message_can_be_written_and_read()
    {
        foreach (var (api, version, isRequest) in Messages.Select(row => row.Data))
        {
            var bytes = Write(New(api, isRequest), version);
            var read = Read(api, isRequest, version, bytes, out var fault);
            Assert.Equal(KafkaReadFault.None, fault);
            Assert.Equal(bytes, Write(read, version));
        }
    }

    private static bool IsNullOf(object message, string path) =>
        path.Count(letter => letter == '.') == 1 && message.GetType().GetProperty(path[1..])?.GetValue(message) is null;

    private static IKafkaMessage New(KafkaApi api, bool isRequest)
    {
        var definition = KafkaApiDefinition.Find((short)api)!;
        return isRequest ? definition.NewRequest() : definition.NewResponse();
    }

    private static byte[] Write(IKafkaMessage message, int version)
    {
        var target = new WireWriter();
        message.Write(new KafkaWriter(target), version);
        return target.ToArray();
    }

    private static IKafkaMessage Read(KafkaApi api, bool isRequest, int version, ReadOnlyMemory<byte> bytes, out KafkaReadFault fault)
    {
        var message = New(api, isRequest);
        var reader = new KafkaReader(bytes);
        message.Read(ref reader, version);
        reader.End();
        fault = reader.Fault;
        return message;
    }

    private static TheoryData<KafkaApi, int, bool> AllMessages()
    {
        var rows = new TheoryData<KafkaApi, int, bool>();
        foreach (var api in KafkaApis.All)
        {
            for (var version = api.VersionMin; version <= api.VersionMax; version++)
            {
                rows.Add(api.Api, version, true);
                rows.Add(api.Api, version, false);
            }
        }

        return rows;
    }
}
