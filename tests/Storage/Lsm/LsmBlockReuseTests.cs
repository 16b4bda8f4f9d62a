using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>The arrays of blocks are used again: nothing that was handed out may change by that, and no cursor may see it.</summary>
public sealed class LsmBlockReuseTests
{
    private const int Records = 400;

    // The cache holds a few blocks only, so that every read pushes another block out.
    private static readonly LsmOptions Tiny = LsmRun.Small with { CacheBytes = 4 * 1024, MemtableBytes = 32 * 1024, LevelZeroFiles = 6 };

    // Short values are copied out of their block, long ones are slices of it.
    private static readonly int[] ValueBytes = [0, 30, 1024, 1025, 3000];

    private readonly ImageDisk _disk = new();
    private readonly LsmStore _store;
    private readonly LsmShard _shard;

    public LsmBlockReuseTests()
    {
        _store = LsmOnImage.Open(_disk, Tiny);
        _shard = _store.Shard(LsmOnImage.Shard);
        for (var i = 0; i < Records; i++)
        {
            _shard.Write(Key(i), new StoredRecord(new HybridTime((ulong)i + 1), HybridTime.Zero, Value(i)));
            _shard.Applied = _shard.Applied.Next;
            _store.Maintain(10_000);
            _disk.Pump();
        }

        _store.Flush();
        LsmOnImage.Settle(_store, _disk);
    }

    [Fact]
    public void Values_stay_as_they_were_read_however_many_blocks_come_after_them()
    {
        var kept = new List<(int Number, ReadOnlyMemory<byte> Value)>();
        var prng = new Prng(1);
        for (var i = 0; i < 2000; i++)
        {
            var number = prng.NextInt(0, Records - 1);
            kept.Add((number, LsmOnImage.Get(_shard, KeyText(number), _disk).Record!.Value.Value));
        }

        using (var cursor = _shard.OpenCursor())
        {
            for (var number = 0; number < Records; number++)
            {
                Assert.True(Loaded(cursor, number == 0 ? cursor.SeekFirst() : cursor.Next()));
                kept.Add((number, cursor.Record.Value));
            }
        }

        Assert.True(_store.Statistics.BlocksLoaded > 1000);
        Assert.All(kept, read => Assert.Equal(Value(read.Number), read.Value.ToArray()));
    }

    [Fact]
    public void A_cursor_goes_on_where_it_stood_after_its_block_has_left_the_cache()
    {
        var cursors = Enumerable.Range(0, 8).Select(_ => _shard.OpenCursor()).ToList();
        var prng = new Prng(2);
        var positions = new int[cursors.Count];
        for (var i = 0; i < cursors.Count; i++)
        {
            positions[i] = prng.NextInt(0, Records - 130);
            Assert.True(Loaded(cursors[i], cursors[i].SeekAtOrAfter(Key(positions[i]))));
        }

        for (var round = 0; round < 120; round++)
        {
            for (var i = 0; i < cursors.Count; i++)
            {
                // Others have pushed its block out meanwhile, and new ones have come into arrays that were free.
                Assert.Equal(Key(positions[i]), cursors[i].KeySpan.ToArray());
                Assert.Equal(Value(positions[i]), cursors[i].Record.Value.ToArray());
                Assert.True(Loaded(cursors[i], cursors[i].Next()));
                positions[i]++;
                _ = LsmOnImage.Get(_shard, KeyText(prng.NextInt(0, Records - 1)), _disk);
            }
        }

        // Half of them are forgotten without being disposed of: their blocks are left to the garbage collector.
        foreach (var cursor in cursors.Take(4))
        {
            cursor.Dispose();
            Assert.False(cursor.IsValid);
        }

        foreach (var cursor in cursors.Skip(4))
        {
            Assert.True(Loaded(cursor, cursor.Previous()));
            Assert.Equal(Value(positions[cursors.IndexOf(cursor)] - 1), cursor.Record.Value.ToArray());
        }
    }

    [Fact]
    public void What_a_lookup_found_is_forgotten_with_the_next_write()
    {
        var key = Key(7);
        ReadOnlyMemory<byte> memory = key;
        var seen = new List<string>();
        Assert.False(_shard.Prepare([memory], _ => Use()));
        _disk.Pump();
        Assert.Equal(["before", "first", "gone", "again", "gone with its range"], seen);

        void Use()
        {
            seen.Add(Found().AsSpan().SequenceEqual(Value(7)) ? "before" : "wrong");
            Write("first");
            seen.Add(Text());
            _shard.Delete(key, Next());
            seen.Add(Found() is null ? "gone" : "wrong");
            Write("again");
            seen.Add(Text());
            _shard.DeleteRange(Key(7), Key(8), Next());
            seen.Add(Found() is null ? "gone with its range" : "wrong");
        }

        byte[]? Found() => _shard.TryGet(memory, out var record) ? record.Value.ToArray() : null;

        string Text() => Encoding.ASCII.GetString(Found()!);

        void Write(string text) => _shard.Write(key, new StoredRecord(Next(), HybridTime.Zero, Encoding.ASCII.GetBytes(text)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(600)]
    [InlineData(2000)]
    [InlineData(6000)]
    public void A_prepared_key_stays_readable_while_its_call_writes_others(int cacheBytes)
    {
        // Two files of level 0 above the others, whose filters a lookup touches before it comes to what it must load.
        for (var file = 0; file < 2; file++)
        {
            for (var number = file; number < Records; number += 7)
            {
                _shard.Write(Key(number), new StoredRecord(Next(), HybridTime.Zero, Value(number)));
            }

            _store.Flush();
            LsmOnImage.Settle(_store, _disk);
        }

        // The lookup goes on where it stopped: the blocks that it touched before its loads must be there for one from the beginning.
        Assert.True(_store.Statistics.LevelFiles[0] >= 2);
        var store = LsmOnImage.Open(_disk, Tiny with { CacheBytes = cacheBytes });
        var shard = store.Shard(LsmOnImage.Shard);
        var prng = new Prng(3);
        for (var i = 0; i < 2000; i++)
        {
            var number = prng.NextInt(0, Records - 1);
            ReadOnlyMemory<byte> key = Key(number);
            var isCalled = false;
            if (!shard.Prepare([key], _ => Use()))
            {
                _disk.Pump();
                Assert.True(isCalled);
            }

            void Use()
            {
                isCalled = true;
                shard.Write("other"u8, new StoredRecord(Next(), HybridTime.Zero, new byte[10]));
                Assert.True(shard.TryGet(key, out var record));
                Assert.Equal(Value(number), record.Value.ToArray());
            }
        }
    }

    private HybridTime Next()
    {
        _shard.Applied = _shard.Applied.Next;
        return new HybridTime(_shard.Applied.Value + 1);
    }

    private bool Loaded(ISortedCursor cursor, bool isOn)
    {
        if (!isOn && cursor.IsWaiting)
        {
            cursor.Load(static () => { });
            _disk.Pump();
        }

        Assert.Null(cursor.Fault);
        return cursor.IsValid;
    }

    private static string KeyText(int number) => $"key/{number:d4}";

    private static byte[] Key(int number) => Encoding.ASCII.GetBytes(KeyText(number));

    private static byte[] Value(int number)
    {
        var value = new byte[ValueBytes[number % ValueBytes.Length]];
        new Prng((ulong)number).Fill(value);
        return value;
    }
}
