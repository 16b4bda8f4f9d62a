using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>One simulated disk, one store after the other on it, and twins of the shards, over crashes.</summary>
internal sealed class LsmRun
{
    public static readonly LsmOptions Small = new()
    {
        MemtableBytes = 4 * 1024,
        BlockBytes = 256,
        IndexBytes = 128,
        FileBytes = 2 * 1024,
        LevelOneBytes = 6 * 1024,
        LevelZeroFiles = 3,
        CacheBytes = 64 * 1024,
        TransferBytes = 512,
        PendingWriteBytesMax = 2048,
        ApartBytes = 32,
        ValueFileBytes = 1024,
        ValueCacheBytes = 2048,
        Identity = 4711,
    };

    private const int Shards = 3;

    private readonly Scheduler _scheduler = new();
    private readonly SortedDictionary<ShardId, ShardTwin> _twins = [];
    private readonly SortedDictionary<ShardId, ulong> _durable = [];
    private readonly Dictionary<ShardId, string> _pending = [];
    private readonly List<SnapshotWalk> _walks = [];
    private readonly LsmOptions _options;
    private readonly string _run;
    private LsmStore? _store;
    private ulong _now = 1000;

    public LsmRun(ulong seed, LsmOptions? options = null)
    {
        _run = $"seed {seed}";
        _options = options ?? Small;
        Prng = new Prng(seed);
        Disk = new SimDisk(_scheduler, Prng.Fork());
        Open();
    }

    public Prng Prng { get; }

    public SimDisk Disk { get; }

    public LsmStore Store => _store!;

    public int KeysMax { get; set; } = 150;

    public int ValueBytesMax { get; set; } = 60;

    public bool WithoutLoads { get; set; }

    /// <summary>Events of the disk left; below zero nothing happens any more.</summary>
    public int EventsLeft { get; set; } = int.MaxValue;

    public SortedDictionary<ShardId, ShardTwin> Twins => _twins;

    /// <summary>Works until one of the bounds; true when it was the operations.</summary>
    public bool Work(int operations)
    {
        for (var i = 0; i < operations; i++)
        {
            Operate();
            if (Prng.Chance(300_000))
            {
                Store.Maintain(Prng.NextInt(1, 3000));
            }

            if (Prng.Chance(20_000))
            {
                Store.Flush();
            }

            for (var events = Prng.NextInt(0, 3); events > 0 && _scheduler.Pending > 0; events--)
            {
                if (EventsLeft-- <= 0)
                {
                    return false;
                }

                _scheduler.RunNext();
            }
        }

        return true;
    }

    /// <summary>Begins or goes on with reads that are under way for long, while everything else goes on.</summary>
    public void ReadOn()
    {
        if (_twins.Count == 0)
        {
            return;
        }

        var (id, twin) = _twins.ElementAt(Prng.NextInt(0, _twins.Count - 1));
        if (_walks.Count < 4 && !_pending.ContainsKey(id) && Prng.Chance(300_000))
        {
            var run = $"{_run} shard {id} walk begun at {_now}";
            _walks.Add(new SnapshotWalk(Store.Shard(id).Snapshot(), twin.At(ulong.MaxValue), Prng.Chance(500_000), run));
        }

        _walks.RemoveAll(walk => Prng.Chance(700_000) && !walk.Step());
        if (!_pending.ContainsKey(id) && Prng.Chance(300_000))
        {
            PrepareForLater(id);
        }
    }

    /// <summary>Lets everything that is due be done; true when the events sufficed.</summary>
    public bool Settle(bool flush = true)
    {
        if (flush)
        {
            Store.Flush();
        }

        for (var i = 0; i < 5000 && (Store.HasWork || _scheduler.Pending > 0); i++)
        {
            Store.Maintain(4000);
            while (_scheduler.Pending > 0)
            {
                if (EventsLeft-- <= 0)
                {
                    return false;
                }

                _scheduler.RunNext();
            }
        }

        return true;
    }

    public void Pump()
    {
        while (_scheduler.RunNext())
        {
        }
    }

