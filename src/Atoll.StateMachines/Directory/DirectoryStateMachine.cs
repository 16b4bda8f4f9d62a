using Atoll.StateMachines.Snapshots;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Directory;

/// <summary>
/// The machine behind the directory's own shard: nodes, spaces, shards and where their replicas shall be. Its state is an immutable view
/// and the numbers to hand out next; a command makes a new view, or none.
/// </summary>
public sealed class DirectoryStateMachine : IStateMachine
{
    private DirectoryState _state = DirectoryState.Empty;

    // The view as bytes, made when first asked for.
    private byte[]? _encodedView;

    /// <inheritdoc />
    public IStateTree? Tree => null;

    /// <inheritdoc />
    public HybridTime? NextExpiry => null;

    /// <summary>The directory as it is now.</summary>
    public DirectoryView View => _state.View;

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done) => done(null, null);

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command) => true;

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var reader = new WireReader(command);
        var kind = (DirectoryCommandKind)reader.ReadByte();
        var outcome = kind switch
        {
            DirectoryCommandKind.InitCluster => ClusterCommands.InitCluster(_state, ref reader, context.Now),
            _ when _state.View.ClusterId == 0 => DirectoryOutcome.Refused(
                DirectoryStatus.NotInitialized, "the cluster is not initialised yet"),
            DirectoryCommandKind.RegisterNode => ClusterCommands.RegisterNode(_state, ref reader, context.Now),
            DirectoryCommandKind.UpdateNode => ClusterCommands.UpdateNode(_state, ref reader, context.Now),
            DirectoryCommandKind.RemoveNode => ClusterCommands.RemoveNode(_state, ref reader, context.Now),
            DirectoryCommandKind.CreateSpace =>
                SpaceCommands.CreateSpace(_state, ref reader, DirectoryCodec.ReadSpaceOptions(ref reader), context.Now),
            DirectoryCommandKind.CreateSpaceOfKind =>
                SpaceCommands.CreateSpace(_state, ref reader, DirectoryCodec.ReadSpaceOptionsOfKind(ref reader), context.Now),
            DirectoryCommandKind.CreateSpaceInRegions =>
                SpaceCommands.CreateSpace(_state, ref reader, DirectoryCodec.ReadSpaceOptionsInRegions(ref reader), context.Now),
            DirectoryCommandKind.CreateSpaceWithConflicts =>
                SpaceCommands.CreateSpace(_state, ref reader, DirectoryCodec.ReadSpaceOptionsWithConflicts(ref reader), context.Now),
            DirectoryCommandKind.ChangeDocuments => DocumentCommands.ChangeDocuments(_state, ref reader, context.Now),
            DirectoryCommandKind.GrowSpace => SpaceCommands.GrowSpace(_state, ref reader, context.Now),
            DirectoryCommandKind.DropSpace => SpaceCommands.DropSpace(_state, ref reader, context.Now),
            DirectoryCommandKind.SetReplicas => SpaceCommands.SetReplicas(_state, ref reader, context.Now),
            DirectoryCommandKind.RetireNode => NodeRetirement.Retire(_state, ref reader, context.Now),
            DirectoryCommandKind.ReplicaReady => ShardMoves.Ready(_state, ref reader, context.Now),
            DirectoryCommandKind.SetPreferredLeader => SpaceCommands.SetPreferredLeader(_state, ref reader, context.Now),
            _ => DirectoryOutcome.Garbled,
        };
        if (outcome.Changed is { } changed)
        {
            _state = changed;
            _encodedView = null;
        }

        new DirectoryResult(outcome.Status, _state.View.Version, outcome.Id, outcome.Detail).Write(result);
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result)
    {
        if (!DirectoryQuery.TryReadView(query, out var haveVersion))
        {
            DirectoryQuery.WriteRefused(result);
        }
        else if (haveVersion == _state.View.Version)
        {
            DirectoryQuery.WriteUnchanged(result);
        }
        else
        {
            DirectoryQuery.WriteAnswer(result, EncodedView());
        }

        return true;
    }

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Persist(HybridTime now) => Check.Unreachable("the directory is made durable by its snapshots");

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) =>
        Check.Unreachable("the directory is made durable by its snapshots");

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => new DirectorySnapshotSource(_state);

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load) => new DirectorySnapshotTarget(now, restored =>
    {
        _state = restored;
        _encodedView = null;
    });

    /// <inheritdoc />
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        hasher.Add(_state.NextNode.Value);
        hasher.Add(_state.NextSpace.Value);
        hasher.Add(_state.NextShard.Value);
        hasher.Add(EncodedView());
        return hasher.Value;
    }

    private byte[] EncodedView()
    {
        if (_encodedView is null)
        {
            var writer = new WireWriter();
            _state.View.Encode(writer);
            _encodedView = writer.ToArray();
        }

        return _encodedView;
    }
}

/// <summary>The whole state of the directory.</summary>
/// <param name="View">What everyone may see.</param>
/// <param name="NextNode">The number of the next node; numbers of removed ones are never given again.</param>
/// <param name="NextSpace">The number of the next space.</param>
/// <param name="NextShard">The number of the next shard.</param>
internal sealed record DirectoryState(DirectoryView View, NodeId NextNode, SpaceId NextSpace, ShardId NextShard)
{
    internal static readonly DirectoryState Empty = new(DirectoryView.Empty, new NodeId(1), new SpaceId(1), new ShardId(2));

    // Far below where numbers end: a snapshot that claims more is garbled, and a command that takes the next number always finds one.
    private const uint NextNodeMax = uint.MaxValue / 2;
    private const ulong NextIdMax = ulong.MaxValue / 2;

    /// <summary>True when no number that is in use could be given again, and the next ones exist.</summary>
    internal bool IsConsistent() =>
        NextNode.Value <= NextNodeMax && NextSpace.Value <= NextIdMax && NextShard.Value <= NextIdMax
        && (View.Nodes.IsEmpty || View.Nodes[^1].Id < NextNode)
        && (View.Spaces.IsEmpty || View.Spaces[^1].Id < NextSpace)
        && (View.Shards.IsEmpty || View.Shards[^1].Id < NextShard)
        && NextNode >= new NodeId(1) && NextSpace >= new SpaceId(1) && NextShard >= new ShardId(2);
}

/// <summary>What a command comes to.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Id">The number that it was about; 0 for none.</param>
/// <param name="Detail">Words for people; null for none.</param>
/// <param name="Changed">The state from now on; null when it stays.</param>
internal readonly record struct DirectoryOutcome(DirectoryStatus Status, ulong Id, string? Detail, DirectoryState? Changed)
{
    internal static readonly DirectoryOutcome Garbled =
        new(DirectoryStatus.Invalid, 0, "the bytes are not a directory command", null);

    internal static DirectoryOutcome Refused(DirectoryStatus status, string detail, ulong id = 0) => new(status, id, detail, null);

    internal static DirectoryOutcome Unchanged(ulong id, string? detail = null) => new(DirectoryStatus.Ok, id, detail, null);

    internal static DirectoryOutcome Done(ulong id, DirectoryState state) => new(DirectoryStatus.Ok, id, null, state);
}
