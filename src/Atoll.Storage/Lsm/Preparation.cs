using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Brings keys into memory: looks all of them up, loads what was missing, and again, until nothing is. What a round has touched stays
/// pinned until the end, so that rounds get fewer and fewer blocks to load however small the cache is.
/// </summary>
internal sealed class Preparation(LsmStore store, LsmShard shard, ReadOnlyMemory<byte>[] keys, Action<StoreFault?> ready)
{
    private static readonly Probe SeveralRounds = Probe.Define("store: keys prepared in more than three rounds");

    private readonly List<BlockAddress> _touched = [];
    private readonly HashSet<BlockAddress> _pinned = [];
    private int _rounds;

    public void Begin()
    {
        var missing = new List<MissingBlock>();
        var seen = new HashSet<BlockAddress>();
        _touched.Clear();
        store.Lookup.Touched = _touched;
        foreach (var key in keys)
        {
            if (shard.Find(key.Span, out _) == LookupStatus.Missing)
            {
                var block = store.Lookup.Missing;
                if (seen.Add(new BlockAddress(block.Table.Meta.Number, block.Type == BlockType.Top ? -1 : block.Handle.Offset)))
                {
                    missing.Add(block);
                }
            }
        }

        store.Lookup.Touched = null;
        foreach (var address in _touched)
        {
            if (_pinned.Add(address))
            {
                store.Cache.Pin(address);
            }
        }

        if (missing.Count == 0)
        {
            End(null);
        }
        else
        {
            LoadAll(missing);
        }
    }

    private void LoadAll(List<MissingBlock> missing)
    {
        // Merges may replace the files meanwhile: these stay open until they were read.
        var files = store.Files.Hold();
        var left = missing.Count;
        StoreFault? fault = null;
        if (++_rounds == 4)
        {
            SeveralRounds.Hit();
        }

        foreach (var block in missing)
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

        void Loaded(StoreFault? met)
        {
            fault ??= met;
            if (--left > 0)
            {
                return;
            }

            files.Release();
            if (fault is null)
            {
                Begin();
            }
            else
            {
                End(fault);
            }
        }
    }

    private void End(StoreFault? fault)
    {
        ready(fault);
        foreach (var address in _pinned)
        {
            store.Cache.Unpin(address);
        }
    }
}
