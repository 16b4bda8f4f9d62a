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
    private readonly Dictionary<BlockAddress, Action<StoreFault?>> _loading = [];
    private readonly List<Slot?> _ring = [];
    private readonly Stack<int> _free = new();
    private int _hand;

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
        var address = new BlockAddress(table.Meta.Number, handle.Offset);
        if (_loading.TryGetValue(address, out var waiting))
        {
            _loading[address] = waiting + done;
            return;
        }

        _loading[address] = done;
        Loads++;
        table.ReadBlock(handle, type, (block, fault) =>
        {
            if (block is not null)
            {
                Insert(address, block);
            }

            _loading.Remove(address, out var all);
            all!(fault);
        });
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

        var address = new BlockAddress(table.Meta.Number, first.Offset);
        AheadProbe.Hit();
        _loading[address] = done;
        Loads += run.Count;
        ReadChecked(
            table.File, first.Offset, (int)length,
            bytes => table.WhyNot(BlockOf(bytes, first, first), first, BlockType.Data),
            (bytes, result, why) =>
            {
                if (bytes is not null)
                {
                    InsertRun(table, run, bytes);
                }

                var fault = bytes is not null ? null : result.IsOk ? table.Corrupt(first.Offset, why!) : table.Failed(first.Offset, result);
                _loading.Remove(address, out var all);
                all!(fault);
            });
    }

    /// <summary>Keeps a block of the cache from going until as many calls of <see cref="Unpin"/>.</summary>
    public void Pin(BlockAddress address) => _slots[address].Pins++;

    /// <summary>Lets a block go again.</summary>
    public void Unpin(BlockAddress address)
    {
        var slot = _slots[address];
        Check.That(slot.Pins > 0);
        slot.Pins--;
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
                var own = GC.AllocateUninitializedArray<byte>(block.Length);
                block.CopyTo(own);
                Insert(new BlockAddress(table.Meta.Number, run[i].Offset), new Block(own, 0, run[i].Length, BlockType.Data));
            }
        }
    }

    private void Insert(BlockAddress address, Block block)
    {
        if (_slots.ContainsKey(address))
        {
            return;
        }

        var slot = new Slot(address, block, (byte)(block.Type == BlockType.Data ? 0 : CreditMax));
        _slots.Add(address, slot);
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

    // The new block is not in the ring yet: it is what somebody waits for. When all others are pinned, the budget is exceeded by what is
    // pinned, which the number of requests under way bounds.
    private void Evict(Slot incoming)
    {
        for (long steps = (CreditMax + 1L) * _ring.Count; Bytes > budgetBytes && steps > 0; steps--)
        {
            var slot = _ring[_hand];
            if (slot is not null && slot.Pins == 0)
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

        public int Pins { get; set; }
    }
}
