using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Eventual;

/// <summary>The rows of a replica of an eventual shard.</summary>
public sealed class EventualRowsStateMachine : IStateMachine
{
    /// <summary>A machine over a tree.</summary>
    /// <param name="tree">Where the rows are; a tree that is not empty is taken over by <see cref="Recover"/> before all else.</param>
    /// <param name="hashLow">The lowest routing hash of the shard.</param>
    /// <param name="hashHigh">The highest routing hash of the shard, included.</param>
    /// <param name="treeDepth">Levels of <see cref="Hashes"/> below the root.</param>
    public EventualRowsStateMachine(IStateTree tree, ulong hashLow, ulong hashHigh, int treeDepth)
    {
        Tree = tree;
        Hashes = new MerkleTree(hashLow, hashHigh, treeDepth);
    }

    /// <inheritdoc />
    public IStateTree? Tree { get; }

    /// <summary>The hashes of all records; the same object for the machine's life. Only to be read.</summary>
    public MerkleTree Hashes { get; }

    /// <summary>Deletions with stamp and timestamp of at most this may be dropped.</summary>
    public HybridTime Horizon => throw new NotSupportedException();

    /// <summary>Records in the store: rows, static rows, and what is known of partitions as a whole.</summary>
    public long RecordCount => throw new NotSupportedException();

    /// <summary>Bytes of keys and rows.</summary>
    public long Bytes => throw new NotSupportedException();

    /// <inheritdoc />
    public HybridTime? NextExpiry => throw new NotSupportedException();

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done) => throw new NotSupportedException();

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command) => throw new NotSupportedException();

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready) => throw new NotSupportedException();

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result) => throw new NotSupportedException();

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) => throw new NotSupportedException();

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        throw new NotSupportedException();

    /// <inheritdoc />
    public void Persist(HybridTime now) => throw new NotSupportedException();

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) => throw new NotSupportedException();

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => throw new NotSupportedException();

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load) => throw new NotSupportedException();

    /// <inheritdoc />
    public ulong StateHash() => throw new NotSupportedException();
}
