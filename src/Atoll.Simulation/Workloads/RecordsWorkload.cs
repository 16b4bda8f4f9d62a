using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Simulation.World;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;

namespace Atoll.Simulation.Workloads;

/// <summary>Clients of one space's records: each does one thing after the other, drawn from the workload's shape.</summary>
public sealed class RecordsWorkload : IWorkload
{
    // A probe's request may be forgotten once, by a jump of a clock; not again and again.
    private const int ProbeTriesMax = 3;

    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly RecordsRecorder _recorder;
    private readonly List<KeyGroup> _groups = [];
    private readonly string[] _keys;
    private readonly List<Worker> _workers = [];
    private readonly List<Watcher> _watchers = [];
    private bool _isStopping;

    /// <summary>A workload on a space that exists.</summary>
    public RecordsWorkload(SimCluster cluster, SpaceId space, WorkloadShape shape, Prng prng)
    {
        _cluster = cluster;
        _space = space;
        _shape = shape;
        _prng = prng;
        _recorder = new RecordsRecorder(cluster, space);
        _keys = [.. Enumerable.Range(0, shape.Keys).Select(i => $"k{i}")];
        for (var i = 0; i < shape.Groups; i++)
        {
            _groups.Add(NewGroup(i));
        }
    }

    /// <summary>What clients did and saw.</summary>
    public History History => _recorder.History;

    /// <summary>Calls that ended with a success.</summary>
    public long Succeeded => _recorder.Succeeded;

    /// <summary>Clients that are in the middle of a call.</summary>
    public int Busy => _workers.Count(worker => worker.IsBusy);

