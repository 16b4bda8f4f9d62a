using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>Shards of records.</summary>
internal sealed class RecordsPolicy : IShardPolicy
{
    private readonly RecordLimits _limits;
    private readonly Sabotage _sabotage;

    public RecordsPolicy(RecordLimits limits, Sabotage sabotage = Sabotage.None)
    {
        _limits = limits;
        _sabotage = sabotage;
    }

    public bool IsStored => true;

    public IStateMachine NewMachine(IStateTree? tree)
    {
        Check.That(tree is not null);
        return new RecordsStateMachine(tree) { Sabotage = _sabotage };
    }

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard)
    {
        if (shard is null)
        {
            return ShardRefusal.RangeUnknown;
        }

        return ShardRefusal.Of(RecordsCommand.Validate(command, shard.HashLow, shard.HashHigh, _limits), shard.Id);
    }

    public bool TakesSpace(ReadOnlyMemory<byte> command) => RecordsCommand.Writes(command);

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) =>
        RecordsResultCodec.IsNoChange(query, answer);

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => RecordsQuery.TimeOf(query);

    public (long Records, long Bytes) Measure(IStateMachine machine) =>
        machine is RecordsStateMachine records ? (records.RecordCount, records.Bytes) : (0, 0);
}
