using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>Who adds to a counter: a replica, in one life of its disk.</summary>
/// <param name="Node">The replica's node.</param>
/// <param name="Generation">Another one whenever the replica starts without its data, so that it never continues what it has lost.</param>
public readonly record struct CounterOrigin(NodeId Node, uint Generation) : IComparable<CounterOrigin>
{
    /// <inheritdoc />
    public int CompareTo(CounterOrigin other) =>
        Node != other.Node ? Node.CompareTo(other.Node) : Generation.CompareTo(other.Generation);

    /// <summary>Before the other.</summary>
    public static bool operator <(CounterOrigin a, CounterOrigin b) => a.CompareTo(b) < 0;

    /// <summary>Behind the other.</summary>
    public static bool operator >(CounterOrigin a, CounterOrigin b) => a.CompareTo(b) > 0;

    /// <summary>Before the other or the same.</summary>
    public static bool operator <=(CounterOrigin a, CounterOrigin b) => a.CompareTo(b) <= 0;

    /// <summary>Behind the other or the same.</summary>
    public static bool operator >=(CounterOrigin a, CounterOrigin b) => a.CompareTo(b) >= 0;
}

/// <summary>An update of a counter, the same in all its retries.</summary>
/// <param name="Stamp">When it was first asked for: through when it must be remembered (<see cref="RangeHorizon"/>).</param>
/// <param name="Requester">Who asked for it.</param>
/// <param name="Number">The requester's number for it.</param>
public readonly record struct CounterUpdateId(HybridTime Stamp, ulong Requester, ulong Number) : IComparable<CounterUpdateId>
{
    /// <inheritdoc />
    public int CompareTo(CounterUpdateId other) =>
        Stamp != other.Stamp ? Stamp.CompareTo(other.Stamp)
        : Requester != other.Requester ? Requester.CompareTo(other.Requester)
        : Number.CompareTo(other.Number);

    /// <summary>Before the other.</summary>
    public static bool operator <(CounterUpdateId a, CounterUpdateId b) => a.CompareTo(b) < 0;

    /// <summary>Behind the other.</summary>
    public static bool operator >(CounterUpdateId a, CounterUpdateId b) => a.CompareTo(b) > 0;

    /// <summary>Before the other or the same.</summary>
    public static bool operator <=(CounterUpdateId a, CounterUpdateId b) => a.CompareTo(b) <= 0;

    /// <summary>Behind the other or the same.</summary>
    public static bool operator >=(CounterUpdateId a, CounterUpdateId b) => a.CompareTo(b) >= 0;
}

/// <summary>
/// A counter that is exact whatever is retried, lost or doubled (museum, row 25). Each origin adds up in a shard of its own, numbered, so
/// that of two versions of a shard the later contains the earlier. Which update was taken at which origins is remembered until no retry of
/// it can come: a retry at the same origin changes nothing, and where an update was taken at two, one of them is not counted. The merge is
/// commutative, associative and idempotent. Immutable. Everything is in sorted arrays: a counter that is updated often is read and written
/// as often, and may remember thousands of updates.
/// </summary>
public sealed class CounterValue
{
    private const byte Version = 1;

    private const int ShardsMax = 4096;

    // By origin.
    private readonly Shard[] _shards;

    // By update, then by origin: of an update that was taken at several origins, the first counts.
    private readonly Taken[] _taken;

    private CounterValue(Shard[] shards, Taken[] taken, HybridTime forgottenThrough, long countedTwice)
    {
        _shards = shards;
        _taken = taken;
        ForgottenThrough = forgottenThrough;
        CountedTwice = countedTwice;
        var sum = 0L;
        foreach (var shard in shards)
        {
            sum = unchecked(sum + shard.Sum);
        }

        Total = unchecked(sum - countedTwice - Doubled(taken));
    }

    /// <summary>No updates.</summary>
    public static CounterValue Zero { get; } = new([], [], HybridTime.Zero, 0);

    /// <summary>The sum of all updates, each counted once; it wraps as CQL's counters do.</summary>
    public long Total { get; }

    /// <summary>Updates with a stamp of at most this are remembered no more.</summary>
    public HybridTime ForgottenThrough { get; }

    /// <summary>What updates that are forgotten added more than once.</summary>
    public long CountedTwice { get; }

    /// <summary>Updates that are remembered.</summary>
    public int Remembered
    {
        get
        {
            var count = 0;
            for (var i = 0; i < _taken.Length; i++)
            {
                count += IsFirst(_taken, i) ? 1 : 0;
            }

            return count;
        }
    }

    /// <summary>The stamp of the first update that is remembered; null when none is.</summary>
    public HybridTime? FirstRemembered => _taken.Length == 0 ? null : _taken[0].Id.Stamp;

