using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Inspection;

/// <summary>
/// Reads all of one sorted file: every block against its checksum, entries in order within and across blocks and behind what the index
/// says of them, every key in its filter, every value that is
/// kept apart, and all of it together against what the manifest knows of the file.
/// </summary>
internal sealed class SortedFileCheck
{
    private readonly Table _table;
    private readonly Action<StoreFault> _report;
    private readonly Action _done;
    private readonly Queue<(byte[] Separator, BlockHandle Index, BlockHandle Filter)> _partitions = new();
    private readonly Queue<(byte[] Separator, BlockHandle Handle)> _blocks = new();
    private readonly Queue<(ValuePointer Pointer, byte[] Key)> _values = new();
    private Block? _filter;
    private byte[] _lastKey = [];
    private ulong _lastVersion;
    private bool _hasLast;
    private bool _isLastLost;
    private long _tombstones;
    private long _contentBytes;
    private bool _isIncomplete;

    private SortedFileCheck(Table table, Action<StoreFault> report, Action done)
    {
        _table = table;
        _report = report;
        _done = done;
    }

    /// <summary>Blocks that were read.</summary>
    public long Blocks { get; private set; }

    /// <summary>Entries that were looked at.</summary>
    public long Entries { get; private set; }

    /// <summary>Values that are kept apart, and were read.</summary>
    public long Values { get; private set; }

    /// <summary>Checks a file.</summary>
    /// <param name="disk">The loop's files.</param>
    /// <param name="table">The file as the manifest means it.</param>
    /// <param name="report">Called with each fault.</param>
    /// <param name="done">The end.</param>
    public static SortedFileCheck Run(IDisk disk, Table table, Action<StoreFault> report, Action done)
    {
        var folder = table.Name[..table.Name.LastIndexOf('/')];
        var own = new Table(disk, folder, table.Identity, table.Meta, table.Level) { ValueFiles = table.ValueFiles };
        var check = new SortedFileCheck(own, report, done);
        check.Start();
        return check;
    }

    private void Start() => _table.Open(fault =>
    {
        if (fault is not null)
        {
            _report(fault);
            _done();
            return;
        }

        ReadBlock(_table.Footer.RangeTombstones, BlockType.RangeTombstones, () =>
            ReadBlock(_table.Footer.Properties, BlockType.Properties, TakePartitions));
    });

    private void TakePartitions()
    {
        if (_table.Meta.Entries > 0)
        {
            var cursor = new BlockCursor();
            cursor.Enter(_table.Top);
            for (var more = cursor.SeekFirst(); more; more = cursor.Next())
            {
                Block.ReadHandles(cursor.ValueSpan, out var index, out var filter);
                _partitions.Enqueue((cursor.Key.ToArray(), index, filter));
            }
        }

        NextPartition();
    }

    private void ReadBlock(BlockHandle handle, BlockType type, Action next) => ReadBlock(handle, type, null, _ => next());

    private void ReadBlock(BlockHandle handle, BlockType type, byte[]? separator, Action<Block?> next)
    {
        Blocks++;
        _table.ReadBlock(handle, type, (block, fault) =>
        {
            if (fault is not null)
            {
                // The keys of the block lie behind those before it, and not behind its separator.
                _isIncomplete = true;
                _report(separator is null ? fault : fault with
                {
                    From = _hasLast ? _lastKey.AsMemory() : fault.From,
                    To = KeyOrder.Successor(separator),
                });
                if (separator is not null)
                {
                    Remember(separator, 0, isLost: true);
                }
            }

            next(block);
        });
    }

    private void NextPartition()
    {
        if (!_partitions.TryDequeue(out var partition))
        {
            Finish();
            return;
        }

        if (partition.Filter.Length == 0)
        {
            _filter = null;
            ReadIndex(partition.Separator, partition.Index);
            return;
        }

        ReadBlock(partition.Filter, BlockType.Filter, null, filter =>
        {
            _filter = filter;
            ReadIndex(partition.Separator, partition.Index);
        });
    }

    private void ReadIndex(byte[] separator, BlockHandle handle) => ReadBlock(handle, BlockType.Index, separator, index =>
    {
        if (index is not null)
        {
            var cursor = new BlockCursor();
            cursor.Enter(index);
            for (var more = cursor.SeekFirst(); more; more = cursor.Next())
            {
                Block.ReadHandles(cursor.ValueSpan, out var data, out BlockHandle _);
                _blocks.Enqueue((cursor.Key.ToArray(), data));
            }
        }

        NextBlock();
    });

