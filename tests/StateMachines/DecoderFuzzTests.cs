using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.StateMachines.Tests;

/// <summary>Bytes from outside may be anything: no decoder throws, and what is refused has no effect.</summary>
public sealed class DecoderFuzzTests
{
    private static readonly Action<WireWriter>[] Samples =
    [
        w => RecordsCommand.WritePut(w, "key"u8, "value"u8, 1_000),
        w => RecordsCommand.WriteDelete(w, "key"u8),
        w => RecordsCommand.WriteCompareAndSet(w, "key"u8, new HybridTime(7), "value"u8),
        w => RecordsCommand.WriteBatch(
            w, [RecordOperation.Put("a"u8.ToArray(), "b"u8.ToArray()), RecordOperation.Check("c"u8.ToArray(), default)]),
        RecordsCommand.WriteExpire,
        w => RecordsQuery.WriteGet(w, "key"u8),
        w => RecordsQuery.WriteScan(w, new ScanQuery("a"u8.ToArray(), "z"u8.ToArray(), "c"u8.ToArray(), 5, 100, true)),
        w => RecordsQuery.WriteChanges(w, new ChangesQuery("a"u8.ToArray(), new HybridTime(3), 4)),
        RecordsQuery.WriteStats,
        w => DirectoryQuery.WriteView(w, new HybridTime(4)),
        w => DirectoryCommand.WriteInitCluster(
            w, 5, [new(new(1), Node), new(new(2), Node with { Name = "b", Incarnation = 2 })], [new(1), new(2)]),
        w => DirectoryCommand.WriteRegisterNode(w, Node),
        w => DirectoryCommand.WriteUpdateNode(w, new NodeInfo(new(1), Node)),
        w => DirectoryCommand.WriteRemoveNode(w, new(1)),
        w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", ShardCount: 3)),
        w => DirectoryCommand.WriteDropSpace(w, new(1)),
        w => DirectoryCommand.WriteSetReplicas(w, new(1), [new(1), new(2)], 1),
        w => DirectoryCommand.WriteSetPreferredLeader(w, new(1), new(2)),
        w => CommandEnvelope.WriteHeader(w, new HybridTime(5), new RequestIdentity(1, 2, 2, new HybridTime(4))),
        w => new DirectoryResult(DirectoryStatus.InUse, new HybridTime(5), 4, "why").Write(w),
        w => RecordsResultCodec.WriteWrite(w, RecordsStatus.Conflict, new HybridTime(5), new HybridTime(4), 3, "why"),
        w => RecordsResultCodec.WriteGet(w, new HybridTime(5), new(new(4), new(9), "value"u8.ToArray())),
        w => SampleView().Encode(w),
        WriteScanResult,
        WriteChangesResult,
    ];

    private static NodeDescription Node => new("a", "h:1", "h:2", "h:3", 1, "r", "z", 1);