    /// <summary>
    /// The last stamp up to a horizon of an update that is remembered; null when there is none. Who forgets through that, and not through
    /// the horizon itself, has the same bytes as another whose horizon came as far.
    /// </summary>
    public HybridTime? LastRememberedThrough(HybridTime horizon)
    {
        var through = CountThrough(_taken, horizon);
        return through == 0 ? null : _taken[through - 1].Id.Stamp;
    }

    /// <summary>Whether an update is remembered.</summary>
    public bool Remembers(CounterUpdateId id)
    {
        var position = PositionOf(id);
        return position < _taken.Length && _taken[position].Id == id;
    }

    /// <summary>
    /// Takes an update at an origin, unless it is known already. False: it is so old that nobody can say whether it was taken; the caller
    /// must answer "unknown", and not try again.
    /// </summary>
    /// <param name="origin">This replica; nobody else may ever add under it.</param>
    /// <param name="id">The update.</param>
    /// <param name="delta">What to add.</param>
    /// <param name="after">The counter afterwards; the same as before when the update was known.</param>
    public bool TryAdd(CounterOrigin origin, CounterUpdateId id, long delta, out CounterValue after)
    {
        after = this;
        if (id.Stamp <= ForgottenThrough)
        {
            return false;
        }

        if (!Remembers(id))
        {
            var position = PositionOf(id);
            after = new CounterValue(
                WithAdded(origin, delta),
                [.. _taken.AsSpan(0, position), new Taken(id, origin, delta), .. _taken.AsSpan(position)],
                ForgottenThrough,
                CountedTwice);
        }

        return true;
    }

    /// <summary>What both versions hold.</summary>
    public CounterValue Merge(CounterValue other)
    {
        // Who has forgotten through a later time has settled all that the other still remembers of before it.
        var forgotten = ForgottenThrough > other.ForgottenThrough ? this : other;
        var through = forgotten.ForgottenThrough;
        return new CounterValue(
            Merge(_shards, other._shards),
            Merge(_taken.AsSpan(CountThrough(_taken, through)), other._taken.AsSpan(CountThrough(other._taken, through))),
            through,
            forgotten.CountedTwice);
    }

    /// <summary>
    /// Forgets the identity of updates that no retry can bring again. Only through the range's horizon: then every replica knows exactly
    /// the same of them, and settles them alike.
    /// </summary>
    public CounterValue Forget(HybridTime horizon)
    {
        if (horizon <= ForgottenThrough)
        {
            return this;
        }

        var through = CountThrough(_taken, horizon);
        return new CounterValue(
            _shards, _taken[through..], horizon, unchecked(CountedTwice + Doubled(_taken.AsSpan(0, through))));
    }

    /// <summary>Writes the counter: a version, shards, what is remembered, what is forgotten.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(Version);
        writer.WriteUInt64(ForgottenThrough.Value);
        writer.WriteUInt64((ulong)CountedTwice);
        writer.WriteVarint((ulong)_shards.Length);
        foreach (var shard in _shards)
        {
            WriteOrigin(writer, shard.Origin);
            writer.WriteVarint(shard.Clock);
            writer.WriteUInt64((ulong)shard.Sum);
        }

