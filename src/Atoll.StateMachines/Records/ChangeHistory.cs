using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Records;

/// <summary>
/// The last changes, oldest first, for watchers that ask what they missed. Bounded by <see cref="Limits.ChangesKeptMax"/> and
/// <see cref="Limits.ChangeBytesKeptMax"/>; what one command changed is forgotten together or not at all, and the newest command always
/// stays.
/// </summary>
internal sealed class ChangeHistory
{
    private static readonly Probe Compacted = Probe.Define("records: old changes are forgotten");

    // A ring; its length is a power of two.
    private RecordChange[] _ring = new RecordChange[64];
    private int _start;
    private long _bytes;

    internal int Count { get; private set; }

    /// <summary>The highest version of which a change was forgotten; zero when none was.</summary>
    internal HybridTime CompactedThrough { get; private set; }

    /// <summary>The version of the newest change.</summary>
    internal HybridTime Latest { get; private set; }

    internal ref readonly RecordChange this[int position] => ref _ring[(_start + position) & (_ring.Length - 1)];

    /// <summary>Adds a change; its version is not below that of the newest.</summary>
    internal void Add(in RecordChange change)
    {
        Check.That(change.Version >= Latest);
        if (Count == _ring.Length)
        {
            _ring = Unrolled(Count * 2);
            _start = 0;
        }

        _ring[(_start + Count) & (_ring.Length - 1)] = change;
        Count++;
        _bytes += BytesOf(change);
        Latest = change.Version;
    }

    /// <summary>Forgets whole commands until the bounds hold; to be called once a command is complete.</summary>
    internal void Compact()
    {
        while ((Count > Limits.ChangesKeptMax || _bytes > Limits.ChangeBytesKeptMax) && this[0].Version != Latest)
        {
            Compacted.Hit();
            CompactedThrough = this[0].Version;
            do
            {
                _bytes -= BytesOf(this[0]);
                _ring[_start] = default;
                _start = (_start + 1) & (_ring.Length - 1);
                Count--;
            }
            while (this[0].Version == CompactedThrough);
        }
    }

    /// <summary>
    /// The highest version that would be forgotten if only the last changes, whole commands of at most so many bytes, were kept.
    /// </summary>
    internal HybridTime ForgottenIfCutTo(long bytesMax)
    {
        var bytes = 0L;
        for (var position = Count - 1; position >= 0; position--)
        {
            bytes += BytesOf(this[position]);
            if (bytes > bytesMax)
            {
                return this[position].Version;
            }
        }

        return CompactedThrough;
    }

    /// <summary>The position of the first change with a version above the given one.</summary>
    internal int FirstAfter(HybridTime version)
    {
        var low = 0;
        var high = Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (this[middle].Version <= version)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>The position behind the changes that share the version of the one at the given position.</summary>
    internal int EndOfCommand(int position)
    {
        var version = this[position].Version;
        while (position < Count && this[position].Version == version)
        {
            position++;
        }

        return position;
    }

    /// <summary>The changes as they are now. A copy of references: at most about a megabyte, whatever the values' size.</summary>
    internal RecordChange[] ToArray() => Unrolled(Count);

    /// <summary>Takes over what a snapshot says was forgotten, before any change is added.</summary>
    internal void Restore(HybridTime compactedThrough)
    {
        Check.That(Count == 0);
        CompactedThrough = compactedThrough;
        Latest = compactedThrough;
    }

    private static long BytesOf(in RecordChange change) => change.Key.Length + change.Value.Length;

    private RecordChange[] Unrolled(int length)
    {
        var changes = new RecordChange[length];
        for (var i = 0; i < Count; i++)
        {
            changes[i] = this[i];
        }

        return changes;
    }
}
