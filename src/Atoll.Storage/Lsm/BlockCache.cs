using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>Which block of which file.</summary>
internal readonly record struct BlockAddress(ulong File, long Offset)
{
    /// <summary>A hash for lookups within one process.</summary>
    public override int GetHashCode() => (int)(((File * 0x9E3779B97F4A7C15) ^ ((ulong)Offset * 0xC2B2AE3D27D4EB4F)) >> 32);
}

/// <summary>
/// The blocks of all sorted files of a loop that are in memory, within a budget of bytes. What goes is found by a clock's hand (Corbató,
/// 1968) with a few rounds of credit: a block that is read again gets another round, an index or filter comes with more of them than data.
/// </summary>
internal sealed class BlockCache(long budgetBytes) : BlockSource
{
    private const int OverheadBytes = 160;
    private const byte CreditMax = 3;

    private static readonly Probe AheadProbe = Probe.Define("store: blocks read ahead");

    private readonly Dictionary<BlockAddress, Slot> _slots = [];
    private readonly Dictionary<BlockAddress, BlockRead> _loading = [];
    private readonly Stack<BlockRead> _idleReads = new();
    private readonly BlockBuffers _buffers = new(Math.Max(64 * 1024, budgetBytes / 32));
    private readonly List<Slot?> _ring = [];
    private readonly Stack<int> _free = new();
    private int _hand;

    /// <summary>Bytes that it may hold.</summary>
    public long BudgetBytes => budgetBytes;

    /// <summary>Bytes in the cache.</summary>
    public long Bytes { get; private set; }

    /// <summary>Lookups that found their block.</summary>
    public long Hits { get; private set; }

    /// <summary>Blocks that were read from the disk.</summary>
    public long Loads { get; private set; }

    /// <inheritdoc />
    public override Block? TryGet(Table table, BlockHandle handle, BlockType type)
    {
        if (!_slots.TryGetValue(new BlockAddress(table.Meta.Number, handle.Offset), out var slot))
        {
            return null;
        }

        Hits++;
        if (slot.Credit < CreditMax)
        {
            slot.Credit++;
        }

        return slot.Block;
    }

    /// <inheritdoc />
    public override void Load(Table table, BlockHandle handle, BlockType type, Action<StoreFault?> done)
    {
        if (!table.IsPlace(handle))
        {
            done(table.Corrupt(handle.Offset, "the index names a place that cannot be"));
            return;
        }

        Begin(table, handle, type, null, handle.Length + TableFormat.BlockTrailerBytes, done);
    }

    /// <inheritdoc />
    public override void LoadRun(Table table, List<BlockHandle> run, Action<StoreFault?> done)
    {
        var first = run[0];
        var length = run[^1].End - first.Offset;
        if (run.Count == 1 || length > budgetBytes / 4 || !run.TrueForAll(table.IsPlace)
            || _loading.ContainsKey(new BlockAddress(table.Meta.Number, first.Offset)))
        {
            Load(table, first, BlockType.Data, done);
            return;
        }

        AheadProbe.Hit();
        Begin(table, first, BlockType.Data, run, (int)length, done);
    }

    /// <summary>
    /// Takes a block that is being written, under the number that its file will have, so that nobody has to read it back. A copy, of blocks
    /// of the types that lookups ask for.
    /// </summary>
    public void Add(ulong file, BlockHandle handle, BlockType type, ReadOnlySpan<byte> content)
    {
        if (type is BlockType.Data or BlockType.Index or BlockType.Filter)
        {
            var bytes = _buffers.Rent(content.Length);
            content.CopyTo(bytes);
            Insert(new BlockAddress(file, handle.Offset), new Block(bytes, 0, content.Length, type));
        }
    }

