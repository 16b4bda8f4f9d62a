using System.Buffers.Binary;
using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;

namespace Atoll.StateMachines.Groups;

/// <summary>Reads the records of groups from slices as they come.</summary>
internal sealed class GroupsSnapshotTarget(
    HybridTime now, Action<ImmutableSortedDictionary<string, ConsumerGroup>> install) : IMachineTarget
{
    private readonly WireWriter _left = new();
    private readonly ImmutableSortedDictionary<string, ConsumerGroup>.Builder _groups =
        ImmutableSortedDictionary.CreateBuilder<string, ConsumerGroup>(StringComparer.Ordinal);

    private ConsumerGroup? _group;
    private ImmutableSortedDictionary<string, GroupMember>.Builder? _members;
    private ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Builder? _offsets;
    private string _last = "";
    private bool _hasFormat;
    private bool _isComplete;

    public ReadOnlyMemory<byte> Meta => default;

    public string? Error { get; private set; }

    public bool Accept(ReadOnlyMemory<byte> slice)
    {
        if (Error is not null)
        {
            return false;
        }

        _left.WriteRaw(slice.Span);
        var taken = 0;
        if (!_hasFormat && _left.Length > 0)
        {
            _hasFormat = true;
            taken = 1;
            Error = _left.Written[0] == GroupsSnapshot.FormatVersion ? null : "the format of the groups is unknown";
        }

        while (Error is null && _left.Length - taken >= 4)
        {
            var bytes = BinaryPrimitives.ReadUInt32LittleEndian(_left.Written[taken..]);
            if (bytes is 0 or > GroupsSnapshot.RecordBytesMax)
            {
                Error = "a record of the groups is larger than one can be";
            }
            else if (_left.Length - taken - 4 < bytes)
            {
                break;
            }
            else
            {
                var record = _left.WrittenMemory.Slice(taken + 4, (int)bytes);
                taken += 4 + (int)bytes;
                Error = !_isComplete && TryTake(record.Span[0], record[1..]) ? null : "the groups are garbled";
            }
        }

        var rest = _left.Written[taken..].ToArray();
        _left.Reset();
        _left.WriteRaw(rest);
        return Error is null;
    }

    public bool Complete()
    {
        if (Error is null && (!_isComplete || _left.Length > 0))
        {
            Error = "the groups end in the middle";
        }

        return Error is null;
    }

    public void Install() => install(_groups.ToImmutable());

    private bool TryTake(byte kind, ReadOnlyMemory<byte> record)
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
                break;
            case GroupsSnapshot.MemberRecord when _members is not null:
                var member = GroupsSnapshot.ReadMember(ref reader);
                if (!_members.TryAdd(member.Id, member))
                {
                    return false;
                }

                break;
            case GroupsSnapshot.OffsetRecord when _offsets is not null:
                var (place, committed) = GroupWire.ReadOffset(ref reader);
                if (!_offsets.TryAdd(place, committed))
                {
                    return false;
                }

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

        var group = _group with { Members = _members!.ToImmutable(), Offsets = _offsets!.ToImmutable() };
        _group = null;
        if (!group.IsConsistent() || group.LastChange > now.UnixMilliseconds)
        {
            return false;
        }

        _groups.Add(group.Id, group);
        return true;
    }
}
