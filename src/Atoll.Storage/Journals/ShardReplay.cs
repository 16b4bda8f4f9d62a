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
    private bool _isHardStateACopy;
    private Segment? _rebuildingSegment;
    private LostBatches? _lost;
    private ulong _lostFirst = ulong.MaxValue;
    private ulong _lostLast;
    private bool _isHardStateLost;

    /// <summary>A shard of which nothing was read yet.</summary>
    public ShardReplay(ShardId shard) => _shard = shard;

    // Whether indices are in question by what was read so far.
    private bool IsLost => _lostFirst <= _lostLast;

    /// <summary>The next record of the shard.</summary>
    public void Add(in RecoveredEntry record)
    {
        var header = record.Header;
        switch (header.Type)
        {
            case RecordType.Entry:
                TruncateFrom(header.Index);
                _appended.Add(record);
                LostBefore(header.Index);
                break;
            case RecordType.MovedEntry:
                _moved.Add(record);
                _movedIndexMax = Math.Max(_movedIndexMax, header.Index);
                break;
            case RecordType.HardState:
                _hardState = new HardState(header.Term, new NodeId((uint)header.Index));
                _hardStateSegment = record.Segment;
                _isHardStateLost = false;
                _isHardStateACopy = false;
                break;
            case RecordType.Rebuilding:
                _rebuildingSegment = header.Index == 0 ? null : record.Segment;
                break;
            case RecordType.Base or RecordType.Reset:
                if (header.Type == RecordType.Reset)
                {
                    TruncateFrom(0);
                    LostBefore(0);
                }

                _baseIndex = new LogIndex(header.Index);
                _baseTerm = header.Term;
                _baseSegment = record.Segment;
                ForgetThrough(header.Index);
                _lostFirst = Math.Max(_lostFirst, header.Index + 1);
                break;
        }
    }

    /// <summary>Records of the shard may be lost here; what comes later may make them needless.</summary>
    /// <param name="lost">The batches that may have had them.</param>
    /// <param name="line">What is known of them.</param>
    /// <param name="copySegment">Where that is known from.</param>
    public void Lose(LostBatches lost, in ManifestLine line, Segment? copySegment)
    {
        if (!IsLost && !_isHardStateLost)
        {
            _lost = lost;
        }

        if (line.FirstIndex <= line.LastIndex)
        {
            // What was needless before stays so: the range of an earlier loss that was made good is empty, and must not come back.
            _lostLast = IsLost ? Math.Max(_lostLast, line.LastIndex) : line.LastIndex;
            _lostFirst = IsLost ? Math.Min(_lostFirst, line.FirstIndex) : line.FirstIndex;
        }

        _isHardStateLost |= line.IsHardStateUnknown;
        if (line.HasHardState)
        {
            _hardState = line.HardState;
            _hardStateSegment = copySegment;
            _isHardStateLost = false;
            _isHardStateACopy = true;
        }
    }

    /// <summary>Puts everything together.</summary>
    public RecoveredShard Finish()
    {
        var entries = Merge();
        var next = _baseIndex.Next;
        var term = _baseTerm;
        LogDamage? damage = null;
        Segment? damagedSegment = null;
        var sound = 0;
        foreach (var entry in entries)
        {
            if (IsLost && entry.Header.Index >= _lostFirst)
            {
                break;
            }

            if (entry.Header.Index != next.Value || entry.Header.Term < term)
            {
                // Where nothing was found damaged this is a fault of the program that wrote it; it is repaired in the same way.
                var why = entry.Header.Index != next.Value
                    ? $"shard {_shard}: entry {next} is missing, the next one is {entry.Header.Index}"
                    : $"shard {_shard}: entry {next} has term {entry.Header.Term} after term {term}";
                damage = new LogDamage(
                    _lost?.Corruption ?? new StorageCorruption(entry.Segment.Name, entry.OffsetBytes, why), next, null, !_isHardStateLost);
                damagedSegment = _lost?.Segment ?? entry.Segment;
                break;
            }

            term = entry.Header.Term;
            next = next.Next;
            sound++;
        }

        if (damage is null && (IsLost || _isHardStateLost))
        {
            var first = new LogIndex(Math.Max(_lostFirst, _baseIndex.Value + 1));
            LogIndex? last = !IsLost || _lostLast == ulong.MaxValue ? null : new LogIndex(_lostLast);
            damage = new LogDamage(_lost!.Corruption, IsLost ? first : next, last, !_isHardStateLost);
            damagedSegment = _lost.Segment;
        }

        return new RecoveredShard(
            _shard,
            _hardState,
            _hardStateSegment,
            _isHardStateACopy,
            _baseIndex,
            _baseTerm,
            _baseSegment,
            _rebuildingSegment,
            damage is null ? entries : entries.GetRange(0, sound),
            damage,
            damagedSegment);
    }

    // An entry says that all of its index and behind are gone, lost ones too; a reset says so of all.
    private void LostBefore(ulong index)
    {
        if (index <= _lostFirst)
        {
            _lostFirst = ulong.MaxValue;
            _lostLast = 0;
        }
        else
        {
            _lostLast = Math.Min(_lostLast, index - 1);
        }
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
