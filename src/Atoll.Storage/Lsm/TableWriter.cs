using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Writes one sorted file from entries that come in order: data blocks as they fill up; at the end the filters and index partitions that
/// were gathered, the top of the index, the deleted ranges, the properties and the footer.
/// </summary>
internal sealed class TableWriter
{
    private readonly LsmOptions _options;
    private readonly ulong _identity;
    private readonly FileOutput _output;
    private readonly BlockBuilder _data = new(TableFormat.RestartInterval);
    private readonly BlockBuilder _index = new(1);
    private readonly WireWriter _handle = new(32);
    private readonly List<(byte[] LastKey, byte[] Index, byte[] Filter)> _partitions = [];
    private readonly List<ulong> _hashes = [];
    private readonly SortedDictionary<ulong, long> _values = [];
    private byte[] _lastKey = new byte[128];
    private int _lastKeyLength;
    private bool _isKeyHashed;
    private BlockHandle _unindexed;
    private byte[] _firstKey = [];
    private long _entries;
    private long _tombstones;
    private long _superseded;
    private long _contentBytes;
    private ulong _versionMin = ulong.MaxValue;
    private ulong _versionMax;

    /// <summary>Begins a file.</summary>
    public TableWriter(IDisk disk, string folder, ulong number, ulong identity, LsmOptions options, Action? progress = null)
    {
        _options = options;
        _identity = identity;
        Number = number;
        _output = new FileOutput(disk, TableFormat.FileName(folder, number), options.TransferBytes) { Progress = progress };
    }

    /// <summary>The file's number.</summary>
    public ulong Number { get; }

    /// <summary>Takes every block as it is written; null for none.</summary>
    public BlockCache? Cache { get; init; }

    /// <summary>Entries so far.</summary>
    public long Entries => _entries;

    /// <summary>Bytes of the file so far, the block that fills included.</summary>
    public long LengthBytes => _output.LengthBytes + _data.SizeBytes;

    /// <summary>Bytes that the disk does not have yet.</summary>
    public long PendingBytes => _output.PendingBytes;

    /// <summary>True once the disk has refused a write: <see cref="Finish"/> will say so.</summary>
    public bool HasFailed => !_output.Error.IsOk;

    /// <summary>The last key that was added.</summary>
    public ReadOnlySpan<byte> LastKey => _lastKey.AsSpan(0, _lastKeyLength);

    /// <summary>Adds an entry.</summary>
    public void Add(ReadOnlySpan<byte> key, ulong version, EntryKind kind, ulong expiresAt, ReadOnlySpan<byte> value)
    {
        var isNewKey = _entries == 0 || !key.SequenceEqual(LastKey);
        if (_unindexed.Length > 0)
        {
            IndexBlock(isNewKey ? Separator(LastKey, key) : LastKey);
        }

        if (_entries == 0)
        {
            _firstKey = key.ToArray();
        }

        if (isNewKey)
        {
            Check.That(_entries == 0 || LastKey.SequenceCompareTo(key) < 0);
            if (_lastKey.Length < key.Length)
            {
                _lastKey = new byte[Math.Max(key.Length, _lastKey.Length * 2)];
            }

            key.CopyTo(_lastKey);
            _lastKeyLength = key.Length;
        }
        else
        {
            _superseded++;
        }

        // A key whose versions go on in the next partition is in the filters of both.
        if (isNewKey || !_isKeyHashed)
        {
            _hashes.Add(StableHash.Compute(key));
            _isKeyHashed = true;
        }

        _data.Add(key, version, kind, expiresAt, value);
        if (kind == EntryKind.Apart)
        {
            var pointer = ValuePointer.Read(value);
            _values[pointer.File] = _values.GetValueOrDefault(pointer.File) + pointer.StoredBytes;
        }

        _entries++;
        _tombstones += kind == EntryKind.Delete ? 1 : 0;
        _contentBytes += key.Length + value.Length;
        _versionMin = Math.Min(_versionMin, version);
        _versionMax = Math.Max(_versionMax, version);
        if (_data.SizeBytes >= _options.BlockBytes)
        {
            CloseBlock();
        }
    }

