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
    private readonly SimCluster _cluster;
    private readonly SpaceId _space;
    private readonly WorkloadShape _shape;
    private readonly Prng _prng;
    private readonly RecordsRecorder _recorder;
    private readonly List<KeyGroup> _groups = [];
    private readonly string[] _keys;
    private readonly List<Worker> _workers = [];
    private readonly List<Watcher> _watchers = [];

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
    public int Busy => _workers.Count(worker => worker.Loop.IsBusy);

    /// <summary>Clients begin.</summary>
    public void Start()
    {
        for (var i = 0; i < _shape.Clients; i++)
        {
            var worker = new Worker(this, NewClient(), i);
            _workers.Add(worker);
            worker.Loop.Rest();
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
    public void Stop() => _workers.ForEach(worker => worker.Loop.Stop());

    /// <summary>Reads every key once more, by clients that may not fail; true when all have ended.</summary>
    public void ReadEverything(Action done)
    {
        var client = NewClient();
        client.BePatient();
        ProvingCalls.ReadAll(
            [
                .. _keys.Concat(_groups.SelectMany(group => group.Keys))
                    .Select(key => new LastRead($"key {key}", ended => _recorder.Get(client, -1, key, ended))),
            ],
            done);
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
    public void Probe(SimNode through, Action<string?> done) => ProvingCalls.Probe(
        _cluster,
        _space,
        NewClient(),
        through,
        (shard, position) => RecordsRequests.Put(
            _space, KeyIn(shard, $"probe{through.Id}-{position}-"), NumberedValue.Make(_recorder.NewNumber(), 8)),
        done);

    private static string KeyIn(ShardInfo shard, string prefix) =>
        ProvingCalls.KeyIn(shard, prefix, key => StableHash.Compute(Encoding.UTF8.GetBytes(key)));

    private SimClient NewClient() => _shape.NewClient(_cluster);

    private KeyGroup NewGroup(int number)
    {
        var shards = _cluster.Directory.ShardsOf(_space);
        var shard = shards[number % shards.Length];
        var keys = Enumerable.Range(0, _shape.GroupKeys).Select(i => KeyIn(shard, $"g{number}/{i}-")).Order(StringComparer.Ordinal);
        return new KeyGroup(shard.Id, $"g{number}/", [.. keys]);
    }

    private sealed record KeyGroup(ShardId Shard, string Prefix, string[] Keys);

    private sealed class Worker
    {
        private readonly RecordsWorkload _owner;
        private readonly SimClient _client;
        private readonly int _number;
        private readonly Prng _prng;

        public Worker(RecordsWorkload owner, SimClient client, int number)
        {
            _owner = owner;
            _client = client;
            _number = number;
            _prng = owner._prng.Fork();
            Loop = new ClientLoop(owner._cluster, client, number, _prng, owner._shape.ThinkMax) { Choices = Choices };
        }

        public ClientLoop Loop { get; }

        private (int Weight, Action Do)[] Choices()
        {
            var shape = _owner._shape;
            var recorder = _owner._recorder;
            return
            [
                (shape.Gets, () => recorder.Get(_client, _number, Key(), _ => Loop.Rest())),
                (shape.Puts, () => recorder.Put(_client, _number, Key(), ValueBytes(), null, Loop.Rest)),
                (shape.CompareAndSets, CompareAndSet),
                (shape.Deletes, () => recorder.Delete(_client, _number, Key(), Loop.Rest)),
                (_owner._groups.Count > 0 ? shape.Batches : 0, Batch),
                (_owner._groups.Count > 0 ? shape.Scans : 0, Scan),
                (shape.RelaxedReads, () => recorder.RelaxedGet(_client, Key(), _prng.NextInt(0, 2), Loop.Rest)),
                (shape.ExpiringPuts,
                    () => recorder.ExpiringPut(_client, $"t{_prng.NextInt(0, 9)}", _prng.NextInt(1, 20_000), Loop.Rest)),
            ];
        }

        // A few keys are hot: half of all requests go to a tenth of the keys.
        private string Key()
        {
            var grouped = _owner._groups.Count > 0 && _prng.Chance(200_000);
            var keys = grouped ? _prng.Pick(_owner._groups).Keys : _owner._keys;
            var range = _prng.Chance(500_000) ? Math.Max(1, keys.Length / 10) : keys.Length;
            return keys[_prng.NextInt(0, range - 1)];
        }

        private int ValueBytes() => _owner._shape.DrawValueBytes(_prng);

        private void CompareAndSet()
        {
            var key = Key();
            var expected = _prng.Chance(100_000) ? HybridTime.Zero : _owner._recorder.LastVersionSeen(key);
            _owner._recorder.Put(_client, _number, key, ValueBytes(), expected, Loop.Rest);
        }

        private void Batch()
        {
            var group = _prng.Pick(_owner._groups);
            var keys = (string[])group.Keys.Clone();
            _prng.Shuffle<string>(keys);
            var steps = new List<(string Key, bool IsDelete, HybridTime? Expected, int Bytes)>();

            // Two at least: a delete that finds nothing is Ok in a batch and "not found" alone, and the checker tells them apart by that.
            foreach (var key in keys.Take(_prng.NextInt(2, keys.Length)))
            {
                var conditional = _prng.Chance(200_000);
                steps.Add((key, _prng.Chance(150_000), conditional ? _owner._recorder.LastVersionSeen(key) : null, ValueBytes()));
            }

            _owner._recorder.Batch(_client, _number, steps, Loop.Rest);
        }

        private void Scan()
        {
            var group = _prng.Pick(_owner._groups);
            _owner._recorder.Scan(_client, _number, group.Shard, group.Prefix, group.Keys, Loop.Rest);
        }
    }
}
