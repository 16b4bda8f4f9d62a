using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Atoll.StoreBench;

// storebench [records] [value bytes] [cache MiB]: what the store on disk does in a second, one row a workload, on one thread that does
// everything (merges, system calls). Keys have 16 bytes. The files go to a folder below the current one, and are deleted at the end.
var records = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
var valueBytes = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 100;
var cacheBytes = (args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : 32) << 20;
var root = Path.Combine(Directory.GetCurrentDirectory(), "storebench.data");
var prng = new Prng(1);
var value = new byte[valueBytes];
prng.Fill(value);
var version = 0UL;
Console.WriteLine($"{records:N0} records of 16 + {valueBytes} bytes, cache {cacheBytes >> 20} MiB");
Console.WriteLine($"{"workload",-28}{"op/s",12}{"p99 us",10}{"max ms",10}{"B/op",8}   notes");

Fill("sequential fill", random: false);
Fill("random fill", random: true);
Directory.Delete(root, true);
return;

void Fill(string name, bool random)
{
    if (Directory.Exists(root))
    {
        Directory.Delete(root, true);
    }

    var disk = new FileDisk(root);
    LsmStore? store = null;
    var options = new LsmOptions { CacheBytes = cacheBytes, Identity = 1 };
    LsmStore.Open(disk, "s", options, o => store = o.Store);
    disk.Pump();
    var shard = store!.Shard(new ShardId(1));
    Measure(name, records, i =>
    {
        Write(store, shard, disk, random ? prng.NextBelow((ulong)records) : (ulong)i);
        return true;
    }, () => Amplification(store));
    var clock = Stopwatch.StartNew();
    Settle(store, disk);
    Console.WriteLine($"  merges to the end: {clock.Elapsed.TotalSeconds:F1} s; {Amplification(store)}");
    LsmStore? again = null;
    var other = new FileDisk(root);
    clock.Restart();
    LsmStore.Open(other, "s", options, o => again = o.Store);
    other.Pump();
    Console.WriteLine($"  open: {clock.Elapsed.TotalMilliseconds:F1} ms for {again!.Statistics.LevelFiles.Sum()} files");
    (store, disk, shard) = (again, other, again.Shard(new ShardId(1)));
    Measure("  point read, hit", records / 4, _ => Read(shard, disk, prng.NextBelow((ulong)records)), () => Cache(store));
    Measure("  point read, miss", records / 4, _ => !Read(shard, disk, prng.NextBelow((ulong)records) + (1UL << 40)), () => Cache(store));
    Measure("  point read, hot 1%", records / 4, _ => Read(shard, disk, prng.NextBelow((ulong)records / 100)), () => Cache(store));
    var scanned = 0L;
    Measure("  scan of 100", Math.Max(1, records / 200), _ => Scan(shard, disk, prng.NextBelow((ulong)records), 100, ref scanned),
        () => $"{scanned:N0} rows");
    scanned = 0;
    Measure("  scan of everything", 1, _ => Scan(shard, disk, 0, int.MaxValue, ref scanned), () => $"{scanned:N0} rows");
    Measure("  mixed 50/50", records / 4, i =>
    {
        if (i % 2 == 0)
        {
            Write(store, shard, disk, prng.NextBelow((ulong)records));
            return true;
        }

        return Read(shard, disk, prng.NextBelow((ulong)records));
    }, () => Amplification(store));
}

void Write(LsmStore store, LsmShard shard, FileDisk disk, ulong number)
{
    Span<byte> key = stackalloc byte[16];
    Key(key, number);
    shard.Write(key, new StoredRecord(new HybridTime(++version), HybridTime.Zero, value));
    shard.Applied = shard.Applied.Next;
    if (version % 64 == 0)
    {
        do
        {
            store.Maintain(64 * 1024);
            disk.Pump();
        }
        while (store.Pressure == WritePressure.Stop);
    }
}

bool Read(LsmShard shard, FileDisk disk, ulong number)
{
    var bytes = new byte[16];
    Key(bytes, number);
    ReadOnlyMemory<byte> key = bytes;
    var found = false;
    if (shard.Prepare(new ReadOnlySpan<ReadOnlyMemory<byte>>(in key), _ => found = shard.TryGet(key, out var _)))
    {
        return shard.TryGet(key, out _);
    }

    disk.Pump();
    return found;
}

static bool Scan(LsmShard shard, FileDisk disk, ulong from, int rows, ref long scanned)
{
    var key = new byte[16];
    Key(key, from);
    using var cursor = shard.OpenCursor();
    var more = cursor.SeekAtOrAfter(key);
    for (; rows > 0; rows--)
    {
        if (!more && cursor.IsWaiting)
        {
            cursor.Load(static () => { });
            disk.Pump();
            more = cursor.IsValid;
        }

        if (!more)
        {
            break;
        }

        scanned++;
        more = cursor.Next();
    }

    return true;
}

static void Key(Span<byte> key, ulong number)
{
    "key-"u8.CopyTo(key);
    key[4..8].Clear();
    BinaryPrimitives.WriteUInt64BigEndian(key[8..], number);
}

static void Settle(LsmStore store, FileDisk disk)
{
    store.Flush();
    while (store.HasWork || !disk.IsQuiet)
    {
        store.Maintain(1 << 20);
        disk.Pump();
    }
}

static string Amplification(LsmStore store)
{
    var s = store.Statistics;
    return $"write amplification {s.WriteAmplification:F1}, levels {string.Join('/', s.LevelFiles)}, {s.LevelBytes.Sum() >> 20} MiB";
}

static string Cache(LsmStore store)
{
    var s = store.Statistics;
    return $"{s.BlocksLoaded:N0} blocks loaded, {s.CacheHits:N0} hits";
}

static void Measure(string name, int operations, Func<int, bool> operation, Func<string> notes)
{
    var times = new long[operations];
    var wrong = 0;
    var allocated = GC.GetAllocatedBytesForCurrentThread();
    var begin = Stopwatch.GetTimestamp();
    var last = begin;
    for (var i = 0; i < operations; i++)
    {
        wrong += operation(i) ? 0 : 1;
        var now = Stopwatch.GetTimestamp();
        times[i] = now - last;
        last = now;
    }

    var seconds = Stopwatch.GetElapsedTime(begin, last).TotalSeconds;
    allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / operations;
    Array.Sort(times);
    var micro = 1_000_000.0 / Stopwatch.Frequency;
    var p99 = times[(int)(operations * 0.99)] * micro;
    Console.WriteLine(
        $"{name,-28}{operations / seconds,12:N0}{p99,10:F1}{times[^1] * micro / 1000,10:F1}{allocated,8}"
        + $"   {notes()}{(wrong > 0 ? $", {wrong:N0} not found" : "")}");
}
