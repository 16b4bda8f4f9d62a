using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Snapshots;

namespace Atoll.StateMachines.Groups;

/// <summary>The groups as they are, in slices; what changes meanwhile changes other maps.</summary>
internal sealed class GroupsSnapshotSource : ISnapshotSource
{
    private readonly WireWriter _record = new();
    private readonly WireWriter _bytes = new();
    private readonly IEnumerator<byte> _records;
    private int _position;

    internal GroupsSnapshotSource(ImmutableSortedDictionary<string, ConsumerGroup> groups)
    {
        _records = AllRecords(groups).GetEnumerator();
        _bytes.WriteByte(GroupsSnapshot.FormatVersion);
    }

    public bool IsWaiting => false;

    public string? Error => null;

    public bool TryNext(WireWriter slice)
    {
        while (_bytes.Length - _position < Limits.SnapshotChunkBytes && _records.MoveNext())
        {
            _bytes.WriteUInt32((uint)_record.Length + 1);
            _bytes.WriteByte(_records.Current);
            _bytes.WriteRaw(_record.Written);
            _record.Reset();
        }

        var piece = Math.Min(Limits.SnapshotChunkBytes, _bytes.Length - _position);
        slice.WriteRaw(_bytes.Written.Slice(_position, piece));
        _position += piece;
        if (_position == _bytes.Length)
        {
            _bytes.Reset();
            _position = 0;
        }

        return piece > 0;
    }

    public void Load(Action ready) => ready();

    public void Dispose() => _records.Dispose();

    private IEnumerable<byte> AllRecords(ImmutableSortedDictionary<string, ConsumerGroup> groups)
    {
        foreach (var (_, group) in groups)
        {
            foreach (var kind in GroupsSnapshot.Records(group, _record))
            {
                yield return kind;
            }
        }

        _record.WriteVarint((ulong)groups.Count);
        yield return GroupsSnapshot.EndRecord;
    }
}
