using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// The files that a flush, a merge or a load writes: entries go into one sorted file until it is long enough, then, at the next key, into
/// another; deleted ranges are cut where the files are. Large values go into value files, and pointers to them into the sorted files.
/// </summary>
internal sealed class MergeOutput(IDisk disk, string folder, ulong identity, LsmOptions options, Func<ulong> nextNumber, long fileBytes)
{
    private readonly List<TableMeta> _finished = [];
    private readonly List<TableWriter> _writers = [];
    private readonly List<ValueFileMeta> _finishedValues = [];
    private readonly List<ValueWriter> _valueWriters = [];
    private TableWriter? _writer;
    private ValueWriter? _valueWriter;
    private ulong _valuesTree;
    private byte[] _start = [];
    private int _unfinished;
    private Action<DiskResult>? _done;

    /// <summary>The files, in the order of their keys, once <see cref="Finish"/> has ended well.</summary>
    public IReadOnlyList<TableMeta> Files => _finished;

    /// <summary>The value files, once <see cref="Finish"/> has ended well.</summary>
    public IReadOnlyList<ValueFileMeta> ValueFiles => _finishedValues;

    /// <summary>Bytes of all files, once <see cref="Finish"/> has ended well.</summary>
    public long LengthBytes => _finished.Sum(static meta => meta.LengthBytes) + ValueBytes;

    /// <summary>Bytes of the value files, once <see cref="Finish"/> has ended well.</summary>
    public long ValueBytes => _finishedValues.Sum(static meta => meta.LengthBytes);

    /// <summary>Bytes that the disk does not have yet.</summary>
    public long PendingBytes
    {
        get
        {
            // Asked before every entry: without a delegate and an enumerator each time.
            var bytes = 0L;
            foreach (var writer in _writers)
            {
                bytes += writer.PendingBytes;
            }

            foreach (var writer in _valueWriters)
            {
                bytes += writer.PendingBytes;
            }

            return bytes;
        }
    }

    /// <summary>Called when the disk has taken something, or failed.</summary>
    public Action? Progress { get; set; }

    /// <summary>Takes every block of the sorted files as it is written; null for none.</summary>
    public BlockCache? Cache { get; init; }

    /// <summary>What went wrong; Ok as long as nothing did.</summary>
    public DiskResult Error { get; private set; } = DiskResult.Success;

    /// <summary>True once a write was refused: nothing more comes of it.</summary>
    public bool HasFailed => !Error.IsOk || _writers.Exists(static writer => writer.HasFailed)
        || _valueWriters.Exists(static writer => writer.HasFailed);

    /// <summary>Adds an entry.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="isNewKey">Whether it is another key than the last one: only there a file may end.</param>
    /// <param name="version">Its version.</param>
    /// <param name="kind">What it says.</param>
    /// <param name="expiresAt">When it expires, or 0.</param>
    /// <param name="value">Its value, or the pointer to it.</param>
    /// <param name="tombstones">The deleted ranges of the whole output.</param>
    public void Add(
        ReadOnlySpan<byte> key, bool isNewKey, ulong version, EntryKind kind, ulong expiresAt, ReadOnlySpan<byte> value,
        RangeTombstones tombstones)
    {
        if (isNewKey && _writer is not null && (_writer.LengthBytes >= fileBytes || IsBetweenTrees(key)))
        {
            Close(tombstones.Clip(_start, key));
            _start = key.ToArray();
        }

        _writer ??= Begin();
        if (kind == EntryKind.Put && options.ApartBytes > 0 && value.Length >= options.ApartBytes)
        {
            Span<byte> pointer = stackalloc byte[ValuePointer.Bytes];
            PutApart(TreeKey.TreeOf(key), value).Write(pointer);
            _writer.Add(key, version, EntryKind.Apart, expiresAt, pointer);
        }
        else
        {
            _writer.Add(key, version, kind, expiresAt, value);
        }
    }

