namespace Atoll.Storage.Lsm;

/// <summary>A value that is not in memory.</summary>
/// <param name="Pointer">Where it is.</param>
/// <param name="Key">Its key, with the tree's number in front.</param>
internal readonly record struct MissingValue(ValuePointer Pointer, ReadOnlyMemory<byte> Key);

/// <summary>
/// Values that were read from value files and are in memory, within a budget of bytes; the one that was not asked for the longest goes
/// first. They have a cache apart from the blocks', as a few of them would push out thousands of blocks. A value of more than a quarter of
/// the budget is kept only while it is pinned, and until the next such one comes.
/// </summary>
internal sealed class ValueCache(long budgetBytes, ValueFileSet files)
{
    private const int OverheadBytes = 200;

    private readonly Dictionary<ValuePointer, Slot> _slots = [];
    private readonly LinkedList<Slot> _byUse = [];
    private readonly List<Slot> _large = [];
    private readonly Dictionary<ValuePointer, Action<ReadOnlyMemory<byte>, StoreFault?>> _loading = [];

    /// <summary>Bytes in the cache.</summary>
    public long Bytes { get; private set; }

    /// <summary>Values that were read from the disk.</summary>
    public long Loads { get; private set; }

    /// <summary>What the last <see cref="TryGet"/> that answered false was about.</summary>
    public MissingValue Missing { get; private set; }

    /// <summary>Where values that are found are noted, to be pinned; null when nobody wants to know.</summary>
    public List<ValuePointer>? Touched { get; set; }

    /// <summary>The value, when it is in memory.</summary>
    public bool TryGet(in ValuePointer pointer, ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value)
    {
        if (!_slots.TryGetValue(pointer, out var slot))
        {
            value = default;
            Missing = new MissingValue(pointer, key.ToArray());
            return false;
        }

        if (slot.Node.List is not null)
        {
            _byUse.Remove(slot.Node);
            _byUse.AddLast(slot.Node);
        }

        Touched?.Add(pointer);
        value = slot.Value;
        return true;
    }

    /// <summary>Brings a value into memory.</summary>
    /// <param name="missing">Which.</param>
    /// <param name="done">The end: the value, or why not.</param>
    public void Load(in MissingValue missing, Action<ReadOnlyMemory<byte>, StoreFault?> done)
    {
        var pointer = missing.Pointer;
        if (_loading.TryGetValue(pointer, out var waiting))
        {
            _loading[pointer] = waiting + done;
            return;
        }

        _loading[pointer] = done;
        Loads++;
        if (files.Find(pointer.File) is not { } file)
        {
            Ended(pointer, default, new StoreFault(
                new StorageCorruption($"value file {pointer.File:x16}", pointer.Offset, "no such file is known"),
                missing.Key, Foundation.Bytes.KeyOrder.Successor(missing.Key.Span), Foundation.World.DiskStatus.Ok));
            return;
        }

        file.Read(pointer, missing.Key, (value, fault) =>
        {
            if (fault is null && !_slots.ContainsKey(pointer))
            {
                Insert(pointer, value);
            }

            Ended(pointer, value, fault);
        });
    }

    /// <summary>Keeps a value from going until as many calls of <see cref="Unpin"/>; false when it is not here.</summary>
    public bool TryPin(in ValuePointer pointer)
    {
        if (!_slots.TryGetValue(pointer, out var slot))
        {
            return false;
        }

        slot.Pins++;
        return true;
    }

    /// <summary>Lets a value go again.</summary>
    public void Unpin(in ValuePointer pointer)
    {
        var slot = _slots[pointer];
        Foundation.Checks.Check.That(slot.Pins > 0);
        if (--slot.Pins == 0)
        {
            if (slot.Node.List is null)
            {
                _large.Remove(slot);
                _slots.Remove(pointer);
            }

            Evict(null);
        }
    }

    private void Ended(in ValuePointer pointer, ReadOnlyMemory<byte> value, StoreFault? fault)
    {
        _loading.Remove(pointer, out var all);
        all!(value, fault);
    }

    private void Insert(in ValuePointer pointer, ReadOnlyMemory<byte> value)
    {
        var slot = new Slot(pointer, value);
        _slots.Add(pointer, slot);
        if (value.Length > budgetBytes / 4)
        {
            foreach (var other in _large.Where(static other => other.Pins == 0).ToList())
            {
                _large.Remove(other);
                _slots.Remove(other.Pointer);
            }

            _large.Add(slot);
            return;
        }

        _byUse.AddLast(slot.Node);
        Bytes += value.Length + OverheadBytes;
        Evict(slot);
    }

    // The new value is what somebody waits for.
    private void Evict(Slot? incoming)
    {
        for (var node = _byUse.First; node is not null && Bytes > budgetBytes;)
        {
            var (slot, next) = (node.Value, node.Next);
            if (slot.Pins == 0 && slot != incoming)
            {
                _byUse.Remove(node);
                _slots.Remove(slot.Pointer);
                Bytes -= slot.Value.Length + OverheadBytes;
            }

            node = next;
        }
    }

    private sealed class Slot
    {
        public Slot(ValuePointer pointer, ReadOnlyMemory<byte> value)
        {
            Pointer = pointer;
            Value = value;
            Node = new LinkedListNode<Slot>(this);
        }

        public ValuePointer Pointer { get; }

        public ReadOnlyMemory<byte> Value { get; }

        /// <summary>Its place in the order of use; in none when it is large.</summary>
        public LinkedListNode<Slot> Node { get; }

        public int Pins { get; set; }
    }
}
