using System.Collections.Immutable;
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
/// commutative, associative and idempotent. Immutable.
/// </summary>
public sealed class CounterValue
{
    private const byte Version = 1;

    private const int ShardsMax = 4096;

    private readonly ImmutableSortedDictionary<CounterOrigin, (ulong Clock, long Sum)> _shards;
    private readonly ImmutableSortedDictionary<CounterUpdateId, ImmutableSortedDictionary<CounterOrigin, long>> _remembered;
    private readonly long _doubled;

    private CounterValue(
        ImmutableSortedDictionary<CounterOrigin, (ulong Clock, long Sum)> shards,
        ImmutableSortedDictionary<CounterUpdateId, ImmutableSortedDictionary<CounterOrigin, long>> remembered,
        HybridTime forgottenThrough,
        long countedTwice,
        long? doubled = null)
    {
        _shards = shards;
        _remembered = remembered;
        ForgottenThrough = forgottenThrough;
        CountedTwice = countedTwice;
        _doubled = doubled ?? Doubled(remembered);
        var sum = _shards.Values.Aggregate(0L, static (sum, shard) => unchecked(sum + shard.Sum));
        Total = unchecked(sum - countedTwice - _doubled);
    }

    /// <summary>No updates.</summary>
    public static CounterValue Zero { get; } = new(
        ImmutableSortedDictionary<CounterOrigin, (ulong, long)>.Empty,
        ImmutableSortedDictionary<CounterUpdateId, ImmutableSortedDictionary<CounterOrigin, long>>.Empty,
        HybridTime.Zero,
        0);

    /// <summary>The sum of all updates, each counted once; it wraps as CQL's counters do.</summary>
    public long Total { get; }

    /// <summary>Updates with a stamp of at most this are remembered no more.</summary>
    public HybridTime ForgottenThrough { get; }

    /// <summary>What updates that are forgotten added more than once.</summary>
    public long CountedTwice { get; }

    /// <summary>Updates that are remembered.</summary>
    public int Remembered => _remembered.Count;

    /// <summary>The stamp of the first update that is remembered; null when none is.</summary>
    public HybridTime? FirstRemembered => _remembered.IsEmpty ? null : _remembered.First().Key.Stamp;

    /// <summary>
    /// The last stamp up to a horizon of an update that is remembered; null when there is none. Who forgets through that, and not through
    /// the horizon itself, has the same bytes as another whose horizon came as far.
    /// </summary>
    public HybridTime? LastRememberedThrough(HybridTime horizon)
    {
        HybridTime? last = null;
        foreach (var (id, _) in _remembered)
        {
            if (id.Stamp > horizon)
            {
                break;
            }

            last = id.Stamp;
        }

        return last;
    }

    /// <summary>Whether an update is remembered.</summary>
    public bool Remembers(CounterUpdateId id) => _remembered.ContainsKey(id);

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

        if (!_remembered.ContainsKey(id))
        {
            var (clock, sum) = _shards.GetValueOrDefault(origin);
            after = new CounterValue(
                _shards.SetItem(origin, (clock + 1, unchecked(sum + delta))),
                _remembered.Add(id, ImmutableSortedDictionary<CounterOrigin, long>.Empty.Add(origin, delta)),
                ForgottenThrough,
                CountedTwice,
                _doubled);
        }

