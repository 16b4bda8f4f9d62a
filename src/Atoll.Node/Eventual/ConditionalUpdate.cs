using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>A conditional write: what it depends on, what it does, and what its client is told.</summary>
internal abstract class ConditionalUpdate
{
    /// <summary>Judges its conditions; when one does not hold, the result receives what its client is told.</summary>
    /// <param name="data">What the replicas have of what the conditions are about.</param>
    /// <param name="stamp">When.</param>
    /// <param name="result">Receives nothing when all hold.</param>
    public abstract bool Judge(ReadOnlyMemory<byte> data, HybridTime stamp, WireWriter result);

    /// <summary>What it writes.</summary>
    /// <param name="stamp">When.</param>
    public abstract ReadOnlyMemory<byte> VersionAt(HybridTime stamp);

    /// <summary>What its client is told when it was done.</summary>
    /// <param name="stamp">When.</param>
    /// <param name="now">The time, now.</param>
    /// <param name="result">Receives it.</param>
    public abstract void WriteDone(HybridTime stamp, HybridTime now, WireWriter result);
}

/// <summary>A conditional write to rows of one partition.</summary>
internal sealed class ConditionalRows(RowsMutation mutation, NodeId coordinator) : ConditionalUpdate
{
    public override bool Judge(ReadOnlyMemory<byte> data, HybridTime stamp, WireWriter result) =>
        EventualConditions.Judge(mutation, data, stamp, result);

    public override ReadOnlyMemory<byte> VersionAt(HybridTime stamp) =>
        RowsVersion.OfMutation(mutation.Partitions, EventualClock.MicrosOf(stamp), stamp, coordinator);

    public override void WriteDone(HybridTime stamp, HybridTime now, WireWriter result) =>
        RowsResultCodec.WriteHead(result, RowsStatus.Ok, now);
}

/// <summary>Operations with conditions, on one record.</summary>
internal sealed class ConditionalRecord(IReadOnlyList<RecordOperation> operations) : ConditionalUpdate
{
    public override bool Judge(ReadOnlyMemory<byte> data, HybridTime stamp, WireWriter result) =>
        RecordsPages.Judge(operations, data, stamp, result);

    public override ReadOnlyMemory<byte> VersionAt(HybridTime stamp) =>
        RecordsVersion.OfOperations(operations, EventualClock.MicrosOf(stamp), stamp);

    public override void WriteDone(HybridTime stamp, HybridTime now, WireWriter result) =>
        RecordsPages.WriteDone(RecordsVersion.VersionOf(EventualClock.MicrosOf(stamp)), result);
}
