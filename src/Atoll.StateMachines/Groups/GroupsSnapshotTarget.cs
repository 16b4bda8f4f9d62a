using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Groups.Assigned;
using Atoll.StateMachines.Snapshots;

namespace Atoll.StateMachines.Groups;

/// <summary>Reads the records of groups from slices as they come.</summary>
internal sealed class GroupsSnapshotTarget(HybridTime now, Action<ImmutableSortedDictionary<string, ConsumerGroup>> install)
    : RecordSnapshotTarget(GroupsSnapshot.FormatVersion, GroupsSnapshot.RecordBytesMax, "groups")
{
    private readonly ImmutableSortedDictionary<string, ConsumerGroup>.Builder _groups =
        ImmutableSortedDictionary.CreateBuilder<string, ConsumerGroup>(StringComparer.Ordinal);

    private ConsumerGroup? _group;
    private ImmutableSortedDictionary<string, GroupMember>.Builder? _members;
    private ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Builder? _offsets;
    private ImmutableSortedDictionary<long, GroupTransaction>.Builder? _transactions;
    private long _producer;
    private string _last = "";
    private bool _isComplete;

    protected override bool IsComplete => _isComplete;

    public override void Install() => install(_groups.ToImmutable());

    protected override bool TryTake(byte kind, ReadOnlyMemory<byte> record)
    {
        var reader = new WireReader(record);
        switch (kind)
        {
            case GroupsSnapshot.GroupRecord:
                var group = GroupsSnapshot.ReadGroup(ref reader);
                if (!TryEndGroup() || string.CompareOrdinal(group.Id, _last) <= 0)
                {
                    return false;
                }

                _group = group;
                _last = group.Id;
                _members = group.Members.ToBuilder();
                _offsets = group.Offsets.ToBuilder();
                _transactions = group.Transactions.ToBuilder();
                break;
            case GroupsSnapshot.MemberRecord when _members is not null:
                var member = GroupsSnapshot.ReadMember(ref reader);
                if (!_members.TryAdd(member.Id, member))
                {
                    return false;
                }

                break;
            case GroupsSnapshot.AssignedGroupRecord when _group is { Assigned: null }:
                _group = _group with { Assigned = AssignedSnapshot.ReadGroup(ref reader) };
                break;
            case GroupsSnapshot.AssignedMemberRecord when _group is { Assigned: { } assigned }:
                var assignee = AssignedSnapshot.ReadMember(ref reader);
                if (assigned.Members.ContainsKey(assignee.Id))
                {
                    return false;
                }

                _group = _group with { Assigned = assigned.With(assignee) };
                break;
            case GroupsSnapshot.OffsetRecord when _offsets is not null:
                var (place, committed) = GroupWire.ReadOffset(ref reader);
                if (!_offsets.TryAdd(place, committed))
                {
                    return false;
                }

                break;
            case GroupsSnapshot.TransactionRecord when _transactions is not null:
                (_producer, var transaction) = GroupsSnapshot.ReadTransaction(ref reader);
                if (!_transactions.TryAdd(_producer, transaction))
                {
                    return false;
                }

                break;
            case GroupsSnapshot.PendingOffsetRecord when _transactions is { Count: > 0 }:
                var pending = GroupWire.ReadOffset(ref reader);
                var open = _transactions[_producer];
                if (open.Offsets.ContainsKey(pending.Place))
                {
                    return false;
                }

                _transactions[_producer] = open with { Offsets = open.Offsets.Add(pending.Place, pending.Committed) };
                break;
            case GroupsSnapshot.EndRecord:
                _isComplete = TryEndGroup() && reader.ReadCount(GroupLimits.GroupsPerShardMax) == _groups.Count;
                return _isComplete && reader.OkAtEnd;
            default:
                return false;
        }

        return reader.OkAtEnd;
    }

    private bool TryEndGroup()
    {
        if (_group is null)
        {
            return true;
        }

        var group = _group with
        {
            Members = _members!.ToImmutable(), Offsets = _offsets!.ToImmutable(), Transactions = _transactions!.ToImmutable(),
        };
        _group = null;
        if (!group.IsConsistent() || group.LastChange > now.UnixMilliseconds)
        {
            return false;
        }

        _groups.Add(group.Id, group);
        return true;
    }
}
