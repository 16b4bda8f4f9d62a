using Atoll.Foundation.World;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Inspection;

/// <summary>Takes a sorted file apart by its own footer: top, partitions of the index and filters, data blocks and their entries.</summary>
internal sealed class SortedFileDump(IDiskFile file, ulong number, Func<FilePart, bool> take, Action<string?> done)
{
    private readonly Stack<(BlockHandle Handle, BlockType Type, byte[] Separator)> _blocks = new();
    private TableFooter _footer;

    /// <summary>Begins.</summary>
    public void Start()
    {
        var offset = Math.Max(0, file.LengthBytes - TableFormat.FooterBytes);
        var bytes = new byte[(int)Math.Min(file.LengthBytes, TableFormat.FooterBytes)];
        file.Read(offset, bytes, result =>
        {
            if (!result.IsOk)
            {
                done(result.Detail ?? "it cannot be read");
            }
            else if (!TableFooter.TryRead(bytes, out _footer, out var why))
            {
                take(new FilePart(offset, bytes.Length, "footer") { Damage = why });
                done(null);
            }
            else
            {
                _blocks.Push((_footer.Properties, BlockType.Properties, []));
                _blocks.Push((_footer.RangeTombstones, BlockType.RangeTombstones, []));
                _blocks.Push((_footer.Top, BlockType.Top, []));
                var isOther = _footer.Number != number || _footer.LengthBytes != file.LengthBytes;
                Take(new FilePart(
                    offset, bytes.Length,
                    $"footer: store {_footer.Identity:x16}, file {_footer.Number:x}, format {_footer.FormatVersion}, "
                        + $"{_footer.LengthBytes} bytes")
                {
                    Damage = isOther ? "it is that of another file" : null,
                });
            }
        });
    }

    private void Take(in FilePart part)
    {
        if (take(part))
        {
            Next();
        }
        else
        {
            done(null);
        }
    }

    private void Next()
    {
        if (!_blocks.TryPop(out var next))
        {
            done(null);
            return;
        }

        var (handle, type, separator) = next;
        var part = new FilePart(handle.Offset, handle.Length, type.ToString()) { Key = separator };
        if (handle.Offset < 0 || handle.Length is < 0 or > TableFormat.BlockBytesCeiling || handle.End > file.LengthBytes)
        {
            Take(part with { Damage = "it cannot be there" });
            return;
        }

        var bytes = new byte[handle.Length + TableFormat.BlockTrailerBytes];
        file.Read(handle.Offset, bytes, result =>
        {
            var isWhole = result.IsOk && TableFormat.IsWhole(bytes, type, handle.Offset, _footer.Identity, _footer.Number);
            var hasEntries = type is BlockType.Data or BlockType.Index or BlockType.Top;
            if (!isWhole || (hasEntries && handle.Length > 0 && !Block.HasForm(bytes.AsSpan(0, handle.Length))))
            {
                Take(part with { Damage = "its checksum does not fit" });
            }
            else if (!hasEntries || handle.Length == 0)
            {
                Take(part);
            }
            else
            {
                Open(part, new Block(bytes, 0, handle.Length, type));
            }
        });
    }

    private void Open(in FilePart part, Block block)
    {
        var cursor = new BlockCursor();
        cursor.Enter(block);
        if (!take(part))
        {
            done(null);
            return;
        }

        if (block.Type == BlockType.Data)
        {
            for (var more = cursor.SeekFirst(); more; more = cursor.Next())
            {
                var expires = cursor.ExpiresAt == 0 ? "" : $" expires {cursor.ExpiresAt}";
                var entry = new FilePart(part.OffsetBytes, cursor.ValueSpan.Length, $"  {cursor.Kind} @{cursor.Version}{expires}")
                {
                    Key = cursor.Key.ToArray(),
                    Value = cursor.ValueSpan.ToArray(),
                };
                if (!take(entry))
                {
                    done(null);
                    return;
                }
            }
        }
        else
        {
            Push(block, cursor);
        }

        Next();
    }

    // The last first: what comes off the stack is in order.
    private void Push(Block block, BlockCursor cursor)
    {
        var inner = new List<(BlockHandle, BlockType, byte[])>();
        for (var more = cursor.SeekFirst(); more; more = cursor.Next())
        {
            Block.ReadHandles(cursor.ValueSpan, out var first, out var second);
            inner.Add((first, block.Type == BlockType.Top ? BlockType.Index : BlockType.Data, cursor.Key.ToArray()));
            if (second.Length > 0)
            {
                inner.Add((second, BlockType.Filter, cursor.Key.ToArray()));
            }
        }

        for (var i = inner.Count - 1; i >= 0; i--)
        {
            _blocks.Push(inner[i]);
        }
    }
}
