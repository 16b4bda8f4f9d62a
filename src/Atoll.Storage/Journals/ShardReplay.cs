using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>
/// Rebuilds one shard's log from its records in the order of the journal. Segments go oldest first, so what is read is the end of all that
/// was ever written: entries may be known only by copies that come after their successors, and all must fit together in the end.
/// </summary>
internal sealed class ShardReplay
{
    private readonly ShardId _shard;
    private readonly List<RecoveredEntry> _appended = [];
    private readonly List<RecoveredEntry> _moved = [];
    private ulong _movedIndexMax;
    private HardState _hardState;
    private Segment? _hardStateSegment;
    private LogIndex _baseIndex;
    private Term _baseTerm;
    private Segment? _baseSegment;

    /// <summary>A shard of which nothing was read yet.</summary>
    public ShardReplay(ShardId shard) => _shard = shard;

    /// <summary>The next record of the shard.</summary>
    public void Add(in RecoveredEntry record)
    {
        var header = record.Header;
        switch (header.Type)
        {
            case RecordType.Entry:
                TruncateFrom(header.Index);
                _appended.Add(record);
                break;
            case RecordType.MovedEntry:
                _moved.Add(record);
                _movedIndexMax = Math.Max(_movedIndexMax, header.Index);
                break;
            case RecordType.HardState:
                _hardState = new HardState(header.Term, new NodeId((uint)header.Index));
                _hardStateSegment = record.Segment;
                break;
            case RecordType.Base or RecordType.Reset:
                if (header.Type == RecordType.Reset)
                {
                    TruncateFrom(0);
                }

                _baseIndex = new LogIndex(header.Index);
                _baseTerm = header.Term;
                _baseSegment = record.Segment;
                ForgetThrough(header.Index);
                break;
        }
    }

    /// <summary>Puts everything together.</summary>
    /// <param name="why">What does not fit; null when the shard is whole.</param>
    public RecoveredShard? Finish(out string? why)
    {
        var entries = Merge();
        var next = _baseIndex.Next;
        var term = _baseTerm;
        foreach (var entry in entries)
        {
            if (entry.Header.Index != next.Value || entry.Header.Term < term)
            {
                why = entry.Header.Index != next.Value
                    ? $"shard {_shard}: entry {next} is missing, the next one is {entry.Header.Index}"
                    : $"shard {_shard}: entry {next} has term {entry.Header.Term} after term {term}";
                return null;
            }

            term = entry.Header.Term;
            next = next.Next;
        }

        why = null;
        return new RecoveredShard(_shard, _hardState, _hardStateSegment, _baseIndex, _baseTerm, _baseSegment, entries);
    }

    private void TruncateFrom(ulong index)
    {
        while (_appended.Count > 0 && _appended[^1].Header.Index >= index)
        {
            _appended.RemoveAt(_appended.Count - 1);
        }

        if (_movedIndexMax >= index)
        {
            _moved.RemoveAll(moved => moved.Header.Index >= index);
            _movedIndexMax = index;
        }
    }

    private void ForgetThrough(ulong index)
    {
        var kept = _appended.FindIndex(entry => entry.Header.Index > index);
        _appended.RemoveRange(0, kept < 0 ? _appended.Count : kept);
        _moved.RemoveAll(moved => moved.Header.Index <= index);
    }

    // The latest copy of an entry is the one to keep: its predecessors' segments are going to be deleted.
    private List<RecoveredEntry> Merge()
    {
        var merged = new List<RecoveredEntry>(_appended.Count + _moved.Count);
        var moved = _moved.Index().OrderBy(static m => m.Item.Header.Index).ThenBy(static m => m.Index).Select(static m => m.Item).ToList();
        var appended = 0;
        for (var i = 0; i < moved.Count; i++)
        {
            var index = moved[i].Header.Index;
            for (; appended < _appended.Count && _appended[appended].Header.Index < index; appended++)
            {
                merged.Add(_appended[appended]);
            }

            if (appended < _appended.Count && _appended[appended].Header.Index == index)
            {
                appended++;
            }

            if (i + 1 == moved.Count || moved[i + 1].Header.Index != index)
            {
                merged.Add(moved[i]);
            }
        }

        merged.AddRange(_appended.Skip(appended));
        merged.RemoveAll(entry => entry.Header.Index <= _baseIndex.Value);
        return merged;
    }
}
