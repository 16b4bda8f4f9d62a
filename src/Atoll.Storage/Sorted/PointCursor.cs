using System.Diagnostics.CodeAnalysis;

namespace Atoll.Storage.Sorted;

/// <summary>
/// A cursor over those of a few keys that are there, for reads that know all keys that they may meet. Each was looked up by itself: a
/// store on disk asks the filters of its files for it, and opens few of them, where a cursor over the store is placed in every one.
/// </summary>
public sealed class PointCursor : ListCursor
{
    private readonly List<KeyValuePair<ReadOnlyMemory<byte>, StoredRecord>> _found;

    private PointCursor(List<KeyValuePair<ReadOnlyMemory<byte>, StoredRecord>> found) => _found = found;

    /// <inheritdoc />
    protected override int Count => _found.Count;

    /// <summary>Looks the keys up; false when one is not in memory, and <see cref="ISortedStore.Prepare"/> has to bring it.</summary>
    /// <param name="store">Where to.</param>
    /// <param name="keys">The keys, in order.</param>
    /// <param name="cursor">The cursor; valid until control goes back to the loop, or the store is written.</param>
    public static bool TryOpen(
        ISortedStore store, ReadOnlySpan<ReadOnlyMemory<byte>> keys, [NotNullWhen(true)] out PointCursor? cursor)
    {
        cursor = null;
        var found = new List<KeyValuePair<ReadOnlyMemory<byte>, StoredRecord>>(keys.Length);
        foreach (var key in keys)
        {
            switch (store.Find(key, out var record))
            {
                case LookupStatus.Missing:
                    return false;
                case LookupStatus.Found:
                    found.Add(new(key, record));
                    break;
                default:
                    break;
            }
        }

        cursor = new PointCursor(found);
        return true;
    }

    /// <inheritdoc />
    protected override ReadOnlyMemory<byte> KeyAt(int position) => _found[position].Key;

    /// <inheritdoc />
    protected override StoredRecord RecordAt(int position) => _found[position].Value;
}
