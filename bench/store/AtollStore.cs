using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StoreBench;

/// <summary>Atoll's store, one shard of it, on one thread that does everything: merges, checksums and system calls.</summary>
internal sealed class AtollStore : IBenchStore
{
    private readonly string _root;
    private readonly LsmOptions _options;
    private FileDisk _disk = null!;
    private LsmStore _store = null!;
    private LsmShard _shard = null!;
    private ulong _version;
    private long _bytesSeen;

    public AtollStore(string root, long cacheBytes)
    {
        _root = root;
        _options = new LsmOptions { CacheBytes = cacheBytes, Identity = 1 };
        Reopen();
    }

    public string Name => "atoll";

    public void Put(ReadOnlySpan<byte> key, byte[] value)
    {
        _shard.Write(key, new StoredRecord(new HybridTime(++_version), HybridTime.Zero, value));
        _shard.Applied = _shard.Applied.Next;
        if (_version % 64 == 0)
        {
            do
            {
                _store.Maintain(64 * 1024);
                _disk.Pump();
            }
            while (_store.Pressure == WritePressure.Stop);
        }
    }

    public bool Get(byte[] key)
    {
        ReadOnlyMemory<byte> memory = key;
        var found = false;
        if (_shard.Prepare(new ReadOnlySpan<ReadOnlyMemory<byte>>(in memory), _ => found = _shard.TryGet(memory, out var _)))
        {
            return _shard.TryGet(memory, out _);
        }

        _disk.Pump();
        return found;
    }

    public long Scan(byte[] from, int rows)
    {
        using var cursor = _shard.OpenCursor();
        var more = cursor.SeekAtOrAfter(from);
        long scanned = 0;
        for (; scanned < rows; scanned++)
        {
            if (!more && cursor.IsWaiting)
            {
                cursor.Load(static () => { });
                _disk.Pump();
                more = cursor.IsValid;
            }

            if (!more)
            {
                break;
            }

            _bytesSeen += cursor.KeySpan.Length + cursor.ValueSpan.Length;
            more = cursor.Next();
        }

        return scanned;
    }

    public void Flush()
    {
        _store.Flush();
        while (_store.Statistics.MemtableBytes > 0 || !_disk.IsQuiet)
        {
            _store.Maintain(1 << 20);
            _disk.Pump();
        }
    }

    public void Settle()
    {
        _store.Flush();
        while (_store.HasWork || !_disk.IsQuiet)
        {
            _store.Maintain(1 << 20);
            _disk.Pump();
        }
    }

    public void Reopen()
    {
        _disk = new FileDisk(_root);
        LsmStore.Open(_disk, "s", _options, o => _store = o.Store!);
        _disk.Pump();
        _shard = _store.Shard(new ShardId(1));
    }

    public string Notes()
    {
        var s = _store.Statistics;
        var collections = $"{GC.CollectionCount(0)}/{GC.CollectionCount(1)}/{GC.CollectionCount(2)}";
        return $"levels {string.Join('/', s.LevelFiles)}, {s.BlocksLoaded:N0} blocks loaded, collections {collections}"
            + $" in {GC.GetTotalPauseDuration().TotalMilliseconds:F0} ms";
    }

    public void Dispose()
    {
        // Its files go with the folder.
    }
}
