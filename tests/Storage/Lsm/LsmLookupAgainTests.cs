using System.Text;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>A store remembers how its last lookups ended: it never remembers what is no longer so.</summary>
public sealed class LsmLookupAgainTests
{
    private const int Keys = 12;

    [Fact]
    public void What_is_looked_up_again_is_what_was_written_last()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            var prng = new Prng(seed);
            var disk = new ImageDisk();
            var store = LsmOnImage.Open(disk);
            var shard = store.Shard(LsmOnImage.Shard);
            var content = new SortedDictionary<int, (HybridTime Version, byte[] Value)>();
            for (var i = 1; i <= 1500; i++)
            {
                var version = new HybridTime((ulong)i);
                var number = prng.NextInt(0, Keys - 1);
                switch (prng.NextInt(0, 9))
                {
                    case 0:
                        shard.Delete(Key(number).Span, version);
                        content.Remove(number);
                        break;
                    case 1 when prng.Chance(50_000):
                        shard.DeleteRange([], [], version);
                        content.Clear();
                        break;
                    case 2:
                        store.Flush();
                        LsmOnImage.Work(store, disk);
                        break;
                    case < 6:
                        var value = new byte[prng.NextInt(0, 60)]; // the longer ones are kept apart
                        prng.Fill(value);
                        shard.Write(Key(number).Span, new StoredRecord(version, HybridTime.Zero, value));
                        content[number] = (version, value);
                        break;
                    default:
                        LsmOnImage.Work(store, disk);
                        break;
                }

                shard.Applied = new LogIndex((ulong)i);
                Compare(shard, disk, content, [.. Enumerable.Range(0, prng.NextInt(1, 6)).Select(_ => prng.NextInt(0, Keys - 1))]);
            }
        }
    }

    // As who applies a command: all keys are prepared, then asked for, some of them more than once.
    private static void Compare(
        LsmShard shard, ImageDisk disk, SortedDictionary<int, (HybridTime Version, byte[] Value)> content, int[] numbers)
    {
        var isDone = false;
        if (shard.Prepare([.. numbers.Select(Key)], fault =>
        {
            Assert.Null(fault);
            Ask();
        }))
        {
            Ask();
        }

        disk.Pump();
        Assert.True(isDone);

        void Ask()
        {
            foreach (var number in numbers.Concat(numbers.Reverse()))
            {
                var isThere = shard.TryGet(Key(number), out var record);
                Assert.Equal(content.TryGetValue(number, out var expected), isThere);
                if (isThere)
                {
                    Assert.Equal(expected.Version, record.Version);
                    Assert.Equal(expected.Value, record.Value.ToArray());
                }
            }

            isDone = true;
        }
    }

    private static ReadOnlyMemory<byte> Key(int number) => Encoding.ASCII.GetBytes($"k{number:00}");
}
