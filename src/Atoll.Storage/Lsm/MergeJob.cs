using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>What becomes of a tree's versions in a merge.</summary>
/// <param name="IsAlive">False when the tree is dropped: nothing of it is kept.</param>
/// <param name="Horizon">Of the versions up to this one only the newest is kept.</param>
internal readonly record struct TreeFate(bool IsAlive, ulong Horizon);

/// <summary>
/// A flush or a merge: entries of several sources go into new files, without those that nobody can read any more. It is done in slices
/// of so many bytes, whenever the store is given time, and goes on where the disk made it wait.
/// </summary>
internal sealed class MergeJob
{
    private static readonly Probe CollectedProbe = Probe.Define("store: a merge writes a value anew, to empty its file");
    private static readonly Probe DamagedProbe = Probe.Define("store: a merge meets a damaged value");

    private readonly EntryCursor _input;
    private readonly MergeOutput _output;
    private readonly Func<ulong, TreeFate> _fates;
    private readonly BottomCheck _bottom;
    private readonly RangeTombstones _inputTombstones;
    private readonly RangeTombstones _outputTombstones;
    private readonly long _pendingWriteBytesMax;
    private readonly SortedDictionary<ulong, TreeFate> _fatesSeen = [];
    private byte[] _key = new byte[128];
    private int _keyLength;
    private ulong _lastVersion;
    private ulong _tree;
    private TreeFate _fate;
    private bool _isShadowed;

    // Whether an entry of the current key has gone to the output: its older versions must go to the same file.
    private bool _wroteKey;
    private bool _isLoading;
    private bool _isEnding;

    /// <summary>A job over entries and deleted ranges.</summary>
    /// <param name="input">The entries.</param>
    /// <param name="tombstones">The deleted ranges of the same sources.</param>
    /// <param name="output">Where they go.</param>
    /// <param name="bottom">Where nothing lies below the output.</param>
    /// <param name="fates">What becomes of each tree; asked once for each.</param>
    /// <param name="pendingWriteBytesMax">Bytes that may wait for the disk.</param>
    public MergeJob(
        EntryCursor input, RangeTombstones tombstones, MergeOutput output, BottomCheck bottom, Func<ulong, TreeFate> fates,
        long pendingWriteBytesMax)
    {
        _input = input;
        _output = output;
        _fates = fates;
        _bottom = bottom;
        _pendingWriteBytesMax = pendingWriteBytesMax;
        _inputTombstones = tombstones;
        _outputTombstones = tombstones.Select(KeptVersions);
        _input.SeekAtOrAfter([], ulong.MaxValue);
    }

    /// <summary>The trees that were met, and what became of them.</summary>
    public IEnumerable<KeyValuePair<ulong, TreeFate>> Fates => _fatesSeen;

    /// <summary>Bytes of entries read so far, those of values that were read to be written anew included.</summary>
    public long InputBytes { get; private set; }

    /// <summary>Knows the value files that are to be emptied: what is kept of their values is written anew.</summary>
    public ValueCollector Collector { get; init; } = ValueCollector.Nothing;

    /// <summary>Called once: when all files are durable; with the fault that stopped it; or with the disk's refusal.</summary>
    public required Action<StoreFault?, DiskResult> Done { get; init; }

    /// <summary>Works for so many bytes of input, or until the disk makes it wait.</summary>
    public void Step(ref long budgetBytes)
    {
        while (budgetBytes > 0 && !_isLoading && !_isEnding)
        {
            if (_output.HasFailed)
            {
                End(null);
            }
            else if (_output.PendingBytes > _pendingWriteBytesMax)
            {
                return;
            }
            else
            {
                Advance(ref budgetBytes);
            }
        }
    }

    private void Advance(ref long budgetBytes)
    {
        switch (_input.State)
        {
            case CursorState.On:
                var before = InputBytes;
                InputBytes += _input.Key.Length + _input.ValueSpan.Length + 16;
                if (Take())
                {
                    _input.Next();
                }

                budgetBytes -= InputBytes - before;
                break;
            case CursorState.Waiting:
                _isLoading = true;
                _input.Load(() =>
                {
                    _isLoading = false;
                    _input.Resume();
                });
                break;
            case CursorState.Failed:
                End(_input.Fault);
                break;
            default:
                _isEnding = true;
                _output.Finish(_outputTombstones, result => Done(null, result));
                break;
        }
    }

