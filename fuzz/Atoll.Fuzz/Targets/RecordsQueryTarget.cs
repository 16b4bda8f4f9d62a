using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Records;

namespace Atoll.Fuzz.Targets;

/// <summary>Queries of the records machine.</summary>
public sealed class RecordsQueryTarget : CodecTarget
{
    private static readonly HybridTime Now = new(1 << 20);

    /// <inheritdoc />
    public override string Name => "records-query";

    /// <inheritdoc />
    public override string About => "RecordsQuery: read or refused; any bytes can be asked, and the answer can be read";

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Bytes(w => RecordsQuery.WriteGet(w, "key"u8)),
        Bytes(w => RecordsQuery.WriteScan(w, new ScanQuery("a"u8.ToArray(), "z"u8.ToArray(), "c"u8.ToArray(), 5, 100, true))),
        Bytes(w => RecordsQuery.WriteScan(w, ScanQuery.OfPrefix("k"u8.ToArray()))),
        Bytes(w => RecordsQuery.WriteChanges(w, new ChangesQuery("k"u8.ToArray(), new HybridTime(3), 4))),
        Bytes(w => RecordsQuery.WriteChanges(w, new ChangesQuery("k"u8.ToArray(), new HybridTime(3), 4, new byte[] { 1, 2 }))),
        Bytes(RecordsQuery.WriteStats),
        Bytes(w => RecordsQuery.WriteScan(w, ScanQuery.OfPrefix("k"u8.ToArray()) with { At = Now })),
        Bytes(w => RecordsQuery.WriteScan(w, ScanQuery.OfPrefix("k"u8.ToArray()) with { At = new HybridTime(5) })),
        Bytes(w => RecordsQuery.WriteDigest(w, new DigestQuery("a"u8.ToArray(), "z"u8.ToArray(), "c"u8.ToArray()))),
        Bytes(w => RecordsQuery.WriteDigest(w, new DigestQuery(default, default, default, new HybridTime(1 << 21), true))),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var status = Ask(input);
        if (RecordsQuery.TryReadGet(input, out var key))
        {
            outcome = $"get {status}";
            RecordsQuery.WriteGet(again, key.Span);
        }
        else if (RecordsQuery.TryReadScan(input, out var scan))
        {
            outcome = $"scan {status}";
            BrokenPromiseException.Unless(
                scan.RowsMax is > 0 and <= Limits.ScanRowsMax && scan.PageBytesMax is > 0 and <= Limits.ScanPageBytesMax,
                "the bounds of a scan are cut to what is allowed");
            RecordsQuery.WriteScan(again, scan);
        }
        else if (RecordsQuery.TryReadChanges(input, out var changes))
        {
            outcome = $"changes {status}";
            RecordsQuery.WriteChanges(again, changes);
        }
        else if (RecordsQuery.TryReadDigest(input, out var digest))
        {
            outcome = $"digest {status}";
            RecordsQuery.WriteDigest(again, digest);
        }
        else if (status != RecordsStatus.Invalid)
        {
            outcome = $"stats {status}";
            RecordsQuery.WriteStats(again);
        }
        else
        {
            outcome = "refused";
            return false;
        }

        BrokenPromiseException.Unless(status != RecordsStatus.Invalid, "a query that can be read is answered");
        return true;
    }

    private static RecordsStatus Ask(ReadOnlyMemory<byte> query)
    {
        var machine = new RecordsStateMachine();
        var result = new WireWriter();
        foreach (var key in (string[])["key", "kez", "other"])
        {
            machine.Apply(
                new CommandContext(new HybridTime(7), new(1)),
                Bytes(w => RecordsCommand.WritePut(w, System.Text.Encoding.UTF8.GetBytes(key), "value"u8)),
                result);
        }

        result.Reset();
        BrokenPromiseException.Unless(machine.TryRead(query, Now, result), "nothing has to be loaded into memory");
        var answer = result.WrittenMemory;
        var isReadable = RecordsQuery.KindOf(query.Span) switch
        {
            RecordsQueryKind.Scan => RecordsResultCodec.TryReadScan(answer, out _),
            RecordsQueryKind.Changes => RecordsResultCodec.TryReadChanges(answer, out _),
            RecordsQueryKind.Digest => RecordsResultCodec.TryReadDigest(answer, out _),
            RecordsQueryKind.Stats => RecordsResultCodec.TryReadStats(answer, out _),
            _ => RecordsResultCodec.TryReadGet(answer, out _),
        };
        BrokenPromiseException.Unless(isReadable, "an answer can be read by who asked");
        return RecordsResultCodec.StatusOf(answer.Span);
    }
}
