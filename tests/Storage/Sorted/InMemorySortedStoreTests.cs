using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Sorted;

public sealed class InMemorySortedStoreTests
{
    [Fact]
    public void Byte_keys_order_as_key_order_says_whatever_they_share()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var random = new Prng(seed);
            var keys = new List<byte[]>();
            for (var i = 0; i < 300; i++)
            {
                // Few different bytes and many lengths: shared beginnings, zeros at the end, prefixes of each other.
                var key = new byte[random.NextInt(0, 12)];
                for (var j = 0; j < key.Length; j++)
                {
                    key[j] = random.Pick<byte>([0, 0, 1, 0x7F, 0x80, 0xFF]);
                }

                keys.Add(key);
            }

            foreach (var a in keys)
            {
                foreach (var b in keys)
                {
                    Assert.Equal(
                        Math.Sign(KeyOrder.Instance.Compare(a, b)),
                        Math.Sign(new ByteKey(a).CompareTo(new ByteKey(new byte[] { 9 }.Concat(b).ToArray().AsMemory(1)))));
                }
            }
        }
    }

    [Fact]
    public void A_store_and_its_snapshot_give_back_what_was_put()
    {
        var store = new InMemorySortedStore();
        var one = new StoredRecord(new HybridTime(5), HybridTime.Zero, "one"u8.ToArray());
        var two = new StoredRecord(new HybridTime(6), new HybridTime(9), "two"u8.ToArray());
        Assert.False(store.Put("a"u8.ToArray(), one, out _));
        using var snapshot = store.Snapshot();
        Assert.True(store.Put("a"u8.ToArray(), two, out var previous));
        Assert.Equal(one, previous);
        Assert.True(snapshot.TryGet("a"u8.ToArray(), out var old));
        Assert.Equal(one, old);
        Assert.True(store.Remove("a"u8.ToArray(), new HybridTime(7), out var removed));
        Assert.Equal(two, removed);
        Assert.Equal(0, store.Count);
        Assert.True(snapshot.OpenCursor().SeekFirst());
        Assert.True(store.Prepare([], _ => Assert.Fail("everything is in memory")));
        using var cursor = snapshot.OpenCursor();
        Assert.True(cursor.SeekAtOrAfter("A"u8.ToArray()));
        Assert.Equal("a"u8.ToArray(), cursor.Key.ToArray());
        Assert.Equal(one, cursor.Record);
    }

    [Fact]
    public void A_record_expires_at_its_time_and_not_before()
    {
        var record = new StoredRecord(new HybridTime(1), new HybridTime(10), default);
        Assert.False(record.IsExpired(new HybridTime(9)));
        Assert.True(record.IsExpired(new HybridTime(10)));
        Assert.False((record with { ExpiresAt = HybridTime.Zero }).IsExpired(HybridTime.Max));
    }
}
