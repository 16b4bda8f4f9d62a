using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Storage.Lsm;

namespace Atoll.Storage.Inspection;

/// <summary>What an entry of a store says.</summary>
public enum StoredEntryKind : byte
{
    /// <summary>The key has this value.</summary>
    Put = 0,

    /// <summary>The key is gone.</summary>
    Delete = 1,

    /// <summary>All older entries from this key up to the one in the value are gone.</summary>
    DeleteRange = 2,

    /// <summary>The key has a value that cannot be read; why not stands in the value's place, as text.</summary>
    Lost = 3,
}

/// <summary>One entry of a store: a version of a record, as it is in a file.</summary>
/// <param name="Section">The section of its tree that it is in.</param>
/// <param name="Key">Its key within the section.</param>
/// <param name="Version">When it was written.</param>
/// <param name="Kind">What it says.</param>
/// <param name="ExpiresAt">When it expires; 0 for never.</param>
/// <param name="Value">The value; of a deleted range the first key behind it.</param>
public readonly record struct StoredEntry(
    byte Section, ReadOnlyMemory<byte> Key, ulong Version, StoredEntryKind Kind, ulong ExpiresAt, ReadOnlyMemory<byte> Value);

/// <summary>Walks over the entries of one section of a shard's tree: every version that is kept, tombstones included.</summary>
public sealed class StoreWalk
{
    private readonly LsmSnapshot _snapshot;
    private readonly EntryCursor _entries;
    private readonly byte[] _end;
    private readonly byte _section;
    private readonly Func<StoredEntry, bool> _take;
    private readonly Action<StoreFault?> _done;

    private StoreWalk(LsmSnapshot snapshot, byte section, byte[] end, Func<StoredEntry, bool> take, Action<StoreFault?> done)
    {
        _snapshot = snapshot;
        _entries = snapshot.OpenEntries();
        _section = section;
        _end = end;
        _take = take;
        _done = done;
    }

    /// <summary>Walks, keys ascending, and of each key from the newest version to the oldest; deleted ranges come first.</summary>
    /// <param name="store">The store.</param>
    /// <param name="shard">One of its shards.</param>
    /// <param name="section">The section.</param>
    /// <param name="from">The first key; empty for the beginning.</param>
    /// <param name="to">The first key behind; empty for the end.</param>
    /// <param name="take">Gets each entry; the walk ends when it answers false.</param>
    /// <param name="done">The end: null, or what keeps the walk from going on.</param>
    public static void Run(
        LsmStore store, ShardId shard, byte section, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, Func<StoredEntry, bool> take,
        Action<StoreFault?> done)
    {
        var tree = store.TreeOf(shard);
        Check.That(tree is not null);
        byte[] sections = [section];
        byte[] first = [.. TreeKey.Prefix(tree.Value, sections), .. from];
        var end = to.IsEmpty ? TreeKey.End(tree.Value, sections) : [.. TreeKey.Prefix(tree.Value, sections), .. to];
        var walk = new StoreWalk(new LsmSnapshot(store, store.Shard(shard), [], ulong.MaxValue), section, end, take, done);
        if (walk.TakeRanges(first))
        {
            walk._entries.SeekAtOrAfter(first, ulong.MaxValue);
            walk.Continue();
        }
        else
        {
            walk.End(null);
        }
    }

    private bool TakeRanges(byte[] first)
    {
        foreach (var table in _snapshot.Files.WithRangeTombstones)
        {
            foreach (var range in table.Meta.RangeTombstones.Clip(first, _end).Fragments)
            {
                foreach (var version in range.Versions)
                {
                    if (!_take(new StoredEntry(_section, Own(range.From), version, StoredEntryKind.DeleteRange, 0, Own(range.To))))
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    private void Continue()
    {
        while (_entries.State == CursorState.On && _entries.Key.SequenceCompareTo(_end) < 0)
        {
            if (_entries.Kind == EntryKind.Apart)
            {
                LoadValue(ValuePointer.Read(_entries.ValueSpan));
                return;
            }

            var kind = _entries.Kind == EntryKind.Delete ? StoredEntryKind.Delete : StoredEntryKind.Put;
            if (!Take(kind, _entries.Value.ToArray()))
            {
                return;
            }
        }

        if (_entries.State == CursorState.Waiting)
        {
            _entries.Complete(Continue);
        }
        else
        {
            End(_entries.State == CursorState.Failed ? _entries.Fault : null);
        }
    }

    private bool Take(StoredEntryKind kind, ReadOnlyMemory<byte> value)
    {
        if (!_take(new StoredEntry(_section, Own(_entries.Key.ToArray()), _entries.Version, kind, _entries.ExpiresAt, value)))
        {
            End(null);
            return false;
        }

        _entries.Next();
        return true;
    }

    // A value that is lost ends nothing: the key is there, and what is wrong stands in the value's place.
    private void LoadValue(ValuePointer pointer)
    {
        var key = _entries.Key.ToArray();
        var file = _snapshot.Files.ValueUses.FirstOrDefault(use => use.File.Meta.Number == pointer.File).File;
        if (file is null)
        {
            Go(StoredEntryKind.Lost, $"value file {pointer.File:x} is not known");
            return;
        }

        file.Read(pointer, key, (value, fault) =>
        {
            if (fault is null)
            {
                if (Take(StoredEntryKind.Put, value))
                {
                    Continue();
                }
            }
            else
            {
                Go(StoredEntryKind.Lost, fault.Corruption.ToString());
            }
        });

        void Go(StoredEntryKind kind, string why)
        {
            if (Take(kind, System.Text.Encoding.UTF8.GetBytes(why)))
            {
                Continue();
            }
        }
    }

    private void End(StoreFault? fault)
    {
        _entries.Leave();
        _snapshot.Dispose();
        _done(fault);
    }

    // Without the tree's number and the section.
    private static ReadOnlyMemory<byte> Own(byte[] key) => key.AsMemory(Math.Min(key.Length, TableFormat.TreePrefixBytes + 1));
}
