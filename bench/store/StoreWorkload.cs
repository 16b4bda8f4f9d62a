using System.Buffers.Binary;
using System.Collections;
using System.Diagnostics;
using System.Globalization;
using Atoll.Foundation.Randomness;

namespace Atoll.StoreBench;

/// <summary>Fills a store, in order or at random, and then reads, scans and mixes, all on one thread. Keys have 16 bytes.</summary>
internal sealed class StoreWorkload
{
    private const int KeyBytes = 16;

    private readonly IBenchStore _store;
    private readonly int _records;
    private readonly byte[] _value;
    private readonly Prng _prng = new(2);
    private readonly Action<StoreRow> _measured;
    private readonly string _fill;
    private readonly string _root;
    private readonly BitArray _live;
    private readonly long _writtenBefore = BytesWritten();
    private long _bytesPut;

    private StoreWorkload(IBenchStore store, string root, int records, int valueBytes, string fill, Action<StoreRow> measured)
    {
        (_store, _root, _records, _fill, _measured) = (store, root, records, fill, measured);
        _live = new BitArray(records);
        _value = new byte[valueBytes];
        new Prng(1).Fill(_value);
    }

    /// <summary>Runs all of it on an empty store, whose files are below a folder.</summary>
    public static void Run(IBenchStore store, string root, int records, int valueBytes, bool isRandom, Action<StoreRow> measured)
    {
        var workload = new StoreWorkload(store, root, records, valueBytes, isRandom ? "random" : "sequential", measured);
        workload.Fill(isRandom);
        workload.Read();
    }

    private void Fill(bool isRandom)
    {
        Measure("fill", _records, i => Put(isRandom ? Any() : (ulong)i), _store.Flush);
        Settle("merges after the fill");
        Measure("open", 1, _ =>
        {
            _store.Reopen();
            return true;
        });
    }

    private void Read()
    {
        Measure("point read, hit", _records / 4, _ => _store.Get(Key(Any())));
        Measure("point read, miss", _records / 4, _ => !_store.Get(Miss(Any())));
        Measure("point read, hot 1 %", _records / 4, _ => _store.Get(Key(_prng.NextBelow(Math.Max(1, (ulong)_records / 100)))));
        Measure("scan of 100", _records / 200, _ => _store.Scan(Key(Any()), 100) > 0);
        Measure("scan of everything", 3, _ => _store.Scan(Key(0), int.MaxValue) > 0);
        Measure("mixed 50/50", _records / 4, i => i % 2 != 0 ? _store.Get(Key(Any())) : Put(Any()));
        Settle("merges after the mix");
    }

    private void Settle(string name) => Measure(name, 1, _ =>
    {
        _store.Settle();
        return true;
    });

    private void Measure(string name, int count, Func<int, bool> operation, Action? end = null)
    {
        var operations = Math.Max(1, count);
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

        end?.Invoke();
        var ended = Stopwatch.GetTimestamp();
        var flushMillis = Stopwatch.GetElapsedTime(last, ended).TotalMilliseconds;
        var notes = end is null ? _store.Notes() : string.Create(CultureInfo.InvariantCulture, $"flushed, synced in {flushMillis:F0} ms");
        var seconds = Stopwatch.GetElapsedTime(begin, ended).TotalSeconds;
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / operations;
        Array.Sort(times);
        var isSettled = name.StartsWith("merges", StringComparison.Ordinal);
        _measured(new StoreRow(
            _store.Name, $"{_fill}: {name}", operations, operations / seconds, At(0.5), At(0.99), At(0.999), At(1) / 1_000, allocated,
            Environment.WorkingSet >> 20, isSettled ? (double)(BytesWritten() - _writtenBefore) / _bytesPut : null,
            isSettled ? SpaceAmplification() : null,
            _fill == "random" ? 0 : wrong, notes)); // a random fill leaves keys out: not to find one is no fault then

        double At(double share) => times[Math.Min(operations - 1, (int)(operations * share))] * 1_000_000.0 / Stopwatch.Frequency;
    }

    // What all threads of the process have given to system calls that write: it counts the same for everyone.
    private static long BytesWritten() => long.Parse(
        File.ReadLines("/proc/self/io").First(static line => line.StartsWith("wchar:", StringComparison.Ordinal))[6..],
        CultureInfo.InvariantCulture);

    private double SpaceAmplification()
    {
        var live = 0L;
        foreach (bool isLive in _live)
        {
            live += isLive ? KeyBytes + _value.Length : 0;
        }

        var files = new DirectoryInfo(_root).EnumerateFiles("*", SearchOption.AllDirectories);
        return (double)files.Sum(static file => file.Length) / Math.Max(1, live);
    }

    private ulong Any() => _prng.NextBelow((ulong)_records);

    private bool Put(ulong number)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        Write(key, number << 8);
        _store.Put(key, _value);
        _live[(int)number] = true;
        _bytesPut += KeyBytes + _value.Length;
        return true;
    }

    private static byte[] Key(ulong number)
    {
        var key = new byte[KeyBytes];
        Write(key, number << 8);
        return key;
    }

    private static byte[] Miss(ulong number)
    {
        // Between two keys that are there, so that only a filter spares the block.
        var key = Key(number);
        key[^1] = 1;
        return key;
    }

    private static void Write(Span<byte> key, ulong number)
    {
        "key-"u8.CopyTo(key);
        key[4..8].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(key[8..], number);
    }
}