    public void CrashAndCheck(bool powerLoss, PowerLossStyle? style = null)
    {
        EventsLeft = int.MaxValue;
        _walks.Clear();
        Note();
        Disk.Crash(powerLoss, style);
        Pump();
        Open();
        foreach (var shard in _twins.Keys.ToList())
        {
            Recover(shard);
        }

        CheckAll();
    }

    public void CheckAll()
    {
        foreach (var (id, twin) in _twins)
        {
            var shard = Store.Shard(id);
            using (var cursor = shard.OpenCursor())
            {
                ShardTwin.AssertSame(twin.At(ulong.MaxValue), cursor, Pump, $"{_run} shard {id}");
            }

            for (var i = 0; i < 15; i++)
            {
                CheckKey(shard, twin, RandomKey());
            }
        }
    }

    public void CheckSomething()
    {
        var (id, twin) = _twins.ElementAt(Prng.NextInt(0, _twins.Count - 1));
        if (_pending.ContainsKey(id))
        {
            Pump();
            return;
        }

        var shard = Store.Shard(id);
        switch (Prng.NextInt(0, 3))
        {
            case 0:
                CheckKey(shard, twin, RandomKey());
                break;
            case 1:
                var from = shard.CollectedThrough.Value;
                var at = from + Prng.NextBelow(Math.Max(1, _now + 2 - Math.Min(from, _now)));
                if (shard.SnapshotAt(new HybridTime(at)) is { } snapshot)
                {
                    using (snapshot)
                    using (var cursor = snapshot.OpenCursor())
                    {
                        ShardTwin.AssertSame(twin.At(at), cursor, Pump, $"{_run} shard {id} at {at} (collected {from})");
                    }
                }

                break;
            default:
                CheckWalk(shard, twin);
                break;
        }
    }

    /// <summary>Opens what is on the disk; the store before must have crashed.</summary>
    public LsmOpening TryOpen()
    {
        LsmOpening? opening = null;
        LsmStore.Open(Disk.Mount(), "s", _options, o => opening = o);
        Pump();
        Assert.NotNull(opening);
        _store = opening.Store;
        return opening;
    }

    /// <summary>Opens, but only for so many events; true when it ended.</summary>
    public bool OpenFor(int events)
    {
        var isOpen = false;
        LsmStore.Open(Disk.Mount(), "s", _options, _ => isOpen = true);
        while (events-- > 0 && _scheduler.RunNext())
        {
        }

        return isOpen;
    }

    public void Note()
    {
        foreach (var shard in Store.Shards)
        {
            _durable[shard.Shard] = Math.Max(_durable.GetValueOrDefault(shard.Shard), shard.DurableApplied.Value);
        }
    }

    private void Open()
    {
        var opening = TryOpen();
        Assert.True(
            opening is { Status: LsmOpeningStatus.Ok, Missing.Count: 0 },
            $"{_run}: {opening.Status} {opening.Corruption} {opening.DiskResult} {string.Join(' ', opening.Missing)}");
        Store.FaultFound = fault => Assert.Fail($"{_run}: {fault}");
    }

    // What the store has is the state after a prefix of the log; the rest comes out of the log again.
    private void Recover(ShardId id)
    {
        var twin = _twins[id];
        var isThere = Store.Shards.Any(s => s.Shard == id);
        var pending = _pending.GetValueOrDefault(id, "");
        _pending.Remove(id);
        if (pending == "drop" && !isThere)
        {
            _twins.Remove(id);
            _durable.Remove(id);
            return;
        }

        var shard = Store.Shard(id);
        var applied = shard.DurableApplied.Value;
        Assert.True(applied >= _durable.GetValueOrDefault(id), $"{_run}: {_durable.GetValueOrDefault(id)} was durable, {applied} is there");
        Assert.True(applied <= (ulong)twin.Log.Count, $"{_run}: {applied} of {twin.Log.Count} operations are there");
        Assert.Equal(shard.Applied, shard.DurableApplied);
        using (var cursor = shard.OpenCursor())
        {
            var then = ShardTwin.Of(twin.Log.Take((int)applied));
            ShardTwin.AssertSame(then.At(ulong.MaxValue), cursor, Pump, $"{_run} shard {id} recovered at {applied}");
        }

        var rest = twin.Log.Skip((int)applied).ToList();
        if (pending == "load" && rest.Count > 0)
        {
            // A load that did not become durable never was.
            Assert.NotNull(rest[^1].Loaded);
            rest.RemoveAt(rest.Count - 1);
            _twins[id] = ShardTwin.Of(twin.Log.Take(twin.Log.Count - 1));
        }

        foreach (var operation in rest)
        {
            Assert.Null(operation.Loaded);
            ShardTwin.ApplyTo(shard, operation);
        }
    }

