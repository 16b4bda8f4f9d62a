using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>Shards of groups of consumers: the replica that leads coordinates them. One for each replica.</summary>
internal sealed class GroupsPolicy(Sabotage sabotage) : IShardPolicy
{
    // What a committed offset takes in memory, roughly.
    private const int OffsetBytes = 150;

    private readonly GroupTimers _timers = new();

    // All of it is needed at any time, and it is small: a snapshot now and then costs less than a store's bookkeeping of every commit.
    public bool IsStored => false;

    public IStateMachine NewMachine(IStateTree? tree) => new GroupsStateMachine { Sabotage = sabotage };

    public Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard) => shard is null
        ? ShardRefusal.RangeUnknown
        : ShardRefusal.Of(GroupCommand.Validate(command, shard.HashLow, shard.HashHigh), shard.Id);

    public bool TakesSpace(ReadOnlyMemory<byte> command) =>
        GroupCommand.KindOf(command.Span) is GroupCommandKind.Join or GroupCommandKind.Sync or GroupCommandKind.Commit
            or GroupCommandKind.BeginTransaction or GroupCommandKind.CommitInTransaction or GroupCommandKind.Heartbeat;

    public bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) =>
        !answer.IsEmpty && answer.Span[0] == (byte)GroupStatus.Waiting;

    public HybridTime TimeOf(ReadOnlyMemory<byte> query) => HybridTime.Zero;

    public void BeganToLead() => _timers.Reset();

    public void Heard(IStateMachine machine, ReadOnlyMemory<byte> payload, Instant now)
    {
        if ((GroupQuery.SenderOf(payload) ?? GroupCommand.SenderOf(payload)) is { } sender)
        {
            _timers.Heard((GroupsStateMachine)machine, sender.Group, sender.MemberId, now);
        }
    }

    public bool HasTimers => true;

    public byte[]? FindDue(IStateMachine machine, Instant now) => _timers.FindDue((GroupsStateMachine)machine, now);

    public (long Records, long Bytes) Measure(IStateMachine machine) => machine is GroupsStateMachine groups
        ? (groups.Count, groups.OffsetCount * OffsetBytes) : (0, 0);
}
