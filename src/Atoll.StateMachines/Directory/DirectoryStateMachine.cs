using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The machine behind the directory's own shard: nodes, spaces, shards and where their replicas are.</summary>
public sealed class DirectoryStateMachine : IStateMachine
{
    /// <inheritdoc />
    public HybridTime? NextExpiry => null;

    /// <summary>The directory as it is now.</summary>
    public DirectoryView View { get; private set; } = DirectoryView.Empty;

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