    private void NextBlock()
    {
        if (!_blocks.TryDequeue(out var next))
        {
            NextPartition();
            return;
        }

        ReadBlock(next.Handle, BlockType.Data, next.Separator, block =>
        {
            if (block is not null)
            {
                Look(block, next.Handle, next.Separator);
            }

            NextValue();
        });
    }

    private void Look(Block block, BlockHandle handle, byte[] separator)
    {
        var cursor = new BlockCursor();
        cursor.Enter(block);
        string? why = null;
        for (var more = cursor.SeekFirst(); more && why is null; more = cursor.Next())
        {
            why = WhyNot(cursor);
            Entries++;
            if (cursor.Kind == EntryKind.Apart)
            {
                _values.Enqueue((ValuePointer.Read(cursor.ValueSpan), cursor.Key.ToArray()));
            }

            _tombstones += cursor.Kind == EntryKind.Delete ? 1 : 0;
            _contentBytes += cursor.Key.Length + cursor.ValueSpan.Length;
            Remember(cursor.Key, cursor.Version);
        }

        if (why is null && _lastKey.AsSpan().SequenceCompareTo(separator) > 0)
        {
            why = "the block's last key is behind what the index says of it";
        }

        if (why is not null)
        {
            _isIncomplete = true;
            Report(handle.Offset, why);
        }
    }

    private void NextValue()
    {
        if (!_values.TryDequeue(out var next))
        {
            NextBlock();
            return;
        }

        var (pointer, key) = next;
        var file = _table.ValueFiles.FirstOrDefault(file => file.Meta.Number == pointer.File);
        if (file is null)
        {
            Report(0, $"an entry points into value file {pointer.File:x}, which the file is not known to need", key);
            NextValue();
        }
        else if (file.IsLost)
        {
            NextValue(); // the opening has said so, of all keys at once
        }
        else
        {
            Values++;
            file.Read(pointer, key, (_, fault) =>
            {
                if (fault is not null)
                {
                    _report(fault);
                }

                NextValue();
            });
        }
    }

    private string? WhyNot(BlockCursor cursor)
    {
        var meta = _table.Meta;
        var key = cursor.Key;
        return _hasLast && !IsBehindLast(cursor) ? "entries are not in order"
            : !meta.Covers(key) ? "a key lies outside of the file's range"
            : cursor.Version < meta.VersionMin || cursor.Version > meta.VersionMax ? "a version lies outside of the file's range"
            : _filter is not null && !BloomFilter.MayHold(_filter.Span, StableHash.Compute(key)) ? "the filter does not know a key"
            : null;
    }

    // Behind a block that is lost only the separator is known, and the next block may go on with a key that is equal to it.
    private bool IsBehindLast(BlockCursor cursor) => _isLastLost
        ? _lastKey.AsSpan().SequenceCompareTo(cursor.Key) <= 0
        : EntryOrder.Compare(_lastKey, _lastVersion, cursor.Key, cursor.Version) < 0;

    private void Remember(ReadOnlySpan<byte> key, ulong version, bool isLost = false)
    {
        _isLastLost = isLost;
        if (!key.SequenceEqual(_lastKey))
        {
            _lastKey = key.ToArray();
        }

        _lastVersion = version;
        _hasLast = true;
    }

    private void Finish()
    {
        var meta = _table.Meta;
        if (!_isIncomplete && (Entries != meta.Entries || _tombstones != meta.Tombstones || _contentBytes != meta.ContentBytes))
        {
            Report(0, $"the file has {Entries} entries, {_tombstones} of them tombstones, and {_contentBytes} bytes of content; "
                + $"the manifest says {meta.Entries}, {meta.Tombstones} and {meta.ContentBytes}");
        }

        _table.Close();
        _done();
    }

    private void Report(long offset, string why) => _report(
        new StoreFault(new StorageCorruption(_table.Name, offset, why), _table.Meta.From, _table.Meta.To, DiskStatus.Ok));

    private void Report(long offset, string why, byte[] key) =>
        _report(new StoreFault(new StorageCorruption(_table.Name, offset, why), key, KeyOrder.Successor(key), DiskStatus.Ok));
}