    private void Begin(Table table, BlockHandle handle, BlockType type, List<BlockHandle>? run, int length, Action<StoreFault?> done)
    {
        var address = new BlockAddress(table.Meta.Number, handle.Offset);
        if (_loading.TryGetValue(address, out var read))
        {
            read.Done += done;
            return;
        }

        read = _idleReads.TryPop(out var idle) ? idle : new BlockRead(Ended);
        read.Done = done;
        _loading.Add(address, read);
        Loads += run?.Count ?? 1;
        if (run is not null)
        {
            read.Run.AddRange(run);
        }

        read.Begin(table, handle, type, _buffers.Rent(length), length);
    }

    private void Ended(BlockRead read, StoreFault? fault)
    {
        var address = new BlockAddress(read.Table.Meta.Number, read.Handle.Offset);
        if (fault is not null)
        {
            _buffers.Return(read.Bytes);
        }
        else if (read.Run.Count > 0)
        {
            InsertRun(read.Table, read.Run, read.Bytes);
            _buffers.Return(read.Bytes);
        }
        else
        {
            Insert(address, new Block(read.Bytes, 0, read.Handle.Length, read.Type));
        }

        _loading.Remove(address);
        var done = read.Done!;
        read.Clear();
        _idleReads.Push(read);
        done(fault);
    }

    private static Span<byte> BlockOf(byte[] bytes, BlockHandle first, BlockHandle handle) =>
        bytes.AsSpan((int)(handle.Offset - first.Offset), handle.Length + TableFormat.BlockTrailerBytes);

    // Each in an array of its own, so that a value keeps no more than its block. The one that is waited for comes last: the others must not
    // push it out. One of those that is damaged is left for whoever wants it.
    private void InsertRun(Table table, List<BlockHandle> run, byte[] bytes)
    {
        for (var i = run.Count - 1; i >= 0; i--)
        {
            var block = BlockOf(bytes, run[0], run[i]);
            if (i == 0 || table.WhyNot(block, run[i], BlockType.Data) is null)
            {
                var own = _buffers.Rent(block.Length);
                block.CopyTo(own);
                Insert(new BlockAddress(table.Meta.Number, run[i].Offset), new Block(own, 0, run[i].Length, BlockType.Data));
            }
        }
    }

    private void Insert(BlockAddress address, Block block)
    {
        var slot = new Slot(address, block, (byte)(block.Type == BlockType.Data ? 0 : CreditMax));
        if (!_slots.TryAdd(address, slot))
        {
            // It came with a run meanwhile, and may be in use.
            Recycle(block);
            return;
        }

        Bytes += block.Bytes.Length + OverheadBytes;
        Evict(slot);
        if (_free.TryPop(out var position))
        {
            _ring[position] = slot;
        }
        else
        {
            _ring.Add(slot);
        }
    }

    private void Recycle(Block block)
    {
        if (block.Recycle() is { } bytes)
        {
            _buffers.Return(bytes);
        }
    }

    // The new block is not in the ring yet: it is what somebody waits for. When all others are pinned, the budget is exceeded by what is
    // pinned, which the number of requests under way bounds.
    private void Evict(Slot incoming)
    {
        for (long steps = (CreditMax + 1L) * _ring.Count; Bytes > budgetBytes && steps > 0; steps--)
        {
            var slot = _ring[_hand];
            if (slot is not null && slot.Block.Pins == 0)
            {
                if (slot.Credit > 0)
                {
                    slot.Credit--;
                }
                else
                {
                    _ring[_hand] = null;
                    _free.Push(_hand);
                    _slots.Remove(slot.Address);
                    Bytes -= slot.Block.Bytes.Length + OverheadBytes;
                    Recycle(slot.Block);
                }
            }

            _hand = _hand + 1 == _ring.Count ? 0 : _hand + 1;
        }

        Check.That(_slots.ContainsKey(incoming.Address));
    }

    private sealed class Slot(BlockAddress address, Block block, byte credit)
    {
        public BlockAddress Address => address;

        public Block Block => block;

        public byte Credit { get; set; } = credit;
    }
}
