using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>A stretch of keys and the versions at which it was deleted.</summary>
/// <param name="From">The first key.</param>
/// <param name="To">The first key behind it.</param>
/// <param name="Versions">When it was deleted, the newest first; an entry of a lower version is gone, one of the same is not.</param>
internal readonly record struct RangeTombstone(byte[] From, byte[] To, ulong[] Versions);

/// <summary>
/// Deleted ranges, cut so that none overlaps another: what covers a key is found by one binary search. Immutable; a change makes a new
/// one, so that a snapshot keeps what it has.
/// </summary>
internal sealed class RangeTombstones
{
    /// <summary>No deleted range.</summary>
    public static readonly RangeTombstones None = new([]);

    private readonly RangeTombstone[] _fragments;

    private RangeTombstones(RangeTombstone[] fragments) => _fragments = fragments;

    /// <summary>The stretches, in order, none empty, none overlapping.</summary>
    public ReadOnlySpan<RangeTombstone> Fragments => _fragments;

    /// <summary>True when nothing is deleted.</summary>
    public bool IsEmpty => _fragments.Length == 0;

    /// <summary>The newest version, not above the given one, at which the key's range was deleted; 0 when never.</summary>
    public ulong Covering(ReadOnlySpan<byte> key, ulong at)
    {
        int low = 0, high = _fragments.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (key.SequenceCompareTo(_fragments[middle].To) < 0)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        if (low == _fragments.Length || key.SequenceCompareTo(_fragments[low].From) < 0)
        {
            return 0;
        }

        foreach (var version in _fragments[low].Versions)
        {
            if (version <= at)
            {
                return version;
            }
        }

        return 0;
    }

    /// <summary>These and one more.</summary>
    public RangeTombstones With(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ulong version) =>
        Merge([this, new RangeTombstones([new RangeTombstone(from.ToArray(), to.ToArray(), [version])])]);

    /// <summary>What several sets say together.</summary>
    public static RangeTombstones Merge(IReadOnlyList<RangeTombstones> sets)
    {
        var all = sets.SelectMany(static set => set._fragments).ToList();
        if (all.Count == 0)
        {
            return None;
        }

        // Between two neighbouring edges every tombstone covers all or nothing.
        var edges = all.SelectMany(static f => new[] { f.From, f.To }).Order(KeyOrder.Instance).ToList();
        all.Sort(static (a, b) => KeyOrder.Instance.Compare(a.From, b.From));
        var fragments = new List<RangeTombstone>();
        var open = new List<RangeTombstone>();
        var next = 0;
        for (var i = 0; i + 1 < edges.Count; i++)
        {
            var (from, to) = (edges[i], edges[i + 1]);
            if (from.AsSpan().SequenceEqual(to))
            {
                continue;
            }

            for (; next < all.Count && KeyOrder.Instance.Compare(all[next].From, from) <= 0; next++)
            {
                open.Add(all[next]);
            }

            open.RemoveAll(f => KeyOrder.Instance.Compare(f.To, from) <= 0);
            if (open.Count > 0)
            {
                Append(fragments, from, to, [.. open.SelectMany(static f => f.Versions).Distinct().OrderDescending()]);
            }
        }

        return new RangeTombstones([.. fragments]);
    }

    /// <summary>What of these lies in a range.</summary>
    /// <param name="from">The first key; empty for the beginning.</param>
    /// <param name="to">The first key behind it; empty for the end.</param>
    public RangeTombstones Clip(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        var clipped = new List<RangeTombstone>();
        foreach (var fragment in _fragments)
        {
            var first = fragment.From.AsSpan().SequenceCompareTo(from) < 0 ? from.ToArray() : fragment.From;
            var end = !to.IsEmpty && to.SequenceCompareTo(fragment.To) < 0 ? to.ToArray() : fragment.To;
            if (KeyOrder.Instance.Compare(first, end) < 0)
            {
                clipped.Add(new RangeTombstone(first, end, fragment.Versions));
            }
        }

        return clipped.Count == 0 ? None : new RangeTombstones([.. clipped]);
    }

    /// <summary>What must be kept of these: a selection of each stretch's versions.</summary>
    public RangeTombstones Select(Func<RangeTombstone, ulong[]> versions)
    {
        var kept = new List<RangeTombstone>();
        foreach (var fragment in _fragments)
        {
            var left = versions(fragment);
            if (left.Length > 0)
            {
                Append(kept, fragment.From, fragment.To, left);
            }
        }

        return kept.Count == 0 ? None : new RangeTombstones([.. kept]);
    }

    /// <summary>Writes them.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteVarint((ulong)_fragments.Length);
        foreach (var fragment in _fragments)
        {
            writer.WriteBytes(fragment.From);
            writer.WriteBytes(fragment.To);
            writer.WriteVarint((ulong)fragment.Versions.Length);
            foreach (var version in fragment.Versions)
            {
                writer.WriteUInt64(version);
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; on bad input the reader says so.</summary>
    public static RangeTombstones Read(ref WireReader reader)
    {
        var count = reader.ReadCount(reader.Remaining);
        var fragments = new List<RangeTombstone>(Math.Min(count, 1024));
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var from = reader.ReadBytes().ToArray();
            var to = reader.ReadBytes().ToArray();
            var versions = new ulong[Math.Min(reader.ReadCount(reader.Remaining), reader.Remaining / 8)];
            for (var v = 0; v < versions.Length; v++)
            {
                versions[v] = reader.ReadUInt64();
            }

            var fits = versions.Length > 0 && KeyOrder.Instance.Compare(from, to) < 0 && to.Length <= Limits.KeyBytesMax * 2
                && (fragments.Count == 0 || KeyOrder.Instance.Compare(fragments[^1].To, from) <= 0);
            if (!fits)
            {
                reader.Fail();
            }

            fragments.Add(new RangeTombstone(from, to, versions));
        }

        return !reader.Ok || fragments.Count == 0 ? None : new RangeTombstones([.. fragments]);
    }

    // Neighbours that say the same become one.
    private static void Append(List<RangeTombstone> fragments, byte[] from, byte[] to, ulong[] versions)
    {
        Check.That(versions.Length > 0);
        if (fragments.Count > 0 && fragments[^1] is var last && last.To.AsSpan().SequenceEqual(from)
            && last.Versions.AsSpan().SequenceEqual(versions))
        {
            fragments[^1] = last with { To = to };
        }
        else
        {
            fragments.Add(new RangeTombstone(from, to, versions));
        }
    }
}