        writer.WriteVarint((ulong)Remembered);
        for (var i = 0; i < _taken.Length; i++)
        {
            if (IsFirst(_taken, i))
            {
                var id = _taken[i].Id;
                writer.WriteUInt64(id.Stamp.Value);
                writer.WriteUInt64(id.Requester);
                writer.WriteVarint(id.Number);
                var takers = 1;
                while (i + takers < _taken.Length && _taken[i + takers].Id == id)
                {
                    takers++;
                }

                writer.WriteVarint((ulong)takers);
            }

            WriteOrigin(writer, _taken[i].Origin);
            writer.WriteUInt64((ulong)_taken[i].Delta);
        }
    }

    /// <summary>Reads a counter; null when the bytes are none. Empty bytes are <see cref="Zero"/>.</summary>
    public static CounterValue? TryRead(ReadOnlyMemory<byte> bytes)
    {
        const int shardBytesMin = 11;
        const int takenBytesMin = 10;
        if (bytes.IsEmpty)
        {
            return Zero;
        }

        var reader = new WireReader(bytes);
        if (reader.ReadByte() != Version)
        {
            return null;
        }

        var forgottenThrough = new HybridTime(reader.ReadUInt64());
        var countedTwice = (long)reader.ReadUInt64();
        var shardCount = reader.ReadCount(Math.Min(ShardsMax, reader.Remaining / shardBytesMin));
        var shards = new Shard[shardCount];
        for (var i = 0; i < shardCount && reader.Ok; i++)
        {
            shards[i] = new Shard(ReadOrigin(ref reader), reader.ReadVarint(), (long)reader.ReadUInt64());
            if (shards[i].Clock == 0 || (i > 0 && shards[i].Origin <= shards[i - 1].Origin))
            {
                reader.Fail();
            }
        }

        var taken = new List<Taken>(reader.Remaining / (takenBytesMin * 3));
        for (var left = reader.ReadCount(reader.Remaining); left > 0 && reader.Ok; left--)
        {
            var id = new CounterUpdateId(new HybridTime(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadVarint());
            var takers = reader.ReadCount(Math.Min(ShardsMax, reader.Remaining / takenBytesMin));
            if (id.Stamp <= forgottenThrough || takers == 0 || (taken.Count > 0 && id <= taken[^1].Id))
            {
                reader.Fail();
            }

            for (var i = 0; i < takers && reader.Ok; i++)
            {
                var one = new Taken(id, ReadOrigin(ref reader), (long)reader.ReadUInt64());
                if (i > 0 && one.Origin <= taken[^1].Origin)
                {
                    reader.Fail();
                }

                taken.Add(one);
            }
        }

        return reader.OkAtEnd ? new CounterValue(shards, [.. taken], forgottenThrough, countedTwice) : null;
    }

    private static bool IsFirst(ReadOnlySpan<Taken> taken, int position) =>
        position == 0 || taken[position - 1].Id != taken[position].Id;

    /// <summary>What updates add beyond once.</summary>
    private static long Doubled(ReadOnlySpan<Taken> taken)
    {
        var doubled = 0L;
        for (var i = 1; i < taken.Length; i++)
        {
            doubled = IsFirst(taken, i) ? doubled : unchecked(doubled + taken[i].Delta);
        }

        return doubled;
    }

    /// <summary>How many stand before the first with a later stamp.</summary>
    private static int CountThrough(Taken[] taken, HybridTime stamp)
    {
        var low = 0;
        var high = taken.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (taken[middle].Id.Stamp <= stamp)
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

    private static Shard[] Merge(Shard[] left, Shard[] right)
    {
        var merged = new List<Shard>(left.Length + right.Length);
        for (int i = 0, j = 0; i < left.Length || j < right.Length;)
        {
            var order = i == left.Length ? 1 : j == right.Length ? -1 : left[i].Origin.CompareTo(right[j].Origin);
            merged.Add(order < 0 || (order == 0 && left[i].Clock >= right[j].Clock) ? left[i] : right[j]);
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return [.. merged];
    }

    private static Taken[] Merge(ReadOnlySpan<Taken> left, ReadOnlySpan<Taken> right)
    {
        var merged = new Taken[left.Length + right.Length];
        var count = 0;
        for (int i = 0, j = 0; i < left.Length || j < right.Length;)
        {
            var order = i == left.Length ? 1 : j == right.Length ? -1 : left[i].CompareTo(right[j]);
            merged[count++] = order < 0 ? left[i] : right[j];
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return merged[..count];
    }

    private static void WriteOrigin(WireWriter writer, CounterOrigin origin)
    {
        writer.WriteVarint(origin.Node.Value);
        writer.WriteVarint(origin.Generation);
    }

    private static CounterOrigin ReadOrigin(ref WireReader reader)
    {
        var node = reader.ReadVarint();
        var generation = reader.ReadVarint();
        if (node > uint.MaxValue || generation > uint.MaxValue)
        {
            reader.Fail();
        }

        return new CounterOrigin(new NodeId((uint)node), (uint)generation);
    }

    // Where the update is, or would be.
    private int PositionOf(CounterUpdateId id)
    {
        var low = 0;
        var high = _taken.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_taken[middle].Id < id)
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

    private Shard[] WithAdded(CounterOrigin origin, long delta)
    {
        var position = 0;
        while (position < _shards.Length && _shards[position].Origin < origin)
        {
            position++;
        }

        var isKnown = position < _shards.Length && _shards[position].Origin == origin;
        var before = isKnown ? _shards[position] : new Shard(origin, 0, 0);
        var after = new Shard(origin, before.Clock + 1, unchecked(before.Sum + delta));
        return [.. _shards.AsSpan(0, position), after, .. _shards.AsSpan(isKnown ? position + 1 : position)];
    }

    private readonly record struct Shard(CounterOrigin Origin, ulong Clock, long Sum);

    private readonly record struct Taken(CounterUpdateId Id, CounterOrigin Origin, long Delta)
    {
        internal int CompareTo(in Taken other) => Id != other.Id ? Id.CompareTo(other.Id) : Origin.CompareTo(other.Origin);
    }
}
