using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.StateMachines.Tests;

/// <summary>
/// The bytes of everything that is stored or sent. A difference here means that other versions of the program cannot read what this one
/// writes: it needs a new format version, and a test of the upgrade.
/// </summary>
public sealed class LayoutTests
{
    private static readonly HybridTime Time = new(0x0102030405060708);

    public static TheoryData<string, string> Layouts => new()
    {
        { "put", "010100" + "016B" + "0176" },
        { "put with time to live", "010102" + "016B" + "E807" + "0176" },
        { "delete", "010200" + "016B" },
        { "compare and set", "010101" + "016B" + "0807060504030201" + "0176" },
        { "batch", "0202" + "0100016B0176" + "0301016B0807060504030201" },
        { "expire", "03010201016B0807060504030201" },
        { "advance", "04" },
        { "get", "01016B" },
        { "scan", "0203" + "0161" + "017A" + "0163" + "05" + "64" },
        { "scan at a time", "0204" + "0161" + "017A" + "00" + "05" + "64" + "0807060504030201" },
        { "digest", "0501" + "0161" + "017A" + "0163" + "0807060504030201" },
        {
            "digest result",
            "0500000000000000" + "0900000000000000" + "0100000000000000" + "0600000000000000" + "0700000000000000" + "01" + "0163"
        },
        { "changes", "03" + "016B" + "0807060504030201" + "04" },
        { "stats", "04" },
        { "write result", "02" + "0807060504030201" + "03776879" + "0500000000000000" + "03" },
        { "get result", "00" + "0807060504030201" + "00" + "0500000000000000" + "0600000000000000" + "0176" },
        { "envelope without identity", "01" + "0807060504030201" + "00" },
        { "envelope", "01" + "0807060504030201" + "01" + "0900000000000000" + "03" + "02" + "0500000000000000" },
        { "create space", "05" + "0173" + "01" + "03" + "01" + "08" },
        { "register node", "02" + "0161" + "03683A31" + "00" + "00" + "02" + "0172" + "017A" + "0900000000000000" },
        { "set replicas", "07" + "0200000000000000" + "01" + "02" + "01000000" + "03000000" },
        { "view query", "01" + "0807060504030201" },
        { "directory result", "06" + "0807060504030201" + "07" + "03776879" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Bytes_are_what_they_always_were(string what, string hex)
    {
        var writer = new WireWriter();
        Write(writer, what);
        Assert.Equal(hex, Convert.ToHexString(writer.Written));
    }

    private static void Write(WireWriter w, string what)
    {
        switch (what)
        {
            case "put":
                RecordsCommand.WritePut(w, "k"u8, "v"u8);
                break;
            case "put with time to live":
                RecordsCommand.WritePut(w, "k"u8, "v"u8, 1_000);
                break;
            case "delete":
                RecordsCommand.WriteDelete(w, "k"u8);
                break;
            case "compare and set":
                RecordsCommand.WriteCompareAndSet(w, "k"u8, Time, "v"u8);
                break;
            case "batch":
                RecordsCommand.WriteBatch(
                    w, [RecordOperation.Put("k"u8.ToArray(), "v"u8.ToArray()), RecordOperation.Check("k"u8.ToArray(), Time)]);
                break;
            case "expire":
                RecordsCommand.WriteExpire(w, [RecordOperation.Delete("k"u8.ToArray(), Time)]);
                break;
            case "get":
                RecordsQuery.WriteGet(w, "k"u8);
                break;
            case "scan":
                RecordsQuery.WriteScan(w, new ScanQuery("a"u8.ToArray(), "z"u8.ToArray(), "c"u8.ToArray(), 5, 100, true, true));
                break;
            case "advance":
                RecordsCommand.WriteAdvance(w);
                break;
            case "scan at a time":
                RecordsQuery.WriteScan(w, new ScanQuery("a"u8.ToArray(), "z"u8.ToArray(), default, 5, 100, At: Time));
                break;
            case "digest":
                RecordsQuery.WriteDigest(w, new DigestQuery("a"u8.ToArray(), "z"u8.ToArray(), "c"u8.ToArray(), Time, HasContents: true));
                break;
            case "digest result":
                RecordsResultCodec.WriteDigest(w, new RecordsDigest(5, 9, 1, 6, 7), true, "c"u8);
                break;
            case "changes":
                RecordsQuery.WriteChanges(w, new ChangesQuery("k"u8.ToArray(), Time, 4));
                break;
            case "stats":
                RecordsQuery.WriteStats(w);
                break;
            case "write result":
                RecordsResultCodec.WriteWrite(w, RecordsStatus.Conflict, Time, new HybridTime(5), 3, "why");
                break;
            case "get result":
                RecordsResultCodec.WriteGet(w, Time, new(new HybridTime(5), new HybridTime(6), "v"u8.ToArray()));
                break;
            case "envelope without identity":
                CommandEnvelope.WriteHeader(w, Time, RequestIdentity.None);
                break;
            case "envelope":
                CommandEnvelope.WriteHeader(w, Time, new RequestIdentity(9, 3, 2, new HybridTime(5)));
                break;
            case "create space":
                DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", ShardCount: 8));
                break;
            case "register node":
                DirectoryCommand.WriteRegisterNode(w, new NodeDescription("a", "h:1", "", "", 2, "r", "z", 9));
                break;
            case "set replicas":
                DirectoryCommand.WriteSetReplicas(w, new(2), [new(1), new(3)], 1);
                break;
            case "view query":
                DirectoryQuery.WriteView(w, Time);
                break;
            case "directory result":
                new DirectoryResult(DirectoryStatus.InUse, Time, 7, "why").Write(w);
                break;
            default:
                Assert.Fail(what);
                break;
        }
    }
}