    private void End(StoreFault? fault)
    {
        _isEnding = true;
        if (fault is null)
        {
            _output.Finish(RangeTombstones.None, result => Done(null, result));
        }
        else
        {
            _output.Abandon(() => Done(fault, DiskResult.Success));
        }
    }

    /// <summary>Keeps or drops the entry that the input stands on; false when the input has been moved already.</summary>
    private bool Take()
    {
        var key = _input.Key;
        var version = _input.Version;
        var tree = TreeKey.TreeOf(key);
        if (tree != _tree)
        {
            _tree = tree;
            _fate = FateOf(tree);
            _keyLength = 0;
        }

        if (!_fate.IsAlive)
        {
            _input.SeekAtOrAfter(TreeKey.Prefix(tree + 1), ulong.MaxValue);
            return false;
        }

        var isNewKey = !key.SequenceEqual(_key.AsSpan(0, _keyLength));
        if (isNewKey)
        {
            Remember(key);
            _isShadowed = false;
        }
        else if (_isShadowed || version == _lastVersion)
        {
            // Behind a version that everyone who may still ask sees, or the same entry again.
            return true;
        }

        _lastVersion = version;
        if (!_inputTombstones.IsEmpty && _inputTombstones.Covering(key, _fate.Horizon) > version)
        {
            _isShadowed = true;
            return true;
        }

        _isShadowed = version <= _fate.Horizon;
        if (_isShadowed && _input.Kind == EntryKind.Delete && _bottom.HasNothingBelow(key))
        {
            return true;
        }

        if (_input.Kind != EntryKind.Apart || !Collector.Collects(_input.ValueSpan, out var pointer))
        {
            Keep(_input.Kind, _input.ValueSpan);
            return true;
        }

        if (Collector.TryGet(pointer, out var value))
        {
            KeepCollected(value);
            return true;
        }

        LoadAndKeep(pointer);
        return false;
    }

    private void KeepCollected(ReadOnlySpan<byte> value)
    {
        CollectedProbe.Hit();
        InputBytes += value.Length;
        Keep(EntryKind.Put, value);
    }

    private void Keep(EntryKind kind, ReadOnlySpan<byte> value)
    {
        _output.Add(_input.Key, !_wroteKey, _input.Version, kind, _input.ExpiresAt, value, _outputTombstones);
        _wroteKey = true;
    }

    // A value that is damaged stays where it is: what points to it goes on doing so, and the file is left alone from now on.
    private void LoadAndKeep(ValuePointer pointer)
    {
        _isLoading = true;
        Collector.Load(pointer, _input.Key.ToArray(), fault =>
        {
            _isLoading = false;
            if (fault is { IsCorruption: false })
            {
                End(fault);
                return;
            }

            if (fault is null)
            {
                var isHere = Collector.TryGet(pointer, out var value);
                Check.That(isHere);
                KeepCollected(value);
            }
            else
            {
                DamagedProbe.Hit();
                Keep(EntryKind.Apart, _input.ValueSpan);
            }

            _input.Next();
        });
    }

    private void Remember(ReadOnlySpan<byte> key)
    {
        if (_key.Length < key.Length)
        {
            _key = new byte[Math.Max(key.Length, _key.Length * 2)];
        }

        key.CopyTo(_key);
        _keyLength = key.Length;
        _wroteKey = false;
    }

    private TreeFate FateOf(ulong tree)
    {
        if (!_fatesSeen.TryGetValue(tree, out var fate))
        {
            _fatesSeen[tree] = fate = _fates(tree);
        }

        return fate;
    }

    /// <summary>Of a deleted range: what is newer than the horizon, and the newest that is not, unless nothing lies below.</summary>
    private ulong[] KeptVersions(RangeTombstone fragment)
    {
        var fate = FateOf(TreeKey.TreeOf(fragment.From));
        if (!fate.IsAlive)
        {
            return [];
        }

        var newer = fragment.Versions.Count(version => version > fate.Horizon);
        var keepsOne = newer < fragment.Versions.Length && !_bottom.HasNothingBelow(fragment.From, fragment.To);
        return fragment.Versions[..(newer + (keepsOne ? 1 : 0))];
    }
}
