using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>A sorted file of the store. It is opened at its first use, and stays open until nothing needs it.</summary>
internal sealed class Table
{
    private readonly IDisk _disk;
    private readonly List<Action<StoreFault?>> _waiting = [];
    private IDiskFile? _file;
    private Block? _top;
    private bool _isOpening;

    /// <summary>A file that the manifest names.</summary>
    public Table(IDisk disk, string folder, ulong identity, TableMeta meta, int level)
    {
        _disk = disk;
        Identity = identity;
        Meta = meta;
        Level = level;
        Name = TableFormat.FileName(folder, meta.Number);
    }

    /// <summary>The file's name.</summary>
    public string Name { get; }

    /// <summary>The store's identity.</summary>
    public ulong Identity { get; }

    /// <summary>What the manifest knows of it.</summary>
    public TableMeta Meta { get; }

    /// <summary>The value files that it points into, as <see cref="TableMeta.Values"/> has them.</summary>
    public ValueFile[] ValueFiles { get; init; } = [];

    /// <summary>The level that it is in; changes when it is moved whole.</summary>
    public int Level { get; set; }

    /// <summary>File sets that it is in; at none the file goes.</summary>
    public int References { get; set; }

    /// <summary>What was found wrong with it first; merges leave it alone then.</summary>
    public StoreFault? Damage { get; private set; }

    /// <summary>Called at the first damage.</summary>
    public Action<StoreFault>? Found { get; init; }

    /// <summary>True once its footer and top are known.</summary>
    public bool IsOpen => _file is not null && (_top is not null || Meta.Entries == 0);

    /// <summary>Where the file's parts are; of an open file.</summary>
    public TableFooter Footer { get; private set; }

    /// <summary>The top of the index; only of an open file that has entries.</summary>
    public Block Top => _top!;

    /// <summary>The open file.</summary>
    public IDiskFile File => _file!;

    /// <summary>Opens the file and checks that it is the one that the manifest means.</summary>
    public void Open(Action<StoreFault?> done)
    {
        Check.That(!IsOpen);
        _waiting.Add(done);
        if (_isOpening)
        {
            return;
        }

        _isOpening = true;
        _disk.Open(Name, (result, file) =>
        {
            if (!result.IsOk)
            {
                Opened(result.Status == DiskStatus.NotFound ? Corrupt(0, "the file is missing") : Failed(0, result));
                return;
            }

            _file = file;
            ReadFooter(fault =>
            {
                if (fault is null)
                {
                    ReadTop();
                }
                else
                {
                    Opened(fault);
                }
            });
        });
    }

    /// <summary>Lets go of the file.</summary>
    public void Close()
    {
        _file?.Close();
        _file = null;
        _top = null;
    }

    /// <summary>A fault of this file: damage.</summary>
    public StoreFault Corrupt(long offset, string why)
    {
        var fault = new StoreFault(new StorageCorruption(Name, offset, why), Meta.From, Meta.To, DiskStatus.Ok);
        if (Damage is null)
        {
            Damage = fault;
            Found?.Invoke(fault);
        }

        return fault;
    }

    /// <summary>A fault of this file: the disk does not give it.</summary>
    public StoreFault Failed(long offset, DiskResult result) =>
        new(new StorageCorruption(Name, offset, result.Detail ?? "the disk failed"), Meta.From, Meta.To, result.Status);

    /// <summary>Reads and checks the footer.</summary>
    public void ReadFooter(Action<StoreFault?> done)
    {
        var offset = Meta.LengthBytes - TableFormat.FooterBytes;
        TableFooter footer = default;
        BlockSource.ReadChecked(File, offset, TableFormat.FooterBytes, CheckFooter, (bytes, result, why) =>
        {
            if (bytes is not null)
            {
                Footer = footer;
            }

            done(bytes is not null ? null : result.IsOk ? Corrupt(offset, why!) : Failed(offset, result));
        });

        string? CheckFooter(byte[] bytes) =>
            !TableFooter.TryRead(bytes, out footer, out var why) ? why
            : footer.Identity != Identity || footer.Number != Meta.Number || footer.LengthBytes != Meta.LengthBytes
                ? "the footer is that of another file"
                : null;
    }

    private void ReadTop()
    {
        var handle = Footer.Top;
        BlockSource.ReadChecked(File, handle.Offset, handle.Length + TableFormat.BlockTrailerBytes, CheckTop, (bytes, result, why) =>
        {
            if (bytes is null)
            {
                Opened(result.IsOk ? Corrupt(handle.Offset, why!) : Failed(handle.Offset, result));
                return;
            }

            _top = Meta.Entries == 0 ? null : new Block(bytes, 0, handle.Length, BlockType.Top);
            Opened(null);
        });

        string? CheckTop(byte[] bytes) =>
            TableFormat.IsWhole(bytes, BlockType.Top, handle.Offset, Identity, Meta.Number)
                && (Meta.Entries == 0 || Block.HasForm(bytes.AsSpan(0, handle.Length)))
                ? null : "the checksum of the top of the index does not fit";
    }

    private void Opened(StoreFault? fault)
    {
        _isOpening = false;
        if (fault is not null)
        {
            Close();
        }

        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var done in waiting)
        {
            done(fault);
        }
    }

    /// <summary>Reads and checks one block.</summary>
    public void ReadBlock(BlockHandle handle, BlockType type, Action<Block?, StoreFault?> done)
    {
        if (!IsPlace(handle))
        {
            done(null, Corrupt(handle.Offset, "the index names a place that cannot be"));
            return;
        }

        BlockSource.ReadChecked(
            File, handle.Offset, handle.Length + TableFormat.BlockTrailerBytes,
            bytes => WhyNot(bytes, handle, type),
            (bytes, result, why) =>
            {
                if (bytes is not null)
                {
                    done(new Block(bytes, 0, handle.Length, type), null);
                }
                else
                {
                    done(null, result.IsOk ? Corrupt(handle.Offset, why!) : Failed(handle.Offset, result));
                }
            });
    }

    /// <summary>Null when the bytes are the block that was written there, else what is wrong with them.</summary>
    public string? WhyNot(ReadOnlySpan<byte> bytes, BlockHandle handle, BlockType type) =>
        !TableFormat.IsWhole(bytes, type, handle.Offset, Identity, Meta.Number) ? $"the checksum of the block ({type}) does not fit"
        : type == BlockType.Filter ? (BloomFilter.HasForm(bytes[..handle.Length]) ? null : "the filter has no form")
        : type is BlockType.Data or BlockType.Index or BlockType.Top && !Block.HasForm(bytes[..handle.Length]) ? "the block has no form"
        : null;

    /// <summary>Whether a block can be there.</summary>
    public bool IsPlace(BlockHandle handle) =>
        handle.Offset >= 0 && handle.Length is >= 0 and <= TableFormat.BlockBytesCeiling
        && handle.End <= Meta.LengthBytes - TableFormat.FooterBytes;

    /// <summary>The file and the keys that it is about.</summary>
    public override string ToString() =>
        $"{Name} level {Level}: {Meta.Entries} entries, {Convert.ToHexStringLower(Meta.From)}..{Convert.ToHexStringLower(Meta.To)}";

    /// <summary>A fault with the keys of the block that an index stands on.</summary>
    public static StoreFault Narrow(StoreFault fault, BlockCursor index)
    {
        var to = KeyOrder.Successor(index.Key);
        return fault with { From = index.Previous() ? index.Key.ToArray() : fault.From, To = to };
    }
}
