using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>Bytes of rows on disk and on the wire: a change here is a new version, with a reader for the old one.</summary>
public sealed class RowsLayoutTests
{
    public static TheoryData<string, string> Layouts => new()
    {
        {
            "mutation",
            "113c010300000000000000017003010401610201010001760505020001030200016201630e04000302000001610300000161"
            + "0100070102010176000402000161030101016b0176"
        },
        { "truncation", "12" },
        { "expiry", "13010c800000000000000100017000090000000000000001" },
        { "partition read", "11ffffffffffffffff01700001610163030201ac020ae8070009020000000000000005" },
        { "range read", "12feffffffffffffff0200000000000000000000020000000100" },
        { "page", "00000040420f000000000103000000000000000170000101100100020c017302016101100100010a01780000" },
        { "refusal", "0103000000000000000001010000016101110a010001000176" },
        { "stored row", "013c01110a010001000176" },
        { "stored partition", "01003c1201010a0c01016201630e10" },
        { "key", "7fffffffffffffff0001700263" },
        { "counter", "0200010a0101d704" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Bytes_are_what_they_always_were(string what, string hex)
    {
        var writer = new WireWriter();
        Write(writer, what);
        Assert.Equal(hex, Convert.ToHexStringLower(writer.Written));
    }

    private static void Write(WireWriter writer, string what)
    {
        switch (what)
        {
            case "mutation":
                RowsCommand.WriteMutate(writer, new RowsMutation(
                    [
                        On(
                            "p",
                            RowOperation.Upsert(Bytes("a"), [CellWrite.Put(1, Bytes("v"), 5), CellWrite.Increment(2, -1)], true),
                            RowOperation.DeleteRange(ClusteringRange.OfPrefix(Bytes("b"))) with { TimestampMicros = 7 },
                            RowOperation.DeletePartition()),
                    ],
                    [
                        RowCondition.NotExists(Bytes("a")),
                        RowCondition.Cell(
                            Bytes("a"), 1, CellComparison.In, [Bytes("v"), default(ReadOnlyMemory<byte>?)], ValueOrder.Integer),
                        RowCondition.Collection(Bytes("a"), 3, CellComparison.Equal, [new(Bytes("k"), Bytes("v"))], true),
                    ],
                    60));
                break;
            case "truncation":
                RowsCommand.WriteTruncate(writer);
                break;
            case "expiry":
                RowsCommand.WriteExpire(writer, [new ExpiredRow(RowKey.OfPartition(1, Bytes("p")), new HybridTime(9), true)]);
                break;
            case "partition read":
                RowsQuery.WritePartition(writer, new PartitionRead(-1, Bytes("p"), new RowsSelection
                {
                    Range = ClusteringRange.Between(Bytes("a"), true, Bytes("b"), true),
                    Reverse = true,
                    Columns = [1, 300],
                    RowsMax = 10,
                    PageBytesMax = 1000,
                    ResumeAfter = RowsResume.At(5),
                }));
                break;
            case "range read":
                RowsQuery.WriteTokenRange(writer, new TokenRangeRead(-2, 2, new RowsSelection { RowsPerPartitionMax = 1 }));
                break;
            default:
                WriteStored(writer, what);
                break;
        }
    }

    private static void WriteStored(WireWriter writer, string what)
    {
        var row = RowData.Create(new RowLiveness(5, 0), DeletionTime.None, [], [RowCell.Of(1, default, 5, Bytes("v"))]);
        switch (what)
        {
            case "page":
                var rows = new RowsReplica();
                var fixedRow = RowOperation.UpsertStatic([CellWrite.Put(2, Bytes("s"))]) with { TimestampMicros = 6 };
                rows.Write("p", Put("a", 1, "x", timestamp: 5), fixedRow);
                writer.WriteRaw(rows.Replica.Read(w => RowsQuery.WritePartition(
                    w, new PartitionRead(TokenOf("p"), Bytes("p"), new RowsSelection { RowsMax = 1 }))));
                break;
            case "refusal":
                RowsResultCodec.WriteNotApplied(writer, new HybridTime(3), 1, [new CurrentRow(0, false, Bytes("a"), row)]);
                break;
            case "stored row":
                writer.WriteRaw(new StoredRow(60, row).Encode(new WireWriter()));
                break;
            case "stored partition":
                var deletions = PartitionDeletions.Merge(
                    PartitionDeletions.OfPartition(new DeletionTime(5, 6)),
                    PartitionDeletions.OfRange(ClusteringRange.OfPrefix(Bytes("b")), new DeletionTime(7, 8)));
                writer.WriteRaw(new StoredPartition(deletions, 9, false, 60).Encode(new WireWriter()));
                break;
            case "key":
                writer.WriteRaw(RowKey.OfRow(-1, Bytes("p"), Bytes("c")));
                break;
            case "counter":
                writer.WriteRaw(CounterValue.Add(CounterValue.Add(default, 0, 5), 1, -300));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what));
        }
    }
}
