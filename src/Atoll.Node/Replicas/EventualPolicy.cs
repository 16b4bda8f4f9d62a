using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>A shard of rows without a leader.</summary>
/// <param name="hashLow">The lowest routing hash of the shard.</param>
/// <param name="hashHigh">The highest routing hash of the shard, included.</param>
/// <param name="treeDepth">Levels of its Merkle tree below the root.</param>
/// <param name="limits">The operator's bounds.</param>
/// <param name="sabotage">A planted bug.</param>
internal sealed class EventualPolicy(
    ulong hashLow, ulong hashHigh, int treeDepth, RecordLimits limits, Sabotage sabotage) : IShardPolicy
{
    private readonly CheckedCommands _checked = new();

    public bool IsStored => true;

    public bool IsLeaderless => true;

    public IStateMachine NewMachine(IStateTree? tree)
    {
        Check.That(tree is not null);
        return new EventualRowsStateMachine(tree, hashLow, hashHigh, treeDepth) { Sabotage = sabotage, Checked = _checked };
    }

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) => shard is null
        ? ShardRefusal.RangeUnknown
        : ShardRefusal.Of(_checked.Check(command, shard.HashLow, shard.HashHigh, limits), shard.Id);

    public bool TakesSpace(ReadOnlyMemory<byte> command) => EventualCommand.TakesSpace(command);

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) => false;

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public (long Records, long Bytes) Measure(IStateMachine machine) =>
        machine is EventualRowsStateMachine rows ? (rows.RecordCount, rows.Bytes) : (0, 0);
}
