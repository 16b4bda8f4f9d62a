using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>Shards of rows.</summary>
internal sealed class RowsPolicy(RecordLimits limits, Sabotage sabotage) : IShardPolicy
{
    public bool IsStored => true;

    public IStateMachine NewMachine(IStateTree? tree)
    {
        Check.That(tree is not null);
        return new RowsStateMachine(tree) { Sabotage = sabotage };
    }

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) => shard is null
        ? ShardRefusal.RangeUnknown
        : ShardRefusal.Of(RowsCommand.Validate(command, shard.HashLow, shard.HashHigh, limits), shard.Id);

    public bool TakesSpace(ReadOnlyMemory<byte> command) => RowsCommand.Writes(command);

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) => RecordsResultCodec.IsNoChange(query, answer);

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public (long Records, long Bytes) Measure(IStateMachine machine) =>
        machine is RowsStateMachine rows ? (rows.RecordCount, rows.Bytes) : (0, 0);
}
