using Atoll.Foundation.Bytes;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>
/// A register's data as a set of updates (ballot time, expected, value), whose merge is the union: what is missing from the middle shows,
/// because each update must have found the value of the one before.
/// </summary>
public sealed class RegisterData : IVersionMerge
{
    public static byte[] Encode(IEnumerable<(ulong Time, long Expected, long Value)> updates)
    {
        var writer = new WireWriter();
        foreach (var (time, expected, value) in updates)
        {
            writer.WriteUInt64(time);
            writer.WriteUInt64((ulong)expected);
            writer.WriteUInt64((ulong)value);
        }

        return writer.ToArray();
    }

    public static SortedDictionary<ulong, (long Expected, long Value)> Decode(ReadOnlyMemory<byte> bytes)
    {
        var updates = new SortedDictionary<ulong, (long, long)>();
        var reader = new WireReader(bytes);
        while (reader.Remaining > 0)
        {
            updates[reader.ReadUInt64()] = ((long)reader.ReadUInt64(), (long)reader.ReadUInt64());
        }

        return updates;
    }

    public static byte[] Union(params ReadOnlySpan<ReadOnlyMemory<byte>> versions)
    {
        var all = new SortedDictionary<ulong, (long Expected, long Value)>();
        foreach (var version in versions)
        {
            foreach (var (time, update) in Decode(version))
            {
                all[time] = update;
            }
        }

        return Encode(all.Select(update => (update.Key, update.Value.Expected, update.Value.Value)));
    }

    /// <summary>The value; fails when an update found another value than the one before it left.</summary>
    public static long ValueOf(ReadOnlyMemory<byte> data)
    {
        var value = 0L;
        foreach (var (time, update) in Decode(data))
        {
            Assert.True(update.Expected == value, $"the update at {time} found {update.Expected}, but {value} was before it");
            value = update.Value;
        }

        return value;
    }

    public ReadOnlyMemory<byte> Merge(ReadOnlySpan<ReadOnlyMemory<byte>> versions) => Union(versions);
}
