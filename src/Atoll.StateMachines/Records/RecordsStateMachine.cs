using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>Ordered keys with versioned values: the machine behind tables, documents and names.</summary>
public sealed class RecordsStateMachine : IStateMachine
{
    /// <summary>An empty machine.</summary>
    public RecordsStateMachine()
    {
    }

    /// <inheritdoc />
    public HybridTime? NextExpiry => throw new NotImplementedException();

    /// <summary>Records in the store, those that expired and were not yet removed included.</summary>
    public long RecordCount => throw new NotImplementedException();

    /// <summary>Approximate memory of the records: keys, values and what is kept with each.</summary>
    public long Bytes => throw new NotImplementedException();

    /// <summary>The version of the last change of any record: tells whether a waiting watch is worth asking again.</summary>
    public HybridTime LastChange => throw new NotImplementedException();

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result) => throw new NotImplementedException();

    /// <inheritdoc />
    public void Read(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) => throw new NotImplementedException();

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => throw new NotImplementedException();

    /// <inheritdoc />
    public ISnapshotTarget BeginRestore() => throw new NotImplementedException();

    /// <inheritdoc />
    public ulong StateHash() => throw new NotImplementedException();
}
