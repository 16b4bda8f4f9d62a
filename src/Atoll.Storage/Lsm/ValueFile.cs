using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A file of values that sorted files point into. It is opened at its first use, and goes with the last sorted file that points into it.
/// </summary>
internal sealed class ValueFile
{
    private readonly IDisk _disk;
    private readonly ulong _identity;
    private readonly List<Action<DiskResult>> _waiting = [];
    private readonly SortedSet<ulong> _damagedTrees = [];
    private IDiskFile? _file;
    private bool _isOpening;

    /// <summary>A file that the manifest names.</summary>
    public ValueFile(IDisk disk, string folder, ulong identity, ValueFileMeta meta)
    {
        _disk = disk;
        _identity = identity;
        Meta = meta;
        Name = TableFormat.ValueFileName(folder, meta.Number);
    }

    /// <summary>The file's name.</summary>
    public string Name { get; }

    /// <summary>What the manifest knows of it.</summary>
    public ValueFileMeta Meta { get; }

    /// <summary>Sorted files that point into it, those that only snapshots keep included; at none the file goes.</summary>
    public int References { get; set; }

    /// <summary>What was found wrong with it first; what points into it is copied as it is then, until nothing does.</summary>
    public StoreFault? Damage { get; private set; }

    /// <summary>True when the file is gone or cut: every value in it may be lost.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Trees that have lost a value of this file.</summary>
    public IReadOnlySet<ulong> DamagedTrees => _damagedTrees;

    /// <summary>Called at the first damage.</summary>
    public Action<StoreFault>? Found { get; init; }

    /// <summary>Reads and checks one value.</summary>
    /// <param name="pointer">Where it is.</param>
    /// <param name="key">Its key, with the tree's number in front: what is lost when it cannot be read.</param>
    /// <param name="done">The end: the value, or why not.</param>
    public void Read(ValuePointer pointer, ReadOnlyMemory<byte> key, Action<ReadOnlyMemory<byte>, StoreFault?> done) =>
        Read(pointer, key, 0, (bytes, fault) => done(bytes.AsMemory(0, bytes is null ? 0 : pointer.LengthBytes), fault));

    /// <summary>Reads and checks one value, and with the same read what lies behind it, which is not checked.</summary>
    /// <param name="pointer">Where it is.</param>
    /// <param name="key">Its key, with the tree's number in front.</param>
    /// <param name="stretchBytes">Bytes to read, if the value is not longer and the file not shorter.</param>
    /// <param name="done">The end: the bytes from the value on, or why not.</param>
    public void Read(ValuePointer pointer, ReadOnlyMemory<byte> key, int stretchBytes, Action<byte[]?, StoreFault?> done)
    {
        if (pointer.Offset < 0 || pointer.LengthBytes is < 0 or > TableFormat.BlockBytesCeiling
            || pointer.Offset + pointer.StoredBytes > Meta.LengthBytes)
        {
            done(null, Corrupt(pointer.Offset, "a pointer names a place that cannot be", key));
            return;
        }

        if (_file is not null)
        {
            ReadOpen(pointer, key, stretchBytes, done);
            return;
        }

        Open(result =>
        {
            if (result.IsOk)
            {
                ReadOpen(pointer, key, stretchBytes, done);
            }
            else
            {
                done(null, result.Status == DiskStatus.NotFound
                    ? Lose("the file is missing", key, KeyOrder.Successor(key.Span)) : Failed(0, result, key));
            }
        });
    }

    /// <summary>Says that the file is gone or cut.</summary>
    /// <param name="why">What was found.</param>
    /// <param name="from">The first key that may be lost.</param>
    /// <param name="to">The first key behind those.</param>
    public StoreFault Lose(string why, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> to)
    {
        IsLost = true;
        return Report(new StoreFault(new StorageCorruption(Name, 0, why), from, to, DiskStatus.Ok));
    }

    /// <summary>Lets go of the file.</summary>
    public void Close()
    {
        _file?.Close();
        _file = null;
    }

    private void ReadOpen(ValuePointer pointer, ReadOnlyMemory<byte> key, int stretchBytes, Action<byte[]?, StoreFault?> done)
    {
        var length = (int)Math.Max(pointer.StoredBytes, Math.Min(stretchBytes, Meta.LengthBytes - pointer.Offset));
        BlockSource.ReadChecked(
            _file!, pointer.Offset, length, bytes => WhyNot(bytes.AsSpan(0, (int)pointer.StoredBytes), pointer),
            (bytes, result, why) => done(
                bytes,
                bytes is not null ? null
                    : result.IsOk ? Corrupt(pointer.Offset, why!, key) : Failed(pointer.Offset, result, key)));
    }

    /// <summary>Null when the bytes are the value that was written there and its trailer, else what is wrong with them.</summary>
    public string? WhyNot(ReadOnlySpan<byte> bytes, ValuePointer pointer) =>
        !TableFormat.IsWhole(bytes, BlockType.Value, pointer.Offset, _identity, Meta.Number) ? "the checksum of a value does not fit"
        : BinaryPrimitives.ReadUInt32LittleEndian(bytes[(pointer.LengthBytes + 4)..]) != pointer.Checksum
            ? "another value is there than the pointer means"
        : null;

    private void Open(Action<DiskResult> done)
    {
        _waiting.Add(done);
        if (_isOpening)
        {
            return;
        }

        _isOpening = true;
        _disk.Open(Name, (result, file) =>
        {
            _isOpening = false;
            _file = result.IsOk ? file : null;
            var waiting = _waiting.ToArray();
            _waiting.Clear();
            foreach (var next in waiting)
            {
                next(result);
            }
        });
    }

    private StoreFault Corrupt(long offset, string why, ReadOnlyMemory<byte> key)
    {
        _damagedTrees.Add(TreeKey.TreeOf(key.Span));
        return Report(new StoreFault(new StorageCorruption(Name, offset, why), key, KeyOrder.Successor(key.Span), DiskStatus.Ok));
    }

    private StoreFault Failed(long offset, DiskResult result, ReadOnlyMemory<byte> key) =>
        new(new StorageCorruption(Name, offset, result.Detail ?? "the disk failed"), key, KeyOrder.Successor(key.Span), result.Status);

    private StoreFault Report(StoreFault fault)
    {
        if (Damage is null)
        {
            Damage = fault;
            Found?.Invoke(fault);
        }

        return fault;
    }
}