    [Fact]
    public void Every_sample_is_taken_by_its_own_decoder()
    {
        Assert.True(RecordsCommand.TryParse(Sample(3), out var kind, out var operations));
        Assert.Equal((RecordsCommandKind.Batch, 2), (kind, operations.Length));
        Assert.True(RecordsQuery.TryReadScan(Sample(6), out var scan));
        Assert.Equal((5, 100, true, false, "c"), (scan.RowsMax, scan.PageBytesMax, scan.Reverse, scan.KeysOnly, Replica.Text(scan.After)));
        Assert.True(CommandEnvelope.TryRead(Sample(18), out var envelope));
        Assert.Equal(new RequestIdentity(1, 2, 2, new HybridTime(4)), envelope.Identity);
        Assert.True(RecordsResultCodec.TryReadWrite(Sample(20), out var write));
        Assert.Equal(new WriteResult(RecordsStatus.Conflict, new(5), new(4), 3, "why"), write);
        Assert.True(DirectoryView.TryDecode(Sample(22), out _));
        Assert.True(RecordsResultCodec.TryReadScan(Sample(23), out _));
        Assert.True(RecordsResultCodec.TryReadChanges(Sample(24), out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_decoder_throws_on_any_bytes(ulong seed)
    {
        var random = new Prng(seed);
        for (var round = 0; round < 20_000; round++)
        {
            DecodeAll(Garble(random));
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Garbage_in_the_log_and_in_queries_is_answered_and_replicas_stay_equal(ulong seed)
    {
        var random = new Prng(seed);
        foreach (var make in new Func<IStateMachine>[] { () => new RecordsStateMachine(), () => new DirectoryStateMachine() })
        {
            var one = new Replica(make());
            var two = new Replica(make());
            for (var round = 0; round < 5_000; round++)
            {
                var garbage = Garble(random);
                var payload = random.Chance(800_000)
                    ? CommandEnvelope.Encode(one.Stamp, RequestIdentity.None, garbage, new WireWriter())
                    : garbage;
                var first = one.Append(EntryKind.Command, payload);
                var second = two.Apply(one.Log[^1]);
                Assert.Equal(first.Result, second.Result);
                Assert.Equal(one.Read(w => w.WriteRaw(garbage)), two.Read(w => w.WriteRaw(garbage)));
                if (first.Status == ApplyStatus.Applied && one.State.Machine is RecordsStateMachine)
                {
                    Assert.True(RecordsResultCodec.TryReadWrite(first.Result, out _));
                }
            }

            Assert.Equal(one.State.StateHash(), two.State.StateHash());
        }
    }

    private static void DecodeAll(byte[] bytes)
    {
        Assert.True(RecordsCommand.TryParse(bytes, out _, out var operations) || operations.Length == 0);
        RecordsCommand.Validate(bytes, 0, ulong.MaxValue, RecordLimits.Default);
        RecordsQuery.TryReadGet(bytes, out _);
        RecordsQuery.TryReadScan(bytes, out _);
        RecordsQuery.TryReadChanges(bytes, out _);
        RecordsResultCodec.StatusOf(bytes);
        RecordsResultCodec.TryReadWrite(bytes, out _);
        RecordsResultCodec.TryReadGet(bytes, out _);
        RecordsResultCodec.TryReadScan(bytes, out _);
        RecordsResultCodec.TryReadChanges(bytes, out _);
        RecordsResultCodec.TryReadStats(bytes, out _);
        DirectoryResult.TryRead(bytes, out _);
        DirectoryQuery.TryReadView(bytes, out _);
        DirectoryQuery.TryReadAnswer(bytes, out _);
        if (DirectoryView.TryDecode(bytes, out var view))
        {
            var writer = new WireWriter();
            view.Encode(writer);
            Assert.True(DirectoryView.TryDecode(writer.ToArray(), out _));
        }

        if (CommandEnvelope.TryRead(bytes, out var envelope))
        {
            var again = CommandEnvelope.Encode(envelope.Stamp, envelope.Identity, envelope.Command.Span, new WireWriter());
            Assert.True(CommandEnvelope.TryRead(again, out var same));
            Assert.Equal((envelope.Stamp, envelope.Identity), (same.Stamp, same.Identity));
            Assert.Equal(envelope.Command.ToArray(), same.Command.ToArray());
        }
    }

    private static byte[] Garble(Prng random)
    {
        var bytes = Sample(random.NextInt(0, Samples.Length - 1));
        for (var i = random.NextInt(0, 3); i > 0 && bytes.Length > 0; i--)
        {
            switch (random.NextInt(0, 3))
            {
                case 0:
                    var telling = random.Pick<byte>([0, 1, 2, 0x7F, 0x80, 0xFF, (byte)random.NextInt(0, 255)]);
                    bytes[random.NextInt(0, bytes.Length - 1)] = telling;
                    break;
                case 1:
                    bytes = bytes[..random.NextInt(0, bytes.Length - 1)];
                    break;
                case 2:
                    bytes = [.. bytes, .. Sample(random.NextInt(0, Samples.Length - 1))];
                    break;
                default:
                    random.Fill(bytes.AsSpan(random.NextInt(0, bytes.Length - 1)));
                    break;
            }
        }

        return bytes;
    }

    private static byte[] Sample(int number)
    {
        var writer = new WireWriter();
        Samples[number](writer);
        return writer.ToArray();
    }

    private static DirectoryView SampleView()
    {
        var replica = new Replica(new DirectoryStateMachine());
        replica.Propose(Samples[10]);
        replica.Propose(w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", Replicas: 1, ShardCount: 3)));
        return ((DirectoryStateMachine)replica.State.Machine).View;
    }

    private static void WriteScanResult(WireWriter writer)
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "1");
        replica.Put("b", "2", 500);
        writer.WriteRaw(replica.Read(w => RecordsQuery.WriteScan(w, default(ScanQuery) with { RowsMax = 1 })));
    }

    private static void WriteChangesResult(WireWriter writer)
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "1");
        replica.Delete("a");
        writer.WriteRaw(replica.Read(w => RecordsQuery.WriteChanges(w, default)));
    }
}
