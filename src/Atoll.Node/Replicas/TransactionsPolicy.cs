using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Transactions;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>Shards of transactions.</summary>
internal sealed class TransactionsPolicy(Sabotage sabotage) : IShardPolicy
{
    // What a transactional id takes in memory, roughly.
    private const int ProducerBytes = 500;

    // As of groups: all of it is needed at any time, and it is small.
    public bool IsStored => false;

    public IStateMachine NewMachine(IStateTree? tree) => new TransactionsStateMachine { Sabotage = sabotage };

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) => shard is null
        ? ShardRefusal.RangeUnknown
        : ShardRefusal.Of(TransactionCommand.Validate(command, shard.HashLow, shard.HashHigh), shard.Id);

    public bool TakesSpace(ReadOnlyMemory<byte> command) =>
        TransactionCommand.KindOf(command.Span) is TransactionCommandKind.Init or TransactionCommandKind.Add;

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) => false;

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public (long Records, long Bytes) Measure(IStateMachine machine) => machine is TransactionsStateMachine transactions
        ? (transactions.Count, (long)transactions.Count * ProducerBytes) : (0, 0);
}
