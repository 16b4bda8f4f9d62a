using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>The slots of consecutive entries: a ring that grows at the end, and shrinks at both.</summary>
internal sealed class EntryTable
{
    private const int CapacityMin = 16;

    private EntrySlot[] _slots = [];
    private int _head;
    private ulong _first = 1;

    /// <summary>Number of entries.</summary>
    public int Count { get; private set; }

    /// <summary>The slot of an entry that is in the table.</summary>
    public ref EntrySlot this[ulong index]
    {
        get
        {
            Check.That(Contains(index));
            return ref _slots[(_head + (int)(index - _first)) & (_slots.Length - 1)];
        }
    }

    /// <summary>True when the table has that entry.</summary>
    public bool Contains(ulong index) => index >= _first && index - _first < (ulong)Count;

    /// <summary>An empty table whose first entry will be that one.</summary>
    public void Restart(ulong first)
    {
        Check.That(Count == 0);
        _first = first;
        _head = 0;
    }

    /// <summary>Adds the slot of the entry after the last.</summary>
    public ref EntrySlot Add()
    {
        if (Count == _slots.Length)
        {
            Resize(Math.Max(CapacityMin, _slots.Length * 2));
        }

        Count++;
        return ref this[_first + (ulong)Count - 1];
    }

    /// <summary>Forgets the last entry.</summary>
    public void RemoveLast()
    {
        this[_first + (ulong)Count - 1] = default;
        Count--;
        ShrinkWhenSparse();
    }

    /// <summary>Forgets the first entry.</summary>
    public void RemoveFirst()
    {
        this[_first] = default;
        _head = (_head + 1) & (_slots.Length - 1);
        _first++;
        Count--;
        ShrinkWhenSparse();
    }

    // A quarter full after halving: growing again is amortised over as many additions.
    private void ShrinkWhenSparse()
    {
        if (_slots.Length > CapacityMin && Count < _slots.Length / 8)
        {
            Resize(_slots.Length / 2);
        }
    }

    private void Resize(int capacity)
    {
        var slots = new EntrySlot[capacity];
        for (var i = 0; i < Count; i++)
        {
            slots[i] = _slots[(_head + i) & (_slots.Length - 1)];
        }

        _slots = slots;
        _head = 0;
    }
}
