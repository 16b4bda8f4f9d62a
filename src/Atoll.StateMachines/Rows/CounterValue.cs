using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using OriginCounter = Atoll.Kernel.Eventual.CounterValue;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The value of a counter's cell: the sums of the increments that each writer took, each with a number that grows with every increment. A
/// counter's value is the sum of the sums; of one writer's sums, the one with the higher number counts. A shard that is replicated by one
/// log is one writer, <see cref="TheShard"/>. Layout: number of writers (varint), then each, by number: writer, increments taken (varints),
/// sum (zigzag varint). In an eventual shard, every replica of which adds under its own name, the value is a zero byte, which no other
/// begins with, and a <see cref="OriginCounter"/>.
/// </summary>
public static class CounterValue
{
    private const byte OfOrigins = 0;

    /// <summary>The one writer of a shard whose commands are in one order.</summary>
    public const ulong TheShard = 0;

    /// <summary>The counter's value; 0 for bytes that are none.</summary>
    public static long Sum(ReadOnlyMemory<byte> value)
    {
        if (TryReadOrigins(value) is { } counter)
        {
            return counter.Total;
        }

        var sum = 0L;
        if (TryRead(value, out var parts))
        {
            foreach (var part in parts)
            {
                sum = unchecked(sum + part.Sum);
            }
        }

        return sum;
    }

    /// <summary>The value after an increment; it wraps around as 64-bit integers do.</summary>
    /// <param name="value">The value before; empty for a counter that is not there.</param>
    /// <param name="writer">Who takes the increment.</param>
    /// <param name="delta">What is added.</param>
    public static byte[] Add(ReadOnlyMemory<byte> value, ulong writer, long delta)
    {
        var parts = TryRead(value, out var read) ? read : [];
        var position = 0;
        while (position < parts.Count && parts[position].Writer < writer)
        {
            position++;
        }

        if (position < parts.Count && parts[position].Writer == writer)
        {
            var part = parts[position];
            parts[position] = part with { Increments = part.Increments + 1, Sum = unchecked(part.Sum + delta) };
        }
        else
        {
            parts.Insert(position, new Part(writer, 1, delta));
        }

        return Encode(parts);
    }

    /// <summary>What both say together: of each writer the sum with more increments (at the same number the larger sum).</summary>
    public static ReadOnlyMemory<byte> Merge(ReadOnlyMemory<byte> a, ReadOnlyMemory<byte> b)
    {
        if (a.Span.SequenceEqual(b.Span))
        {
            return a;
        }

        if (TryReadOrigins(a) is { } ours && TryReadOrigins(b) is { } theirs)
        {
            return OfOriginCounter(ours.Merge(theirs));
        }

        var isLeftGood = TryRead(a, out var left);
        var isRightGood = TryRead(b, out var right);
        if (!isLeftGood || !isRightGood)
        {
            return isLeftGood || (!isRightGood && a.Span.SequenceCompareTo(b.Span) >= 0) ? a : b;
        }

        var merged = new List<Part>(left.Count + right.Count);
        int i = 0, j = 0;
        while (i < left.Count || j < right.Count)
        {
            if (j == right.Count || (i < left.Count && left[i].Writer < right[j].Writer))
            {
                merged.Add(left[i++]);
            }
            else if (i == left.Count || right[j].Writer < left[i].Writer)
            {
                merged.Add(right[j++]);
            }
            else
            {
                var isLeft = left[i].Increments != right[j].Increments
                    ? left[i].Increments > right[j].Increments
                    : left[i].Sum >= right[j].Sum;
                merged.Add(isLeft ? left[i] : right[j]);
                i++;
                j++;
            }
        }

        return Encode(merged);
    }

    /// <summary>Whether the bytes are a counter's value.</summary>
    public static bool IsValid(ReadOnlyMemory<byte> value) => TryRead(value, out _);

    /// <summary>A counter of one writer, as readers get to see those of shards whose replicas add by themselves.</summary>
    internal static byte[] Of(long sum) => Encode([new Part(TheShard, 1, sum)]);

    /// <summary>The counter of an eventual shard; null for anything else.</summary>
    internal static OriginCounter? TryReadOrigins(ReadOnlyMemory<byte> value) =>
        value.Length > 1 && value.Span[0] == OfOrigins ? OriginCounter.TryRead(value[1..]) : null;

    /// <summary>A cell's value that holds the counter of an eventual shard.</summary>
    internal static byte[] OfOriginCounter(OriginCounter counter)
    {
        var writer = new WireWriter(64);
        writer.WriteByte(OfOrigins);
        counter.Write(writer);
        return writer.ToArray();
    }

    private static byte[] Encode(List<Part> parts)
    {
        var writer = new WireWriter(4 + (parts.Count * 12));
        writer.WriteVarint((ulong)parts.Count);
        foreach (var part in parts)
        {
            writer.WriteVarint(part.Writer);
            writer.WriteVarint(part.Increments);
            writer.WriteVarint(ZigZag.Encode(part.Sum));
        }

        return writer.ToArray();
    }

    private static bool TryRead(ReadOnlyMemory<byte> value, out List<Part> parts)
    {
        parts = [];
        var reader = new WireReader(value);
        var count = reader.ReadCount(Limits.CounterWritersMax);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var part = new Part(reader.ReadVarint(), reader.ReadVarint(), ZigZag.Decode(reader.ReadVarint()));
            if (i > 0 && part.Writer <= parts[^1].Writer)
            {
                reader.Fail();
            }

            parts.Add(part);
        }

        return reader.OkAtEnd && count > 0;
    }

    private readonly record struct Part(ulong Writer, ulong Increments, long Sum);
}