    /// <summary>Clients begin.</summary>
    public void Start()
    {
        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, NewClient(), i);
            _workers.Add(worker);
            worker.Rest();
        }

        var shards = _cluster.Directory.ShardsOf(_space).ToArray();
        for (var i = 0; i < _shape.Watchers; i++)
        {
            var watcher = new Watcher(_cluster, NewClient(), _prng.Pick(shards).Id, _recorder);
            _watchers.Add(watcher);
            watcher.Start();
        }
    }

    /// <summary>Clients finish what they are at, and do no more.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>Reads every key once more, by clients that may not fail; true when all have ended.</summary>
    public void ReadEverything(Action done)
    {
        var client = NewClient();
        client.Patience = Duration.FromSeconds(40);
        var keys = _keys.Concat(_groups.SelectMany(group => group.Keys)).ToArray();
        Next(0);

        void Next(int position)
        {
            if (position == keys.Length)
            {
                done();
                return;
            }

            _recorder.Get(client, -1, keys[position], result =>
            {
                if (result.Response.Status != ResponseStatus.Ok)
                {
                    throw new StalledException(
                        $"key {keys[position]} cannot be read although nothing hinders it any more: {result.Response.Status} after "
                        + $"{result.Attempts} attempts, {result.Response.Detail}");
                }

                Next(position + 1);
            });
        }
    }

    /// <summary>The watchers have seen everything that was acknowledged so far; throws when they missed something.</summary>
    public void CheckTheRest() => _watchers.ForEach(watcher => watcher.Check());

    /// <summary>True when the watchers have caught up with what was acknowledged.</summary>
    public bool IsCaughtUp => _watchers.TrueForAll(watcher => watcher.IsCaughtUp);

    /// <summary>Where the watchers stand, for people.</summary>
    public string DescribeLag() => string.Join("; ", _watchers);

    /// <summary>A write to each shard through a node, to see that it serves; keys that the history does not look at.</summary>
    /// <param name="through">The node.</param>
    /// <param name="done">The end: what is wrong, or null.</param>
    public void Probe(SimNode through, Action<string?> done)
    {
        var client = NewClient();
        client.Home = through;
        client.Patience = Duration.FromSeconds(30);
        var shards = _cluster.Directory.ShardsOf(_space).ToArray();
        Next(0, 1);

        void Next(int position, int tries)
        {
            if (position == shards.Length)
            {
                done(null);
                return;
            }

            var key = KeyIn(shards[position], $"probe{through.Id}-{position}-");
            client.Call(RecordsRequests.Put(_space, key, NumberedValue.Make(_recorder.NewNumber(), 8)), result =>
            {
                if (result.Response.Status == ResponseStatus.Ok)
                {
                    Next(position + 1, 1);
                }
                else if (tries < ProbeTriesMax && result.Response.Status is ResponseStatus.OutcomeUnknown or ResponseStatus.RequestExpired)
                {
                    // A shard's clock that jumped by hours forgets what was under way; what is asked for after that must succeed.
                    Next(position, tries + 1);
                }
                else
                {
                    done($"n{through.Id}, shard {shards[position].Id}: {result.Response.Status} {result.Response.Detail}");
                }
            });
        }
    }

    private static string KeyIn(ShardInfo shard, string prefix)
    {
        for (var i = 0; ; i++)
        {
            var key = $"{prefix}{i}";
            if (shard.Holds(StableHash.Compute(Encoding.UTF8.GetBytes(key))))
            {
                return key;
            }
        }
    }

    private SimClient NewClient()
    {
        var client = _cluster.NewClient();
        client.AttemptTimeout = _shape.AttemptTimeout;
        client.Patience = _shape.Patience;
        return client;
    }

    private KeyGroup NewGroup(int number)
    {
        var shards = _cluster.Directory.ShardsOf(_space);
        var shard = shards[number % shards.Length];
        var keys = Enumerable.Range(0, _shape.GroupKeys).Select(i => KeyIn(shard, $"g{number}/{i}-")).Order(StringComparer.Ordinal);
        return new KeyGroup(shard.Id, $"g{number}/", [.. keys]);
    }

    private sealed record KeyGroup(ShardId Shard, string Prefix, string[] Keys);

    private sealed class Worker(RecordsWorkload owner, SimClient client, int number) : ISimEventTarget
    {
        private readonly Prng _prng = owner._prng.Fork();

        public bool IsBusy { get; private set; }

        public void Rest()
        {
            IsBusy = false;
            if (!owner._isStopping)
            {
                owner._cluster.Scheduler.Schedule(
                    _prng.NextDuration(Duration.Zero, owner._shape.ThinkMax),
                    this,
                    new SimEvent(SimEventKind.Client, 0, number, client.Id, null));
            }
        }

        public void Run(in SimEvent happening)
        {
            if (owner._isStopping)
            {
                return;
            }

            IsBusy = true;
            var shape = owner._shape;
            var recorder = owner._recorder;
            (int Weight, Action Do)[] choices =
            [
                (shape.Gets, () => recorder.Get(client, number, Key(), _ => Rest())),
                (shape.Puts, () => recorder.Put(client, number, Key(), ValueBytes(), null, Rest)),
                (shape.CompareAndSets, CompareAndSet),
                (shape.Deletes, () => recorder.Delete(client, number, Key(), Rest)),
                (owner._groups.Count > 0 ? shape.Batches : 0, Batch),
                (owner._groups.Count > 0 ? shape.Scans : 0, Scan),
                (shape.RelaxedReads, () => recorder.RelaxedGet(client, Key(), _prng.NextInt(0, 2), Rest)),
                (shape.ExpiringPuts, () => recorder.ExpiringPut(client, $"t{_prng.NextInt(0, 9)}", _prng.NextInt(1, 20_000), Rest)),
            ];
            var drawn = _prng.NextInt(0, choices.Sum(choice => choice.Weight) - 1);
            foreach (var (weight, act) in choices)
            {
                drawn -= weight;
                if (drawn < 0)
                {
                    act();
                    return;
                }
            }
        }

        // A few keys are hot: half of all requests go to a tenth of the keys.
        private string Key()
        {
            var grouped = owner._groups.Count > 0 && _prng.Chance(200_000);
            var keys = grouped ? _prng.Pick(owner._groups).Keys : owner._keys;
            var range = _prng.Chance(500_000) ? Math.Max(1, keys.Length / 10) : keys.Length;
            return keys[_prng.NextInt(0, range - 1)];
        }

        private int ValueBytes() => _prng.Chance(owner._shape.LargePartsPerMillion)
            ? _prng.NextInt(NumberedValue.BytesMin, owner._shape.LargeValueBytesMax)
            : _prng.NextInt(NumberedValue.BytesMin, owner._shape.ValueBytesMax);

        private void CompareAndSet()
        {
            var key = Key();
            var expected = _prng.Chance(100_000) ? HybridTime.Zero : owner._recorder.LastVersionSeen(key);
            owner._recorder.Put(client, number, key, ValueBytes(), expected, Rest);
        }

        private void Batch()
        {
            var group = _prng.Pick(owner._groups);
            var keys = (string[])group.Keys.Clone();
            _prng.Shuffle<string>(keys);
            var steps = new List<(string Key, bool IsDelete, HybridTime? Expected, int Bytes)>();

            // Two at least: a delete that finds nothing is Ok in a batch and "not found" alone, and the checker tells them apart by that.
            foreach (var key in keys.Take(_prng.NextInt(2, keys.Length)))
            {
                var conditional = _prng.Chance(200_000);
                steps.Add((key, _prng.Chance(150_000), conditional ? owner._recorder.LastVersionSeen(key) : null, ValueBytes()));
            }

            owner._recorder.Batch(client, number, steps, Rest);
        }

        private void Scan()
        {
            var group = _prng.Pick(owner._groups);
            owner._recorder.Scan(client, number, group.Shard, group.Prefix, group.Keys, Rest);
        }
    }
}
