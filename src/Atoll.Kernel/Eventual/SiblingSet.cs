using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>A write of a record that no other has replaced.</summary>
/// <param name="Origin">Who took it. With the time it is the write's dot, which no other write of the record has.</param>
/// <param name="Time">When, by the origin: later than all that it took of the record before.</param>
/// <param name="Id">The write, the same in all its retries.</param>
/// <param name="IsDeletion">Whether it left nothing.</param>
/// <param name="ExpiresAtMilliseconds">When its value expires, in Unix milliseconds; 0 for never.</param>
/// <param name="Value">The value; empty for a deletion.</param>
public readonly record struct Sibling(
    CounterOrigin Origin, HybridTime Time, CounterUpdateId Id, bool IsDeletion, long ExpiresAtMilliseconds, ReadOnlyMemory<byte> Value)
{
    /// <summary>Whether it is there at a time, as a value or as a deletion that says so.</summary>
    public bool IsThere(long nowMilliseconds) => ExpiresAtMilliseconds == 0 || ExpiresAtMilliseconds > nowMilliseconds;

    internal int ComparePlace(in Sibling other) =>
        Origin != other.Origin ? Origin.CompareTo(other.Origin) : Time.CompareTo(other.Time);
}

/// <summary>
/// A record of which concurrent writes are all kept: the writes that none has replaced, and what is known of all that there ever were. A
/// dotted version vector set (Almeida, Baquero, Gonçalves, Preguiça, Fonte: Scalable and Accurate Causality Tracking for Eventually
/// Consistent Stores, 2014): a write replaces exactly what its writer had read, however many others its origin took meanwhile. The merge
/// is commutative, associative and idempotent. Immutable.
/// </summary>
public sealed class SiblingSet
{
    private const byte Version = 1;
    private const byte Deletes = 1;
    private const byte Expires = 2;
    private const int SiblingBytesMin = 27;

    private SiblingSet(CausalContext context, ImmutableArray<Sibling> siblings)
    {
        Context = context;
        Siblings = siblings;
    }

    /// <summary>No writes.</summary>
    public static SiblingSet Empty { get; } = new(CausalContext.Empty, []);

    /// <summary>What is known: every sibling, and all that was replaced.</summary>
    public CausalContext Context { get; }

    /// <summary>The writes that none has replaced, by origin and time.</summary>
    public ImmutableArray<Sibling> Siblings { get; }

    /// <summary>True when nothing is known.</summary>
    public bool IsEmpty => Context.Count == 0;

    /// <summary>Bytes of all values.</summary>
    public long ValueBytes => Siblings.Sum(static sibling => (long)sibling.Value.Length);

    /// <summary>Whether a write is among the siblings.</summary>
    public bool Remembers(CounterUpdateId id) => Siblings.Any(sibling => sibling.Id == id);

    /// <summary>Takes a write at an origin.</summary>
    /// <param name="origin">This replica; nobody else may ever write under it.</param>
    /// <param name="stamp">The write's stamp; its time is later when the origin has used that already.</param>
    /// <param name="seen">What its writer had read: exactly that is replaced.</param>
    /// <param name="write">The write; origin and time are filled in.</param>
    public SiblingSet Put(CounterOrigin origin, HybridTime stamp, CausalContext seen, in Sibling write)
    {
        var used = Later(Context.Through(origin), seen.Through(origin));
        var time = stamp > used ? stamp : new HybridTime(used.Value + 1);
        var left = Siblings.Where(sibling => sibling.Time > seen.Through(sibling.Origin))
            .Append(write with { Origin = origin, Time = time });
        return new SiblingSet(
            Context.Merge(seen).With(origin, time), [.. left.Order(Comparer<Sibling>.Create(static (a, b) => a.ComparePlace(b)))]);
    }

