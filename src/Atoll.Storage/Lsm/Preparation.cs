using Atoll.Foundation.Checks;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Brings keys into memory: loads what a lookup of them missed, looks them up again, and so on until nothing is missing. What a round has
/// touched stays pinned until the end, so that rounds get fewer and fewer blocks to load however small the cache is.
/// </summary>
internal sealed class Preparation(
    LsmStore store, LsmShard shard, byte[] section, ReadOnlyMemory<byte>[] keys, bool withValues, Action<StoreFault?> ready)
{
    // Up to here a comparison with each is faster than a set.
    private const int FewBlocks = 16;

    private static readonly Probe SeveralRounds = Probe.Define("store: keys prepared in more than three rounds");

    private readonly List<Block> _pinned = [];
    private readonly List<MissingBlock> _missing = [];
    private readonly List<ValuePointer> _pinnedValues = [];
    private readonly List<MissingValue> _missingValues = [];
    private HashSet<MissingBlock>? _missingSet;
    private FileSet? _files;
    private LookupStop _stopped;
    private StoreFault? _fault;
    private int _left;
    private int _rounds;

    /// <summary>Notes what the last lookup missed.</summary>
    public void Miss()
    {
        if (shard.MissesValue)
        {
            _missingValues.Add(store.Values.Missing);
        }
        else
        {
            Miss(store.Lookup.Missing);
        }
    }

    // Several keys may miss the same block.
    private void Miss(MissingBlock block)
    {
        if (_missing.Count >= FewBlocks)
        {
            _missingSet ??= [.. _missing];
            if (!_missingSet.Add(block))
            {
                return;
            }
        }
        else if (_missing.Contains(block))
        {
            return;
        }

        _missing.Add(block);
        _stopped = shard.Stopped();
    }

    /// <summary>Keeps blocks in memory until the end.</summary>
    public void Pin(List<Block> touched)
    {
        foreach (var block in touched)
        {
            block.Pins++;
        }

        _pinned.AddRange(touched);
    }

    /// <summary>Loads everything that was missed, and goes on.</summary>
    public void Load()
    {
        // Merges may replace the files meanwhile: these stay open until they were read.
        _files = store.Files.Hold();
        _left = _missing.Count + _missingValues.Count;
        if (++_rounds == 4)
        {
            SeveralRounds.Hit();
        }

        foreach (var block in _missing)
        {
            if (block.Table.IsOpen)
            {
                store.Cache.Load(block.Table, block.Handle, block.Type, Loaded);
            }
            else
            {
                block.Table.Open(Loaded);
            }
        }

        foreach (var missing in _missingValues)
        {
            store.Values.Load(missing, (_, fault) =>
            {
                // Pinned at once: a large one would not be there any more when the last one has come.
                if (fault is null && store.Values.TryPin(missing.Pointer))
                {
                    _pinnedValues.Add(missing.Pointer);
                }

                Loaded(fault);
            });
        }
    }

    private void Loaded(StoreFault? met)
    {
        _fault ??= met;
        if (--_left > 0)
        {
            return;
        }

        _files!.Release();
        _missing.Clear();
        _missingValues.Clear();
        _missingSet = null;
        if (_fault is null)
        {
            LookUp();
        }

        if (_missing.Count + _missingValues.Count > 0)
        {
            Load();
            return;
        }

        ready(_fault);
        foreach (var block in _pinned)
        {
            block.Pins--;
        }

        foreach (var pointer in _pinnedValues)
        {
            store.Values.Unpin(pointer);
        }
    }

    private void LookUp()
    {
        var (pinned, pinnedValues) = (_pinned.Count, _pinnedValues.Count);
        store.Lookup.Touched = _pinned;
        store.Values.Touched = _pinnedValues;
        if (keys.Length == 1)
        {
            if (shard.Find(section, keys[0].Span, withValues, out _, _stopped) == LookupStatus.Missing)
            {
                Miss();
            }
        }
        else
        {
            foreach (var key in keys)
            {
                if (shard.Find(section, key.Span, withValues, out _) == LookupStatus.Missing)
                {
                    Miss();
                }
            }
        }

        store.Lookup.Touched = null;
        store.Values.Touched = null;
        for (; pinned < _pinned.Count; pinned++)
        {
            _pinned[pinned].Pins++;
        }

        for (; pinnedValues < _pinnedValues.Count; pinnedValues++)
        {
            var isHere = store.Values.TryPin(_pinnedValues[pinnedValues]);
            Check.That(isHere);
        }
    }
}