    /// <summary>Ends the last file and waits for all to be durable; after an error all files are deleted first.</summary>
    public void Finish(RangeTombstones tombstones, Action<DiskResult> done)
    {
        var rest = tombstones.Clip(_start, []);
        if (_writer is null && !rest.IsEmpty)
        {
            _writer = Begin();
        }

        if (_writer is not null)
        {
            Close(rest);
        }

        CloseValues();
        _done = done;
        EndWhenAllHave();
    }

    /// <summary>Gives up and deletes everything; the end comes when it is gone.</summary>
    public void Abandon(Action gone)
    {
        Check.That(_done is null);
        if (Error.IsOk)
        {
            Error = new DiskResult(DiskStatus.Failed, 0, "given up");
        }

        if (_writer is not null)
        {
            _unfinished++;
            _writer.Abandon(() => Ended());
            _writer = null;
        }

        if (_valueWriter is not null)
        {
            _unfinished++;
            _valueWriter.Abandon(() => Ended());
            _valueWriter = null;
        }

        _done = _ => gone();
        EndWhenAllHave();
    }

    // So that the files of a large tree hold nothing else, and go with it.
    private bool IsBetweenTrees(ReadOnlySpan<byte> key) =>
        _writer!.LengthBytes >= fileBytes / 4
        && !key[..TableFormat.TreePrefixBytes].SequenceEqual(_writer.LastKey[..TableFormat.TreePrefixBytes]);

    private TableWriter Begin()
    {
        var writer = new TableWriter(disk, folder, nextNumber(), identity, options, () => Progress?.Invoke()) { Cache = Cache };
        _writers.Add(writer);
        return writer;
    }

    private ValuePointer PutApart(ulong tree, ReadOnlySpan<byte> value)
    {
        var length = _valueWriter?.LengthBytes ?? 0;
        if (length >= options.ValueFileBytes || (length >= options.ValueFileBytes / 4 && tree != _valuesTree))
        {
            CloseValues();
        }

        if (_valueWriter is null)
        {
            _valueWriter = new ValueWriter(
                disk, folder, nextNumber(), identity, options.TransferBytes, () => Progress?.Invoke());
            _valueWriters.Add(_valueWriter);
        }

        _valuesTree = tree;
        return _valueWriter.Add(value);
    }

    private void CloseValues()
    {
        if (_valueWriter is not { } writer)
        {
            return;
        }

        _valueWriter = null;
        _unfinished++;
        writer.Finish((meta, result) =>
        {
            _valueWriters.Remove(writer);
            if (meta is { } finished)
            {
                _finishedValues.Add(finished);
            }
            else if (Error.IsOk)
            {
                Error = result;
            }

            Ended();
            Progress?.Invoke();
        });
    }

    private void Close(RangeTombstones tombstones)
    {
        var writer = _writer!;
        _writer = null;
        _unfinished++;
        writer.Finish(tombstones, (meta, result) =>
        {
            _writers.Remove(writer);
            if (meta is not null)
            {
                _finished.Add(meta);
            }
            else if (Error.IsOk)
            {
                Error = result;
            }

            Ended();
            Progress?.Invoke();
        });
    }

    private void Ended()
    {
        _unfinished--;
        EndWhenAllHave();
    }

    private void EndWhenAllHave()
    {
        if (_done is null || _unfinished > 0)
        {
            return;
        }

        var done = _done;
        if (Error.IsOk)
        {
            _finished.Sort(static (a, b) => a.From.AsSpan().SequenceCompareTo(b.From));
            _finishedValues.Sort(static (a, b) => a.Number.CompareTo(b.Number));
            done(Error);
            return;
        }

        // What was finished before the error goes too; what cannot be deleted is an orphan that the next opening deletes.
        var names = _finished.Select(meta => TableFormat.FileName(folder, meta.Number))
            .Concat(_finishedValues.Select(meta => TableFormat.ValueFileName(folder, meta.Number))).ToList();
        var left = names.Count;
        if (left == 0)
        {
            done(Error);
        }

        foreach (var name in names)
        {
            disk.Delete(name, _ =>
            {
                if (--left == 0)
                {
                    done(Error);
                }
            });
        }
    }
}