    /// <summary>What both know together: what one of them has and the other has seen replaced goes.</summary>
    public SiblingSet Merge(SiblingSet other)
    {
        var siblings = ImmutableArray.CreateBuilder<Sibling>(Siblings.Length + other.Siblings.Length);
        for (int i = 0, j = 0; i < Siblings.Length || j < other.Siblings.Length;)
        {
            var order = i == Siblings.Length ? 1
                : j == other.Siblings.Length ? -1 : Siblings[i].ComparePlace(other.Siblings[j]);
            if (order == 0)
            {
                siblings.Add(Siblings[i]);
            }
            else if (order < 0 && Siblings[i].Time > other.Context.Through(Siblings[i].Origin))
            {
                siblings.Add(Siblings[i]);
            }
            else if (order > 0 && other.Siblings[j].Time > Context.Through(other.Siblings[j].Origin))
            {
                siblings.Add(other.Siblings[j]);
            }

            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return new SiblingSet(Context.Merge(other.Context), siblings.ToImmutable());
    }

    /// <summary>
    /// What is left when every replica has all through a time: deletions and expired values go, and when nothing is left, what is known.
    /// </summary>
    /// <param name="throughMilliseconds">Unix milliseconds of the horizon.</param>
    public SiblingSet Drop(long throughMilliseconds)
    {
        if (NextDropMilliseconds is not { } next || next > throughMilliseconds)
        {
            return this;
        }

        var left = Siblings.RemoveAll(sibling => DropMilliseconds(sibling) <= throughMilliseconds);
        return left.IsEmpty && RoundedUp(Context.Latest) <= throughMilliseconds ? Empty : new SiblingSet(Context, left);
    }

    /// <summary>When <see cref="Drop"/> next has something to do, in Unix milliseconds; null for never.</summary>
    public long? NextDropMilliseconds
    {
        get
        {
            if (Siblings.IsEmpty)
            {
                return IsEmpty ? null : RoundedUp(Context.Latest);
            }

            var next = long.MaxValue;
            foreach (var sibling in Siblings)
            {
                next = Math.Min(next, DropMilliseconds(sibling));
            }

            return next == long.MaxValue ? null : next;
        }
    }

    /// <summary>
    /// Writes a version (byte), the context, the number of siblings (varint), each as: the position of its origin in the context (varint),
    /// time (8 bytes), identity (8, 8 bytes, varint), flags (byte), expiry (8 bytes, if flagged), value (bytes, if no deletion).
    /// </summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(Version);
        Context.Write(writer);
        writer.WriteVarint((ulong)Siblings.Length);
        foreach (var sibling in Siblings)
        {
            writer.WriteVarint((ulong)Context.PositionOf(sibling.Origin));
            writer.WriteUInt64(sibling.Time.Value);
            writer.WriteUInt64(sibling.Id.Stamp.Value);
            writer.WriteUInt64(sibling.Id.Requester);
            writer.WriteVarint(sibling.Id.Number);
            writer.WriteByte((byte)((sibling.IsDeletion ? Deletes : 0) | (sibling.ExpiresAtMilliseconds != 0 ? Expires : 0)));
            if (sibling.ExpiresAtMilliseconds != 0)
            {
                writer.WriteUInt64((ulong)sibling.ExpiresAtMilliseconds);
            }

            if (!sibling.IsDeletion)
            {
                writer.WriteBytes(sibling.Value.Span);
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; null when the bytes are none. Values are slices of them.</summary>
    public static SiblingSet? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var version = reader.ReadByte();
        var context = CausalContext.Read(ref reader);
        var count = reader.ReadCount(reader.Remaining / SiblingBytesMin);
        var siblings = ImmutableArray.CreateBuilder<Sibling>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var position = reader.ReadVarint();
            var origin = position < (ulong)context.Count ? context.OriginAt((int)position) : default;
            var time = new HybridTime(reader.ReadUInt64());
            var id = new CounterUpdateId(new HybridTime(reader.ReadUInt64()), reader.ReadUInt64(), reader.ReadVarint());
            var flags = reader.ReadByte();
            var expires = (flags & Expires) != 0 ? (long)reader.ReadUInt64() : 0;
            var value = (flags & Deletes) != 0 ? default : reader.ReadBytes();
            var sibling = new Sibling(origin, time, id, (flags & Deletes) != 0, expires, value);
            if (position >= (ulong)context.Count || flags > Expires || expires < 0 || (expires == 0 && (flags & Expires) != 0)
                || time == HybridTime.Zero || time > context.Through(origin) || (i > 0 && siblings[i - 1].ComparePlace(sibling) >= 0))
            {
                reader.Fail();
            }

            siblings.Add(sibling);
        }

        return reader.OkAtEnd && version == Version && context.Count > 0
            ? new SiblingSet(context, siblings.DrainToImmutable()) : null;
    }

    // Times are rounded up, so that nothing goes too early.
    private static long RoundedUp(HybridTime time) => time.UnixMilliseconds + 1;

    private static long DropMilliseconds(in Sibling sibling) =>
        sibling.IsDeletion ? RoundedUp(sibling.Time)
        : sibling.ExpiresAtMilliseconds != 0 ? Math.Max(RoundedUp(sibling.Time), sibling.ExpiresAtMilliseconds)
        : long.MaxValue;

    private static HybridTime Later(HybridTime a, HybridTime b) => a > b ? a : b;
}
