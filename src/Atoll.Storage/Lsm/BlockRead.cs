using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// One read of the cache: a block, or a run of blocks, into an array of its own, until the first block passes its check. A mismatch is
/// believed after the third read only. Used again and again.
/// </summary>
internal sealed class BlockRead
{
    private const int TriesMax = 3;

    private readonly Action<BlockRead, StoreFault?> _ended;
    private readonly Action<DiskResult> _readEnded;
    private int _length;
    private int _tries;

    /// <summary>A read that tells its end to its owner.</summary>
    public BlockRead(Action<BlockRead, StoreFault?> ended)
    {
        _ended = ended;
        _readEnded = ReadEnded;
    }

    /// <summary>The file.</summary>
    public Table Table { get; private set; } = null!;

    /// <summary>The first block.</summary>
    public BlockHandle Handle { get; private set; }

    /// <summary>What it holds.</summary>
    public BlockType Type { get; private set; }

    /// <summary>Where the bytes come.</summary>
    public byte[] Bytes { get; private set; } = [];

    /// <summary>The blocks, when there are several; else empty.</summary>
    public List<BlockHandle> Run { get; } = [];

    /// <summary>Who waits for the first block.</summary>
    public Action<StoreFault?>? Done { get; set; }

    /// <summary>Begins.</summary>
    public void Begin(Table table, BlockHandle handle, BlockType type, byte[] bytes, int length)
    {
        (Table, Handle, Type, Bytes, _length, _tries) = (table, handle, type, bytes, length, 0);
        Table.File.Read(Handle.Offset, Bytes.AsMemory(0, _length), _readEnded);
    }

    /// <summary>Lets go of everything, for the next use.</summary>
    public void Clear()
    {
        (Table, Bytes, Done) = (null!, [], null);
        Run.Clear();
    }

    private void ReadEnded(DiskResult result)
    {
        var why = !result.IsOk ? result.Detail ?? "the disk failed"
            : result.Bytes < _length ? $"the file ends after {result.Bytes} of {_length} bytes"
            : Table.WhyNot(Bytes.AsSpan(0, Handle.Length + TableFormat.BlockTrailerBytes), Handle, Type);
        if (why is null)
        {
            _ended(this, null);
        }
        else if (++_tries < TriesMax)
        {
            Table.File.Read(Handle.Offset, Bytes.AsMemory(0, _length), _readEnded);
        }
        else
        {
            _ended(this, result.IsOk ? Table.Corrupt(Handle.Offset, why) : Table.Failed(Handle.Offset, result with { Bytes = 0 }));
        }
    }
}
