using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>Blocks, filters and deleted ranges against what the simplest code says.</summary>
public sealed class BlockTests
{
    [Fact]
    public void A_block_finds_and_walks_what_was_put_into_it_over_restart_points_and_versions()
    {
        for (var seed = 1UL; seed <= 60; seed++)
        {
            var prng = new Prng(seed);
            var interval = prng.NextInt(1, 20);
            var entries = Entries(prng);
            var builder = new BlockBuilder(interval);
            foreach (var (key, version) in entries)
            {
                builder.Add(key, version, EntryKind.Put, version % 3 == 0 ? version : 0, Value(version));
            }

            var bytes = builder.Finish().ToArray();
            Assert.True(Block.HasForm(bytes));
            var block = new Block(bytes, 0, bytes.Length, BlockType.Data);
            AssertWalks(block, entries);
            for (var i = 0; i < 200; i++)
            {
                var (key, at) = (Key(prng), (ulong)prng.NextInt(1, 60));
                var expected = entries.FindIndex(e => e.Key.AsSpan().SequenceEqual(key) && e.Version <= at);
                var found = block.Find(key, at, out var head);
                Assert.Equal(expected >= 0, found == BlockFind.Found);
                if (expected >= 0)
                {
                    Assert.Equal(entries[expected].Version, head.Version);
                    Assert.Equal(Value(head.Version), block.Memory(head.ValueOffset, head.ValueLength).ToArray());
                }
                else if (found == BlockFind.PerhapsBehind)
                {
                    Assert.True(EntryOrder.Compare(entries[^1].Key, entries[^1].Version, key, at) < 0);
                }
            }
        }
    }

    [Fact]
    public void A_filter_holds_every_key_of_its_own_and_few_others()
    {
        foreach (var count in new[] { 1, 50, 10_000 })
        {
            var hashes = Enumerable.Range(0, count).Select(i => StableHash.Compute(Encoding.ASCII.GetBytes($"in{i}"))).ToArray();
            var filter = BloomFilter.Build(hashes, 10);
            Assert.True(BloomFilter.HasForm(filter));
            Assert.All(hashes, hash => Assert.True(BloomFilter.MayHold(filter, hash)));
            var strangers = Enumerable.Range(0, 20_000).Count(
                i => BloomFilter.MayHold(filter, StableHash.Compute(Encoding.ASCII.GetBytes($"out{i}"))));
            Assert.InRange(strangers, 0, 20_000 * 2 / 100);
        }
    }

    [Fact]
    public void Deleted_ranges_that_overlap_say_of_every_key_what_each_alone_would()
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            var prng = new Prng(seed);
            var ranges = new List<(byte From, byte To, ulong Version)>();
            var sets = new[] { RangeTombstones.None, RangeTombstones.None, RangeTombstones.None };
            for (var i = prng.NextInt(1, 12); i > 0; i--)
            {
                var (a, b) = ((byte)prng.NextInt(0, 30), (byte)prng.NextInt(0, 30));
                if (a == b)
                {
                    continue;
                }

                var (from, to, version) = (Math.Min(a, b), Math.Max(a, b), (ulong)prng.NextInt(1, 20));
                ranges.Add((from, to, version));
                ref var set = ref sets[prng.NextInt(0, 2)];
                set = set.With([from], [to], version);
            }

            var all = RangeTombstones.Merge(sets);
            var writer = new WireWriter();
            all.Write(writer);
            var reader = new WireReader(writer.WrittenMemory);
            all = RangeTombstones.Read(ref reader);
            Assert.True(reader.OkAtEnd);
            var (cutFrom, cutTo) = ((byte)prng.NextInt(0, 15), (byte)prng.NextInt(16, 30));
            var clipped = all.Clip([cutFrom], [cutTo]);
            for (byte key = 0; key < 32; key++)
            {
                for (var at = 0UL; at < 22; at++)
                {
                    var covering = ranges.Where(r => r.From <= key && key < r.To && r.Version <= at);
                    var expected = covering.Select(r => r.Version).DefaultIfEmpty().Max();
                    Assert.Equal(expected, all.Covering([key], at));
                    Assert.Equal(key >= cutFrom && key < cutTo ? expected : 0, clipped.Covering([key], at));
                }
            }
        }
    }

    private static void AssertWalks(Block block, List<(byte[] Key, ulong Version)> entries)
    {
        var cursor = new BlockCursor();
        cursor.Enter(block);
        var i = 0;
        for (var more = cursor.SeekFirst(); more; more = cursor.Next(), i++)
        {
            Assert.Equal(entries[i].Key, cursor.Key.ToArray());
            Assert.Equal(entries[i].Version, cursor.Version);
            Assert.Equal(cursor.Version % 3 == 0 ? cursor.Version : 0, cursor.ExpiresAt);
            Assert.Equal(Value(cursor.Version), cursor.ValueSpan.ToArray());
        }

        Assert.Equal(entries.Count, i);
        for (var more = cursor.SeekLast(); more; more = cursor.Previous())
        {
            i--;
            Assert.Equal(entries[i].Key, cursor.Key.ToArray());
            Assert.Equal(entries[i].Version, cursor.Version);
        }

        Assert.Equal(0, i);
    }

    private static List<(byte[] Key, ulong Version)> Entries(Prng prng)
    {
        var entries = new SortedSet<(string Key, ulong Age)>(
            Comparer<(string Key, ulong Age)>.Create((a, b) =>
                string.CompareOrdinal(a.Key, b.Key) is var order and not 0 ? order : a.Age.CompareTo(b.Age)));
        for (var i = prng.NextInt(1, 150); i > 0; i--)
        {
            entries.Add((Encoding.Latin1.GetString(Key(prng)), (ulong)prng.NextInt(1, 50)));
        }

        return [.. entries.Select(e => (Encoding.Latin1.GetBytes(e.Key), 60 - e.Age))];
    }

    private static byte[] Key(Prng prng)
    {
        var key = new byte[prng.NextInt(1, 12)];
        for (var i = 0; i < key.Length; i++)
        {
            key[i] = (byte)(prng.Chance(100_000) ? 0xFF : prng.NextInt(0, 1));
        }

        return key;
    }

    private static byte[] Value(ulong version) => Enumerable.Repeat((byte)version, (int)(version * 7 % 200)).ToArray();
}
