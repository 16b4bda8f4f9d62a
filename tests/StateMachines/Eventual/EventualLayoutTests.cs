using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Bytes on disk and between nodes: a change here is a new version, with a reader for the old one.</summary>
public sealed class EventualLayoutTests
{
    public static TheoryData<string, string> Layouts => new()
    {
        {
            "mutation",
            "01010c8000000000000003000170000a01000101620163b06d08010d800000000000000300017002610c0111b06d01010100984e017601"
            + "0d80000000000000030001700263050104b06d08000000"
        },
        {
            "cut",
            "01010c8000000000000003000170000a01000101620163b06d08010d800000000000000300017002610c0111b06d01010100984e017600"
            + "0e800000000000000300017002610000"
        },
        {
            "cut backwards",
            "01010c8000000000000003000170000a01000101620163b06d08010d80000000000000030001700263050104b06d0800000d8000000000"
            + "0000030001700263"
        },
        {
            "gap",
            "01010c8000000000000003000170000a01000101620163b06d08010d800000000000000300017002610c0111b06d01010100984e017602"
            + "0e8000000000000003000170026100000000"
        },
        {
            "change",
            "210104000000000000004e01010c8000000000000003000170000a01000101620163b06d08010d800000000000000300017002610c0111"
            + "b06d01010100984e0176010d80000000000000030001700263050104b06d0800000001016e0178"
        },
        {
            "increment",
            "22b06d0500000000000000ac020106000000000000000800000000000000091180de340103000000000000000170010100016101050200"
            + "0500"
        },
        {
            "result",
            "00000040420f000000006101010d800000000000000300017002614d0110010202fdffffffffbfffffff013d0001000000000000000000"
            + "0000000000000001ac020101fdffffffffffffff01060000000000000008000000000000000901ac0201fdffffffffffffff000000"
        },
        { "raw", "2105000000000000001103000000000000000170000000020001000000" },
        { "record", "220d80000000000000010001700261" },
        { "list", "230100000000000000020000000000000001780179ac02" },
        { "list answer", "000c800000000000000300017000e03202f39e1cc46af322cd6007ace6240000" },
        { "note", "24016e" },
        { "notes", "25016e0178ac02" },
        { "notes answer", "00016e01780001" },
        { "conditions", "26113c0103000000000000000170010400010100000161" },
        { "stored partition", "010101010a0c00" },
        {
            "meta",
            "020300000000000000430000000000000003000000000000006c04725dfd4aae3e04000000000000000000000000000000010000000000"
            + "000000ffffffffffffffff010101efb0bbcdb493f18688c828f80a5b9ffd"
        },
        { "snapshot", "4501000400000000000000894482810e0297fb4e016e0178" },
        {
            "list place",
            "01010d800000000000000300017002611f0110010404158000000000001b5800000000000000050000012c6fb06d0165000000"
        },
        { "digest", "6d72edffc7c8bc459c101b9b00ef3107" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Bytes_are_what_they_always_were(string what, string hex)
    {
        var writer = new WireWriter();
        Write(writer, what);
        Assert.Equal(hex, Convert.ToHexStringLower(writer.Written));
    }

    [Fact]
    public void A_state_of_the_first_format_finds_out_what_was_deleted_of_partitions()
    {
        // Format 1 had no number of partitions with deletions, behind the hash of the notes.
        const int CountAt = 1 + 32 + 8 + 8;
        var tree = new InMemoryStateTree();
        var before = new EventualReplica(depth: 1, tree);
        before.Take(new EventualChange { Version = Version() });
        before.Machine.Persist(new HybridTime(5));
        Assert.True(tree.Section(StateSections.Meta).TryGet(StateSections.MachineKey, out var record));
        var meta = record.Value.ToArray();
        Assert.Equal([2, 1], [meta[0], meta[CountAt]]);
        byte[] first = [1, .. meta[1..CountAt], .. meta[(CountAt + 1)..]];

        foreach (var stored in new[] { meta, first })
        {
            var after = new EventualReplica(depth: 1, tree);
            string? error = "not recovered";
            after.Machine.Recover(stored, new HybridTime(6), found => error = found);
            Assert.Null(error);
            Assert.Equal(before.Machine.StateHash(), after.Machine.StateHash());
            var root = after.Machine.Hashes.Root;

            // In the range that was deleted later.
            after.Merge(RowsVersion.OfMutation(
                [On("p", RowOperation.Upsert(Bytes("bx"), [CellWrite.Put(1, Bytes("v"))], true))], 6_000, new HybridTime(7)));
            Assert.Equal(root, after.Machine.Hashes.Root);
        }

        var garbled = (byte[])meta.Clone();
        garbled[CountAt] = 4; // of three records
        string? why = null;
        new EventualReplica(depth: 1, tree).Machine.Recover(garbled, new HybridTime(6), found => why = found);
        Assert.Contains("garbled", why, StringComparison.Ordinal);
    }

    private static ReadOnlyMemory<byte> Version() => RowsVersion.OfMutation(
        [
            On(
                "p",
                RowOperation.Upsert(Bytes("a"), [CellWrite.Put(1, Bytes("v"), 5)], true),
                RowOperation.DeleteRange(ClusteringRange.OfPrefix(Bytes("b"))),
                RowOperation.DeleteRow(Bytes("c"))),
        ],
        7_000,
        new HybridTime((3UL << 16) + 2));

    private static EventualReplica Filled()
    {
        var replica = new EventualReplica(depth: 1);
        replica.Take(new EventualChange
        {
            Version = Version(),
            Horizon = new HybridTime(4),
            Notes = [new Note(Bytes("n"), Bytes("x"))],
        });
        return replica;
    }

    private static CounterIncrement Increment() => new(
        RowsMutation.Of(On("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Increment(2, -3)]))),
        7_000,
        new HybridTime(5),
        new CounterOrigin(new NodeId(300), 1),
        new CounterUpdateId(new HybridTime(6), 8, 9));

    private static void Write(WireWriter writer, string what)
    {
        var partition = new PartitionRead(TokenOf("p"), Bytes("p"), new RowsSelection { RowsMax = 1 });
        switch (what)
        {
            case "mutation":
                writer.WriteRaw(Version().Span);
                break;
            case "cut":
                writer.WriteRaw(Filled().Raw(EventualReplica.Query(partition), HybridTime.Zero).Span);
                break;
            case "cut backwards":
                var reverse = partition with { Selection = new RowsSelection { RowsPerPartitionMax = 1, Reverse = true,
                    PageBytesMax = 1 } };
                writer.WriteRaw(Filled().Raw(EventualReplica.Query(reverse), HybridTime.Zero).Span);
                break;
            case "gap":
                var range = new TokenRangeRead(-5, 5, new RowsSelection { RowsPerPartitionMax = 1 });
                writer.WriteRaw(Filled().Raw(EventualReplica.Query(range), HybridTime.Zero).Span);
                break;
            case "change":
                EventualCommand.Write(writer, new EventualChange
                {
                    Version = Version(),
                    Horizon = new HybridTime(4),
                    Notes = [new Note(Bytes("n"), Bytes("x"))],
                    Truncates = true,
                });
                break;
            case "increment":
                EventualCommand.WriteIncrement(writer, Increment());
                break;
            case "result":
                writer.WriteRaw(new EventualReplica().Replica.Propose(w => EventualCommand.WriteIncrement(w, Increment())).Result);
                break;
            default:
                WriteQuery(writer, what, EventualReplica.Query(partition));
                break;
        }
    }

    private static void WriteQuery(WireWriter writer, string what, byte[] rowsQuery)
    {
        switch (what)
        {
            case "raw":
                EventualQuery.WriteRaw(writer, rowsQuery, new HybridTime(5));
                break;
            case "record":
                EventualQuery.WriteRecord(writer, RowKey.OfRow(1, Bytes("p"), Bytes("a")));
                break;
            case "list":
                EventualQuery.WriteList(writer, 1, 2, Bytes("x"), Bytes("y"), 300);
                break;
            case "note":
                EventualQuery.WriteNote(writer, Bytes("n"));
                break;
            case "notes":
                EventualQuery.WriteNotes(writer, Bytes("n"), Bytes("x"), 300);
                break;
            case "conditions":
                EventualQuery.WriteConditionRows(
                    writer, new RowsMutation([On("p", RowOperation.DeletePartition())], [RowCondition.Exists(Bytes("a"))], 60));
                break;
            case "list answer":
                writer.WriteRaw(Filled().Replica.Read(w => EventualQuery.WriteList(w, 0, ulong.MaxValue, [], [], 1)));
                break;
            case "notes answer":
                writer.WriteRaw(Filled().Replica.Read(w => EventualQuery.WriteNotes(w, [], [], 1)));
                break;
            case "digest":
                var digest = EventualReplica.Data.DigestOf(Version());
                writer.WriteUInt64((ulong)(digest >> 64));
                writer.WriteUInt64((ulong)digest);
                break;
            default:
                WriteStored(writer, what);
                break;
        }
    }

    private static void WriteStored(WireWriter writer, string what)
    {
        switch (what)
        {
            case "stored partition":
                var deletions = PartitionDeletions.OfPartition(new DeletionTime(5, 6));
                writer.WriteRaw(EventualRecords.Encode(deletions, isSwept: true, new WireWriter()));
                break;
            case "meta":
                var tree = new InMemoryStateTree();
                var replica = new EventualReplica(depth: 1, tree);
                replica.Take(new EventualChange { Version = Version(), Horizon = new HybridTime(4) });
                replica.Machine.Persist(new HybridTime(5));
                Assert.True(tree.Section(StateSections.Meta).TryGet(StateSections.MachineKey, out var record));
                writer.WriteRaw(record.Value.Span);
                break;
            case "snapshot":
                var slice = new WireWriter();
                var source = Filled().Machine.BeginSnapshot();
                for (var i = 0; i < 2; i++)
                {
                    Assert.True(source.TryNext(slice));
                }

                writer.WriteRaw(slice.Written);
                break;
            case "list place":
                // Elements of lists that two coordinators append in the same microsecond stand behind each other.
                writer.WriteRaw(RowsVersion.OfMutation(
                    [On("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Append(4, Bytes("o"), Bytes("e"))]))],
                    7_000,
                    new HybridTime(5),
                    new NodeId(300)).Span);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what));
        }
    }
}
