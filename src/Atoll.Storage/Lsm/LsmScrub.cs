using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>
/// Reads every block of every sorted file, and every value that one points to, one after the other, to find damage before anyone needs what
/// is damaged (Bairavasundaram et al., "An analysis of data corruption in the storage stack", FAST '08). It reads past the cache, when it
/// is given bytes to read.
/// </summary>
internal sealed class LsmScrub(LsmStore store)
{
    private static readonly Probe DamageProbe = Probe.Define("store: scrub finds damage");

    private readonly Queue<(BlockHandle Handle, BlockType Type)> _blocks = new();
    private readonly Queue<(ValuePointer Pointer, byte[] Key)> _values = new();
    private FileSet? _files;
    private Table? _table;
    private ulong _lastNumber;
    private long _budgetBytes;
    private bool _isBusy;

    /// <summary>Bytes read and found right, or not.</summary>
    public long Bytes { get; private set; }

    /// <summary>Times that all files were read.</summary>
    public long Passes { get; private set; }

    /// <summary>Damaged blocks and values found.</summary>
    public long Damaged { get; private set; }

    /// <summary>Reads about so many bytes more.</summary>
    public void Work(long budgetBytes)
    {
        // What a slow disk could not take of the last budget is not saved up.
        _budgetBytes = budgetBytes;
        Continue();
    }

    private void Continue()
    {
        while (!_isBusy && _budgetBytes > 0)
        {
            if (_values.TryDequeue(out var value))
            {
                Read(value.Pointer, value.Key);
            }
            else if (_blocks.TryDequeue(out var next))
            {
                Read(next.Handle, next.Type);
            }
            else if (!BeginNextTable())
            {
                return;
            }
        }
    }

    private bool BeginNextTable()
    {
        _files?.Release();
        _files = null;
        _table = null;
        foreach (var table in store.Files.Levels.SelectMany(static l => l))
        {
            if (table.Meta.Number > _lastNumber && (_table is null || table.Meta.Number < _table.Meta.Number))
            {
                _table = table;
            }
        }

        if (_table is null)
        {
            // From the beginning with the next budget: a store without files must not spin.
            _lastNumber = 0;
            _budgetBytes = 0;
            Passes++;
            return false;
        }

        _lastNumber = _table.Meta.Number;
        _files = store.Files.Hold();
        if (_table.IsOpen)
        {
            CheckEnd(_table);
        }
        else
        {
            _isBusy = true;
            _table.Open(fault =>
            {
                _isBusy = false;
                if (fault is null)
                {
                    Enqueue(_table.Footer, _table.Meta.Entries > 0 ? _table.Top : null);
                }
                else
                {
                    Count(fault);
                }

                Continue();
            });
        }

        return true;
    }

    // The top in memory may be older than the damage on disk.
    private void CheckEnd(Table table)
    {
        _isBusy = true;
        table.ReadFooter(fault =>
        {
            _isBusy = false;
            Count(fault);
            Enqueue(table.Footer, table.Meta.Entries > 0 ? table.Top : null);
            Continue();
        });
    }

    private void Enqueue(TableFooter footer, Block? top)
    {
        if (top is not null)
        {
            _blocks.Enqueue((footer.Top, BlockType.Top));
            var cursor = new BlockCursor();
            cursor.Enter(top);
            for (var more = cursor.SeekFirst(); more; more = cursor.Next())
            {
                Block.ReadHandles(cursor.ValueSpan, out var index, out var filter);
                _blocks.Enqueue((index, BlockType.Index));
                if (filter.Length > 0)
                {
                    _blocks.Enqueue((filter, BlockType.Filter));
                }
            }
        }

        _blocks.Enqueue((footer.RangeTombstones, BlockType.RangeTombstones));
        _blocks.Enqueue((footer.Properties, BlockType.Properties));
    }

    private void Read(BlockHandle handle, BlockType type)
    {
        var table = _table!;
        _isBusy = true;
        _budgetBytes -= handle.Length + TableFormat.BlockTrailerBytes;
        Bytes += handle.Length + TableFormat.BlockTrailerBytes;
        table.ReadBlock(handle, type, (block, fault) =>
        {
            _isBusy = false;
            Count(fault);
            if (block is not null && type == BlockType.Data && table.ValueFiles.Length > 0)
            {
                EnqueueValues(block);
            }
            else if (block is not null && type == BlockType.Index)
            {
                var cursor = new BlockCursor();
                cursor.Enter(block);
                for (var more = cursor.SeekFirst(); more; more = cursor.Next())
                {
                    Block.ReadHandles(cursor.ValueSpan, out var data, out _);
                    _blocks.Enqueue((data, BlockType.Data));
                }
            }

            Continue();
        });
    }

    private void EnqueueValues(Block block)
    {
        var cursor = new BlockCursor();
        cursor.Enter(block);
        for (var more = cursor.SeekFirst(); more; more = cursor.Next())
        {
            if (cursor.Kind == EntryKind.Apart)
            {
                _values.Enqueue((ValuePointer.Read(cursor.ValueSpan), cursor.Key.ToArray()));
            }
        }
    }

    private void Read(ValuePointer pointer, byte[] key)
    {
        _budgetBytes -= pointer.StoredBytes;
        Bytes += pointer.StoredBytes;
        if (Array.Find(_table!.ValueFiles, file => file.Meta.Number == pointer.File) is not { } file)
        {
            Count(_table.Corrupt(0, "it points into a file that the manifest does not say it does"));
            return;
        }

        _isBusy = true;
        file.Read(pointer, key, (_, fault) =>
        {
            _isBusy = false;
            Count(fault);
            Continue();
        });
    }

    private void Count(StoreFault? fault)
    {
        if (fault is { IsCorruption: true })
        {
            DamageProbe.Hit();
            Damaged++;
        }
    }
}