    /// <summary>Ends the file and makes it durable.</summary>
    /// <param name="tombstones">The ranges that it deletes.</param>
    /// <param name="done">The end: what the manifest must know of the file, or null and the error; then the file is gone.</param>
    public void Finish(RangeTombstones tombstones, Action<TableMeta?, DiskResult> done)
    {
        Check.That(_entries > 0 || !tombstones.IsEmpty);
        if (_data.Count > 0)
        {
            CloseBlock();
        }

        if (_unindexed.Length > 0)
        {
            IndexBlock(LastKey);
        }

        if (_index.Count > 0)
        {
            ClosePartition(LastKey);
        }

        var top = WriteTop();
        var writer = new WireWriter();
        tombstones.Write(writer);
        var deleted = WriteBlock(writer.Written, BlockType.RangeTombstones);
        var meta = Meta(tombstones, TableFormat.FooterBytes);
        writer.Reset();
        meta.Write(writer);
        var properties = WriteBlock(writer.Written, BlockType.Properties);
        var length = _output.LengthBytes + TableFormat.FooterBytes;
        Span<byte> footer = stackalloc byte[TableFormat.FooterBytes];
        new TableFooter(TableFormat.Version, _identity, Number, length, top, deleted, properties).Write(footer);
        _output.Write(footer);
        _output.Finish(result => done(result.IsOk ? meta with { LengthBytes = length } : null, result));
    }

    /// <summary>Gives up; the file goes.</summary>
    public void Abandon(Action gone) => _output.Abandon(gone);

    private TableMeta Meta(RangeTombstones tombstones, long length)
    {
        byte[] from = _firstKey, to = _entries > 0 ? KeyOrder.Successor(LastKey) : [];
        ulong versionMin = _versionMin, versionMax = _versionMax;
        foreach (var fragment in tombstones.Fragments)
        {
            from = from.Length == 0 || KeyOrder.Instance.Compare(fragment.From, from) < 0 ? fragment.From : from;
            to = KeyOrder.Instance.Compare(fragment.To, to) > 0 ? fragment.To : to;
            versionMin = Math.Min(versionMin, fragment.Versions[^1]);
            versionMax = Math.Max(versionMax, fragment.Versions[0]);
        }

        return new TableMeta
        {
            Number = Number,
            LengthBytes = length,
            From = from,
            To = to,
            Entries = _entries,
            Tombstones = _tombstones,
            Superseded = _superseded,
            ContentBytes = _contentBytes,
            VersionMin = versionMin,
            VersionMax = versionMax,
            RangeTombstones = tombstones,
            Values = [.. _values.Select(static value => new ValueReference(value.Key, value.Value))],
        };
    }

    private void CloseBlock()
    {
        _unindexed = WriteBlock(_data.Finish(), BlockType.Data);
        _data.Reset();
    }

    private void IndexBlock(ReadOnlySpan<byte> separator)
    {
        _handle.Reset();
        WriteHandle(_unindexed);
        _index.Add(separator, 0, EntryKind.Put, 0, _handle.Written);
        _unindexed = default;
        if (_index.SizeBytes >= _options.IndexBytes)
        {
            ClosePartition(separator);
        }
    }

    private void ClosePartition(ReadOnlySpan<byte> lastKey)
    {
        var filter = _options.FilterBitsPerKey == 0
            ? [] : BloomFilter.Build(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_hashes), _options.FilterBitsPerKey);
        _partitions.Add((lastKey.ToArray(), _index.Finish().ToArray(), filter));
        _index.Reset();
        _hashes.Clear();
        _isKeyHashed = false;
    }

    private BlockHandle WriteTop()
    {
        if (_partitions.Count == 0)
        {
            return WriteBlock([], BlockType.Top);
        }

        var top = new BlockBuilder(1);
        foreach (var (lastKey, index, filter) in _partitions)
        {
            _handle.Reset();
            WriteHandle(WriteBlock(index, BlockType.Index));
            if (filter.Length > 0)
            {
                WriteHandle(WriteBlock(filter, BlockType.Filter));
            }

            top.Add(lastKey, 0, EntryKind.Put, 0, _handle.Written);
        }

        return WriteBlock(top.Finish(), BlockType.Top);
    }

    private BlockHandle WriteBlock(ReadOnlySpan<byte> content, BlockType type)
    {
        var handle = new BlockHandle(_output.LengthBytes, content.Length);
        Span<byte> trailer = stackalloc byte[TableFormat.BlockTrailerBytes];
        TableFormat.WriteTrailer(trailer, content, type, handle.Offset, _identity, Number);
        _output.Write(content);
        _output.Write(trailer);
        Cache?.Add(Number, handle, type, content);
        return handle;
    }

    private void WriteHandle(BlockHandle handle)
    {
        _handle.WriteVarint((ulong)handle.Offset);
        _handle.WriteVarint((ulong)handle.Length);
    }

    // The shortest key that is not before the one and is before the other.
    private static ReadOnlySpan<byte> Separator(ReadOnlySpan<byte> last, ReadOnlySpan<byte> next)
    {
        // What both share, and one byte of the next: behind the last key, and before the next when that is longer.
        var length = last.CommonPrefixLength(next) + 1;
        return length < next.Length && length <= last.Length ? next[..length] : last;
    }
}