        return true;
    }

    /// <summary>What both versions hold.</summary>
    public CounterValue Merge(CounterValue other)
    {
        var shards = _shards.ToBuilder();
        foreach (var (origin, shard) in other._shards)
        {
            if (shard.Clock > shards.GetValueOrDefault(origin).Clock)
            {
                shards[origin] = shard;
            }
        }

        // Who has forgotten through a later time has settled all that the other still remembers of before it.
        var forgotten = ForgottenThrough > other.ForgottenThrough ? this : other;
        var remembered = _remembered.ToBuilder();
        foreach (var (id, takers) in other._remembered)
        {
            remembered[id] = remembered.TryGetValue(id, out var known) ? known.SetItems(takers) : takers;
        }

        // In the order of stamps: what is forgotten stands first.
        remembered.RemoveRange(remembered.Keys.TakeWhile(id => id.Stamp <= forgotten.ForgottenThrough).ToArray());
        return new CounterValue(shards.ToImmutable(), remembered.ToImmutable(), forgotten.ForgottenThrough, forgotten.CountedTwice);
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

        var old = _remembered.TakeWhile(pair => pair.Key.Stamp <= horizon).ToArray();
        var doubled = Doubled(old);
        return new CounterValue(
            _shards,
            _remembered.RemoveRange(old.Select(pair => pair.Key)),
            horizon,
            unchecked(CountedTwice + doubled),
            unchecked(_doubled - doubled));
    }

    /// <summary>Writes the counter: a version, shards, what is remembered, what is forgotten.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(Version);
        writer.WriteUInt64(ForgottenThrough.Value);
        writer.WriteUInt64((ulong)CountedTwice);
        writer.WriteVarint((ulong)_shards.Count);
        foreach (var (origin, shard) in _shards)
        {
            WriteOrigin(writer, origin);
            writer.WriteVarint(shard.Clock);
            writer.WriteUInt64((ulong)shard.Sum);
        }

        writer.WriteVarint((ulong)_remembered.Count);
        foreach (var (id, takers) in _remembered)
        {
            writer.WriteUInt64(id.Stamp.Value);
            writer.WriteUInt64(id.Requester);
            writer.WriteVarint(id.Number);
            writer.WriteVarint((ulong)takers.Count);
            foreach (var (origin, delta) in takers)
            {
                WriteOrigin(writer, origin);
                writer.WriteUInt64((ulong)delta);
            }
        }
    }

    /// <summary>Reads a counter; null when the bytes are none. Empty bytes are <see cref="Zero"/>.</summary>
    public static CounterValue? TryRead(ReadOnlyMemory<byte> bytes)
    {
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
        var shards = Zero._shards.ToBuilder();
        var shardCount = reader.ReadCount(Math.Min(ShardsMax, reader.Remaining));
        for (var i = 0; i < shardCount && reader.Ok; i++)
        {
            var origin = ReadOrigin(ref reader);
            var clock = reader.ReadVarint();
            shards[origin] = (clock, (long)reader.ReadUInt64());
            if (clock == 0)
            {
                reader.Fail();
            }
        }

        var remembered = Zero._remembered.ToBuilder();
        var rememberedCount = reader.ReadCount(reader.Remaining);
        for (var i = 0; i < rememberedCount && reader.Ok; i++)
        {
            var id = new CounterUpdateId(new HybridTime(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadVarint());
            remembered[id] = ReadTakers(ref reader);
            if (id.Stamp <= forgottenThrough)
            {
                reader.Fail();
            }
        }

        return reader.OkAtEnd && shards.Count == shardCount && remembered.Count == rememberedCount
            ? new CounterValue(shards.ToImmutable(), remembered.ToImmutable(), forgottenThrough, countedTwice) : null;
    }

    /// <summary>What updates add beyond once.</summary>
    private static long Doubled(IEnumerable<KeyValuePair<CounterUpdateId, ImmutableSortedDictionary<CounterOrigin, long>>> remembered)
    {
        var doubled = 0L;
        foreach (var (_, takers) in remembered)
        {
            if (takers.Count > 1)
            {
                doubled = takers.Values.Skip(1).Aggregate(doubled, static (sum, delta) => unchecked(sum + delta));
            }
        }

        return doubled;
    }

    private static ImmutableSortedDictionary<CounterOrigin, long> ReadTakers(ref WireReader reader)
    {
        var takers = ImmutableSortedDictionary.CreateBuilder<CounterOrigin, long>();
        var count = reader.ReadCount(Math.Min(ShardsMax, reader.Remaining));
        for (var i = 0; i < count && reader.Ok; i++)
        {
            takers[ReadOrigin(ref reader)] = (long)reader.ReadUInt64();
        }

        if (count == 0 || takers.Count != count)
        {
            reader.Fail();
        }

        return takers.ToImmutable();
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
}
