using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// What somebody knows of a record's writes: of each origin, through which of its times (a version vector, Parker et al., 1983). Whoever
/// knows a time of an origin has seen, or what has replaced it, each write of that origin up to it. Immutable.
/// </summary>
public sealed class CausalContext
{
    private const int EntryBytesMin = 10;
    private const int EntriesMax = 4096;

    // Times are below it: thousands of years ahead, so that there is always a later one.
    private const ulong TimeEnd = 1UL << 63;

    // By origin.
    private readonly Entry[] _entries;

    private CausalContext(Entry[] entries) => _entries = entries;

    /// <summary>Nothing is known.</summary>
    public static CausalContext Empty { get; } = new([]);

    /// <summary>Origins of which something is known.</summary>
    public int Count => _entries.Length;

    /// <summary>The latest time of all; zero when nothing is known.</summary>
    public HybridTime Latest
    {
        get
        {
            var latest = HybridTime.Zero;
            foreach (var entry in _entries)
            {
                latest = entry.Through > latest ? entry.Through : latest;
            }

            return latest;
        }
    }

    /// <summary>Through when an origin's writes are known; zero for not at all.</summary>
    public HybridTime Through(CounterOrigin origin)
    {
        foreach (var entry in _entries)
        {
            if (entry.Origin == origin)
            {
                return entry.Through;
            }
        }

        return HybridTime.Zero;
    }

    /// <summary>What both know together.</summary>
    public CausalContext Merge(CausalContext other)
    {
        var merged = new List<Entry>(_entries.Length + other._entries.Length);
        for (int i = 0, j = 0; i < _entries.Length || j < other._entries.Length;)
        {
            var order = i == _entries.Length ? 1
                : j == other._entries.Length ? -1 : _entries[i].Origin.CompareTo(other._entries[j].Origin);
            merged.Add(order < 0 || (order == 0 && _entries[i].Through >= other._entries[j].Through) ? _entries[i] : other._entries[j]);
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return new CausalContext([.. merged]);
    }

    /// <summary>This and an origin's writes through a time.</summary>
    public CausalContext With(CounterOrigin origin, HybridTime through) => Merge(new CausalContext([new Entry(origin, through)]));

    /// <summary>Writes the number of origins (varint), then each: node, generation (varints), time (8 bytes).</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteVarint((ulong)_entries.Length);
        foreach (var entry in _entries)
        {
            writer.WriteVarint(entry.Origin.Node.Value);
            writer.WriteVarint(entry.Origin.Generation);
            writer.WriteUInt64(entry.Through.Value);
        }
    }

    /// <summary>Reads a context; the reader fails when it is none.</summary>
    public static CausalContext Read(ref WireReader reader)
    {
        var entries = new Entry[reader.ReadCount(Math.Min(EntriesMax, reader.Remaining / EntryBytesMin))];
        for (var i = 0; i < entries.Length && reader.Ok; i++)
        {
            var node = reader.ReadVarint();
            var generation = reader.ReadVarint();
            entries[i] = new Entry(
                new CounterOrigin(new NodeId((uint)node), (uint)generation), new HybridTime(reader.ReadUInt64()));
            if (node > uint.MaxValue || generation > uint.MaxValue || (i > 0 && entries[i].Origin <= entries[i - 1].Origin)
                || entries[i].Through == HybridTime.Zero || entries[i].Through.Value >= TimeEnd)
            {
                reader.Fail();
            }
        }

        return reader.Ok ? new CausalContext(entries) : Empty;
    }

    /// <summary>The origin at a position in their order.</summary>
    internal CounterOrigin OriginAt(int position) => _entries[position].Origin;

    /// <summary>The position of an origin of which something is known.</summary>
    internal int PositionOf(CounterOrigin origin) => Array.FindIndex(_entries, entry => entry.Origin == origin);

    private readonly record struct Entry(CounterOrigin Origin, HybridTime Through);
}
