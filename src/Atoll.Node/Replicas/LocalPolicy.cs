using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>What a loop keeps for itself: notes, and no rows (<see cref="Foundation.Identity.ShardId.Local"/>).</summary>
internal sealed class LocalPolicy : IShardPolicy
{
    public bool IsStored => true;

    public bool IsLeaderless => true;

    public IStateMachine NewMachine(IStateTree? tree)
    {
        Check.That(tree is not null);
        return new EventualRowsStateMachine(tree, 0, ulong.MaxValue, treeDepth: 0);
    }

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) => null;

    public bool TakesSpace(ReadOnlyMemory<byte> command) => EventualCommand.TakesSpace(command);

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) => false;

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public (long Records, long Bytes) Measure(IStateMachine machine) => (0, 0);
}
