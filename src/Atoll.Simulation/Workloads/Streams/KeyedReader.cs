using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// A reader of committed records of a partition that is compacted: it makes a table of them, and goes on where it ended; it reads from
/// anywhere in between, and seldom deletes what is old.
/// </summary>
internal sealed class KeyedReader
{
    private readonly CompactedTopic _owner;
    private readonly CompactedPartition _partition;
    private readonly SimClient _client;
    private readonly Prng _prng;
    private readonly SortedDictionary<string, KeyedRecord> _table = new(StringComparer.Ordinal);
    private readonly bool _deletes;
    private long _position;

    /// <summary>A reader.</summary>
    /// <param name="owner">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="number">Its number.</param>
    /// <param name="prng">What it draws from.</param>
    public KeyedReader(CompactedTopic owner, CompactedPartition partition, int number, Prng prng)
    {
        (_owner, _partition, _prng) = (owner, partition, prng);
        _client = owner.Streams.NewClient();
        _deletes = prng.Chance(300_000);
        Loop = new ClientLoop(owner.Streams.Cluster, _client, number, prng, owner.Streams.Shape.ThinkMax * 2) { Choices = Choices };
    }

    /// <summary>One thing after the other.</summary>
    public ClientLoop Loop { get; }

    /// <summary>Reads what it has not yet, when nothing goes wrong any more.</summary>
    /// <param name="done">The end.</param>
    public void ReadToTheEnd(Action done)
    {
        _client.BePatient();
        _owner.Read(_client, _partition, _position, ReadLevel.Linearizable, 100_000, (next, positions, seen) =>
        {
            Take(next, seen);
            if (next < positions.HighWatermark)
            {
                ReadToTheEnd(done);
                return;
            }

            _partition.Checker.CheckTable(_table, positions.LogStart);
            done();
        });
    }

    private (int Weight, Action Do)[] Choices() => [(10, ReadOn), (5, ReadAnywhere), (_deletes ? 1 : 0, Delete)];

    private void ReadOn() => _owner.TryRead(
        _client, _partition, _position, ReadLevel.Linearizable, _prng.Pick([1, 1_000, 1_000_000]), Take, Loop.Rest);

    private void ReadAnywhere() => _owner.TryRead(
        _client, _partition, AnyOffset(), _prng.Chance(500_000) ? ReadLevel.Any : ReadLevel.Linearizable,
        _prng.Pick([1, 1_000, 1_000_000]), static (_, _) => { }, Loop.Rest);

    private void Delete()
    {
        var before = AnyOffset();
        _partition.Checker.InvokeDelete(before);
        _client.Call(StreamsRequests.DeleteBefore(_partition.Shard, before), result =>
        {
            _ = ProvingCalls.IsSuccess(result);
            Loop.Rest();
        });
    }

    private long AnyOffset()
    {
        var (logStart, lastStable, _) = _partition.Checker.Floor;
        return _prng.NextInt((int)logStart, (int)Math.Max(logStart, lastStable));
    }

    private void Take(long next, IReadOnlyList<KeyedRecord> seen)
    {
        _position = next;
        foreach (var record in seen)
        {
            _table[record.Key] = record;
        }
    }
}
