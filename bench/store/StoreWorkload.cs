using System.Buffers.Binary;
using System.Diagnostics;
using Atoll.Foundation.Randomness;

namespace Atoll.StoreBench;

/// <summary>One workload on one store, measured.</summary>
/// <param name="Store">The store's name.</param>
/// <param name="Workload">The workload's name, with the kind of fill before it.</param>
/// <param name="Operations">How many operations.</param>
/// <param name="OpsPerSecond">How many a second.</param>
/// <param name="P50Micros">The median time of one, in microseconds.</param>
/// <param name="P99Micros">The time that one in a hundred exceeds, in microseconds.</param>
/// <param name="P999Micros">The time that one in a thousand exceeds, in microseconds.</param>
/// <param name="MaxMillis">The longest, in milliseconds.</param>
/// <param name="AllocatedBytes">Bytes allocated for one operation by the .NET runtime on the measuring thread.</param>
/// <param name="Wrong">Operations that did not find what they should: 0, or the store is broken.</param>
/// <param name="Notes">What the store says of itself.</param>
internal sealed record StoreRow(
    string Store, string Workload, int Operations, double OpsPerSecond, double P50Micros, double P99Micros, double P999Micros,
    double MaxMillis, long AllocatedBytes, int Wrong, string Notes)
{
    /// <summary>Whether a bar applies: what happens once, between workloads, is told and not judged.</summary>
    public bool IsJudged => Operations > 1 || Workload.EndsWith("scan of everything", StringComparison.Ordinal);
}

/// <summary>Fills a store, in order or at random, and then reads, scans and mixes, all on one thread. Keys have 16 bytes.</summary>
internal sealed class StoreWorkload
{
    private readonly IBenchStore _store;
    private readonly int _records;
    private readonly byte[] _value;
    private readonly Prng _prng = new(2);
    private readonly Action<StoreRow> _measured;
    private readonly string _fill;

    private StoreWorkload(IBenchStore store, int records, int valueBytes, string fill, Action<StoreRow> measured)
    {
        (_store, _records, _fill, _measured) = (store, records, fill, measured);
        _value = new byte[valueBytes];
        new Prng(1).Fill(_value);
    }

    /// <summary>Runs all of it on an empty store.</summary>
    public static void Run(IBenchStore store, int records, int valueBytes, bool isRandom, Action<StoreRow> measured)
    {
        var workload = new StoreWorkload(store, records, valueBytes, isRandom ? "random" : "sequential", measured);
        workload.Fill(isRandom);
        workload.Read();
    }

    private void Fill(bool isRandom)
    {
        Measure("fill", _records, i =>
        {
            Put(isRandom ? Any() : (ulong)i);
            return true;
        });
        Measure("merges to the end", 1, _ =>
        {
            _store.Settle();
            return true;
        });
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
        Measure("scan of everything", 1, _ => _store.Scan(Key(0), int.MaxValue) > 0);
        Measure("mixed 50/50", _records / 4, i =>
        {
            if (i % 2 != 0)
            {
                return _store.Get(Key(Any()));
            }

            Put(Any());
            return true;
        });
    }

    private void Measure(string name, int count, Func<int, bool> operation)
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

        var seconds = Stopwatch.GetElapsedTime(begin, last).TotalSeconds;
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / operations;
        Array.Sort(times);
        _measured(new StoreRow(
            _store.Name, $"{_fill}: {name}", operations, operations / seconds, At(0.5), At(0.99), At(0.999), At(1) / 1_000, allocated,
            _fill == "random" ? 0 : wrong, _store.Notes())); // a random fill leaves keys out: not to find one is no fault then

        double At(double share) => times[Math.Min(operations - 1, (int)(operations * share))] * 1_000_000.0 / Stopwatch.Frequency;
    }

    private ulong Any() => _prng.NextBelow((ulong)_records);

    private void Put(ulong number)
    {
        Span<byte> key = stackalloc byte[16];
        Write(key, number << 8);
        _store.Put(key, _value);
    }

    private static byte[] Key(ulong number)
    {
        var key = new byte[16];
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
