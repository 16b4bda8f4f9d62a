using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Atoll.Foundation.Randomness;
using Atoll.StoreBench;

// storebench [records] [value bytes] [cache MiB] [rocksdb]: what the store on disk does in a second, one row a workload; with "rocksdb"
// the same by RocksDB behind it (apt-get install librocksdb-dev). Keys have 16 bytes. The files go to a folder below the current one,
// and are deleted at the end.
var records = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
var valueBytes = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 100;
var cacheBytes = (args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : 32) << 20;
var root = Path.Combine(Directory.GetCurrentDirectory(), "storebench.data");
var value = new byte[valueBytes];
new Prng(1).Fill(value);
Console.WriteLine($"{records:N0} records of 16 + {valueBytes} bytes, cache {cacheBytes >> 20} MiB");
Console.WriteLine($"{"",-8} {"workload",-26}{"op/s",12}{"p99 us",10}{"max ms",10}{"B/op",8}   notes");
foreach (var random in new[] { false, true })
{
    Run(static (path, bytes) => new AtollStore(path, bytes), random);
    if (args.Contains("rocksdb"))
    {
        Run(static (path, bytes) => new RocksStore(path, bytes), random);
    }
}

Directory.Delete(root, true);
return;

void Run(Func<string, long, IBenchStore> open, bool random)
{
    if (Directory.Exists(root))
    {
        Directory.Delete(root, true);
    }

    var prng = new Prng(2);
    using var store = open(root, cacheBytes);
    Measure(random ? "random fill" : "sequential fill", records, i =>
    {
        Put(store, random ? prng.NextBelow((ulong)records) : (ulong)i);
        return true;
    });
    var clock = Stopwatch.StartNew();
    store.Settle();
    Console.WriteLine($"{store.Name,-8}   merges to the end: {clock.Elapsed.TotalSeconds:F2} s   {store.Notes()}");
    clock.Restart();
    store.Reopen();
    Console.WriteLine($"{store.Name,-8}   open: {clock.Elapsed.TotalMilliseconds:F1} ms");
    Measure("  point read, hit", records / 4, _ => store.Get(Key(prng.NextBelow((ulong)records))));
    Measure("  point read, miss", records / 4, _ => !store.Get(Miss(prng.NextBelow((ulong)records))));
    Measure("  point read, hot 1%", records / 4, _ => store.Get(Key(prng.NextBelow((ulong)records / 100))));
    Measure("  scan of 100", Math.Max(1, records / 200), _ => store.Scan(Key(prng.NextBelow((ulong)records)), 100) > 0);
    Measure("  scan of everything", 1, _ => store.Scan(Key(0), int.MaxValue) > 0);
    Measure("  mixed 50/50", records / 4, i =>
    {
        if (i % 2 == 0)
        {
            Put(store, prng.NextBelow((ulong)records));
            return true;
        }

        return store.Get(Key(prng.NextBelow((ulong)records)));
    });

    void Measure(string name, int operations, Func<int, bool> operation)
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
            $"{store.Name,-8} {name,-26}{operations / seconds,12:N0}{p99,10:F1}{times[^1] * micro / 1000,10:F1}{allocated,8}"
            + $"   {store.Notes()}{(wrong > 0 ? $", {wrong:N0} not found" : "")}");
    }
}

void Put(IBenchStore store, ulong number)
{
    Span<byte> key = stackalloc byte[16];
    Write(key, number << 8);
    store.Put(key, value);
}

static byte[] Key(ulong number)
{
    var key = new byte[16];
    Write(key, number << 8);
    return key;
}

static byte[] Miss(ulong number)
{
    // Between two keys that are there, so that only a filter spares the block.
    var key = Key(number);
    key[^1] = 1;
    return key;
}

static void Write(Span<byte> key, ulong number)
{
    "key-"u8.CopyTo(key);
    key[4..8].Clear();
    BinaryPrimitives.WriteUInt64BigEndian(key[8..], number);
}