    private void Operate()
    {
        var id = new ShardId((ulong)Prng.NextInt(1, Shards));
        if (_pending.ContainsKey(id))
        {
            return;
        }

        if (!_twins.TryGetValue(id, out var twin))
        {
            _twins[id] = twin = new ShardTwin();
        }

        var shard = Store.Shard(id);
        if (Prng.Chance(20_000))
        {
            shard.Horizon = Prng.Chance(300_000) ? HybridTime.Max : new HybridTime(_now - (ulong)Prng.NextInt(0, 100));
        }

        _now++;
        switch (Prng.NextInt(WithoutLoads ? 8 : 0, 999))
        {
            case < 3:
                _pending[id] = "drop";
                Store.DropShard(id, result =>
                {
                    if (result.IsOk)
                    {
                        _pending.Remove(id);
                        _twins.Remove(id);
                        _durable.Remove(id);
                    }
                });
                break;
            case < 8:
                Load(id, twin);
                break;
            case < 30:
                // A command that deletes a range and writes into it, all of one version.
                Do(shard, twin, new ShardOperation(_now, RandomKey(), null, RandomValue()));
                DeleteRange(shard, twin);
                Do(shard, twin, new ShardOperation(_now, RandomKey(), null, RandomValue()));
                break;
            case < 50:
                DeleteRange(shard, twin);
                break;
            case < 250:
                Do(shard, twin, new ShardOperation(_now, RandomKey(), null, null));
                break;
            default:
                Do(shard, twin, new ShardOperation(_now, RandomKey(), null, RandomValue()));
                break;
        }
    }

    private void Do(LsmShard shard, ShardTwin twin, ShardOperation operation)
    {
        twin.Apply(operation);
        ShardTwin.ApplyTo(shard, operation);
    }

    private void DeleteRange(LsmShard shard, ShardTwin twin)
    {
        var (from, to) = (RandomKey(), Prng.Chance(50_000) ? "" : RandomKey());
        Do(shard, twin, to.Length == 0 || string.CompareOrdinal(from, to) <= 0
            ? new ShardOperation(_now, from, to, null) : new ShardOperation(_now, to, from, null));
    }

    private void Load(ShardId id, ShardTwin twin)
    {
        var content = new SortedDictionary<string, (ulong, byte[])>(StringComparer.Ordinal);
        for (var left = Prng.NextInt(0, 80); left > 0; left--)
        {
            content[RandomKey()] = (_now - (ulong)Prng.NextInt(1, 900), RandomValue());
        }

        var load = Store.BeginLoad(id);
        foreach (var (key, (version, value)) in content)
        {
            load.Put(ShardTwin.Bytes(key), new StoredRecord(new HybridTime(version), HybridTime.Zero, value));
        }

        if (Prng.Chance(200_000))
        {
            load.Abandon();
            return;
        }

        _pending[id] = "load";
        twin.Apply(new ShardOperation(_now, "", null, null, content));
        load.Finish(new LogIndex((ulong)twin.Log.Count), new HybridTime(_now), result =>
        {
            Assert.True(result.IsOk, result.Detail);
            _pending.Remove(id);
        });
    }

