namespace Atoll.Storage.Lsm;

/// <summary>
/// Blocks for a merge: each file is read in long stretches, from front to back, past the cache, which a merge would only empty of what
/// is read again.
/// </summary>
internal sealed class WindowSource(int windowBytes) : BlockSource
{
    private readonly Dictionary<(ulong File, BlockType Type), Window> _windows = [];

    /// <summary>Bytes read.</summary>
    public long BytesRead { get; private set; }

    /// <inheritdoc />
    public override Block? TryGet(Table table, BlockHandle handle, BlockType type)
    {
        var isThere = _windows.TryGetValue((table.Meta.Number, type), out var window)
            && handle.Offset >= window.Offset && handle.End <= window.Offset + window.Bytes.Length;
        if (!isThere)
        {
            return null;
        }

        var start = (int)(handle.Offset - window.Offset);
        var block = window.Bytes.AsSpan(start, handle.Length + TableFormat.BlockTrailerBytes);
        return table.WhyNot(block, handle, type) is null ? new Block(window.Bytes, start, handle.Length, type) : null;
    }

    /// <inheritdoc />
    public override void Load(Table table, BlockHandle handle, BlockType type, Action<StoreFault?> done)
    {
        if (!table.IsPlace(handle))
        {
            done(table.Corrupt(handle.Offset, "the index names a place that cannot be"));
            return;
        }

        var blockBytes = handle.Length + TableFormat.BlockTrailerBytes;
        var length = (int)Math.Max(blockBytes, Math.Min(windowBytes, table.Meta.LengthBytes - handle.Offset));
        BlockSource.ReadChecked(
            table.File, handle.Offset, length,
            bytes => table.WhyNot(bytes.AsSpan(0, blockBytes), handle, type),
            (bytes, result, why) =>
            {
                if (bytes is not null)
                {
                    BytesRead += length;
                    _windows[(table.Meta.Number, type)] = new Window(bytes, handle.Offset);
                    done(null);
                }
                else
                {
                    done(result.IsOk ? table.Corrupt(handle.Offset, why!) : table.Failed(handle.Offset, result));
                }
            });
    }

    private readonly record struct Window(byte[] Bytes, long Offset);
}