    private void CheckKey(LsmShard shard, ShardTwin twin, string key)
    {
        var bytes = ShardTwin.Bytes(key);
        StoredRecord record = default;
        var isFound = false;
        var isReady = shard.Prepare([bytes], fault =>
        {
            Assert.True(fault is null, $"{_run}: {fault}");
            isFound = shard.TryGet(bytes, out record);
        });
        if (isReady)
        {
            isFound = shard.TryGet(bytes, out record);
        }
        else
        {
            Pump();
        }

        var expected = twin.At(ulong.MaxValue).Find(r => r.Key == key);
        Assert.True(isFound == expected.Key is not null, $"{_run}: '{key}' found: {isFound}");
        Assert.True(
            !isFound || (record.Version.Value == expected.Version && record.Value.Span.SequenceEqual(expected.Value)),
            $"{_run}: '{key}'");
    }

    // What is read when the keys are there is what the twin has then, not what it had when they were asked for.
    private void PrepareForLater(ShardId id)
    {
        var shard = Store.Shard(id);
        var keys = Enumerable.Range(0, Prng.NextInt(1, 10)).Select(_ => RandomKey()).ToList();
        shard.Prepare([.. keys.Select(k => new ReadOnlyMemory<byte>(ShardTwin.Bytes(k)))], fault =>
        {
            Assert.True(fault is null, $"{_run}: {fault}");
            if (_pending.ContainsKey(id) || !_twins.TryGetValue(id, out var twin) || Store.Shard(id) != shard)
            {
                return;
            }

            var expected = twin.At(ulong.MaxValue);
            foreach (var key in keys)
            {
                var isFound = shard.TryGet(ShardTwin.Bytes(key), out var record);
                var there = expected.Find(r => r.Key == key);
                Assert.True(isFound == there.Key is not null, $"{_run}: prepared '{key}' found: {isFound}");
                Assert.True(!isFound || record.Value.Span.SequenceEqual(there.Value), $"{_run}: prepared '{key}'");
            }
        });
    }

    private void CheckWalk(LsmShard shard, ShardTwin twin)
    {
        using var cursor = shard.OpenCursor();
        var expected = twin.At(ulong.MaxValue);
        var key = RandomKey();
        ReadOnlyMemory<byte> bytes = ShardTwin.Bytes(key);
        var (position, isOn) = Prng.NextInt(0, 3) switch
        {
            0 => (expected.FindIndex(r => string.CompareOrdinal(r.Key, key) >= 0), cursor.SeekAtOrAfter(bytes)),
            1 => (expected.FindIndex(r => string.CompareOrdinal(r.Key, key) > 0), cursor.SeekAfter(bytes)),
            2 => (expected.FindLastIndex(r => string.CompareOrdinal(r.Key, key) <= 0), cursor.SeekAtOrBefore(bytes)),
            _ => (expected.FindLastIndex(r => string.CompareOrdinal(r.Key, key) < 0), cursor.SeekBefore(bytes)),
        };
        for (var steps = Prng.NextInt(1, 20); ; steps--)
        {
            isOn = ShardTwin.Settle(cursor, isOn, Pump, _run);
            Assert.True(isOn == (position >= 0 && position < expected.Count), $"{_run}: a walk ends at {position} of {expected.Count}");
            if (!isOn || steps == 0)
            {
                return;
            }

            ShardTwin.AssertRecord(expected[position].Key, expected[position].Version, expected[position].Value, cursor, _run);
            var isForward = Prng.Chance(600_000);
            position += isForward ? 1 : -1;
            isOn = isForward ? cursor.Next() : cursor.Previous();
        }
    }

    // Keys of different lengths that share much, some of them prefixes of others.
    private string RandomKey()
    {
        var number = Prng.NextInt(0, KeysMax - 1);
        var end = (number % 3 == 0 ? "\0" : "") + (number % 5 == 0 ? "\xFF" : "");
        return number % 7 == 0 ? $"k{number / 10}" : $"k{number / 10}/{number % 10}{end}";
    }

    private byte[] RandomValue()
    {
        var value = new byte[Prng.Chance(10_000) ? Prng.NextInt(0, 3000) : Prng.NextInt(0, ValueBytesMax)];
        Prng.Fill(value);
        return value;
    }
}
