using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// A client of a stream: a producer that numbers its batches, one that does not, a reader, and now and then somebody who deletes what is
/// old. The numbers of the shape mean: puts are numbered batches, compare-and-sets such without numbers, gets reads that go on where the
/// last one ended, scans reads from anywhere, relaxed reads those from any replica.
/// </summary>
internal sealed class StreamWorker
{
    private readonly StreamsWorkload _owner;
    private readonly SimClient _reader;
    private readonly SimClient _plain;
    private readonly Prng _prng;
    private readonly NumberedProducer[] _producers;
    private readonly long[] _positions;

    /// <summary>A client of all partitions.</summary>
    /// <param name="owner">The workload.</param>
    /// <param name="number">Its number: of its producers, too.</param>
    /// <param name="prng">What it draws from.</param>
    public StreamWorker(StreamsWorkload owner, int number, Prng prng)
    {
        _owner = owner;
        _prng = prng;
        _reader = owner.NewClient();
        _plain = owner.NewClient();
        _plain.IdentifiesWrites = false;
        _plain.RetriesUnknownOutcomes = _prng.Chance(500_000);
        var numbered = owner.NewClient();
        numbered.IdentifiesWrites = false;
        _producers =
        [
            .. owner.Partitions.Select(partition => new NumberedProducer(
                numbered, partition.Shard, partition.Checker, owner.Batches, _prng, producerId: number, owner.EndsWell)),
        ];
        _positions = new long[owner.Partitions.Count];
        Loop = new ClientLoop(owner.Cluster, _reader, number, _prng, owner.Shape.ThinkMax) { Choices = Choices };
    }

    /// <summary>One thing after the other.</summary>
    public ClientLoop Loop { get; }

    private (int Weight, Action Do)[] Choices()
    {
        var shape = _owner.Shape;
        return
        [
            (shape.Puts, () => _producers[Draw()].Send(Loop.Rest)),
            (shape.CompareAndSets, AppendPlain),
            (shape.Gets, GoOn),
            (shape.Scans, ReadAnywhere),
            (shape.RelaxedReads, ReadAnyReplica),
            (6, FindEnd),
            (shape.Deletes / 5, Delete),
        ];
    }

    private int Draw() => _prng.NextInt(0, _owner.Partitions.Count - 1);

    private void AppendPlain()
    {
        var partition = _owner.Partitions[Draw()];
        var batch = partition.Checker.Make(_owner.Batches.Make());
        partition.Checker.Invoke(batch);
        _plain.Call(StreamsRequests.Append(partition.Shard, batch.Bytes), result =>
        {
            NumberedProducer.Settle(partition.Checker, batch, result, _owner.EndsWell(result));
            Loop.Rest();
        });
    }

    private void GoOn()
    {
        var number = Draw();
        var linger = _prng.Chance(300_000) ? Duration.FromMilliseconds(_prng.NextInt(1, 2_000)) : Duration.Zero;
        Fetch(number, _positions[number], ReadLevel.Linearizable, linger, (fetched, next) =>
            _positions[number] = fetched.Places.Status == PartitionStatus.OffsetOutOfRange
                ? fetched.Places.Positions.LogStart : next);
    }

    private void ReadAnywhere()
    {
        var number = Draw();
        Fetch(number, AnyOffset(number), ReadLevel.Linearizable, Duration.Zero, (_, _) => { });
    }

    private void ReadAnyReplica()
    {
        var number = Draw();
        Fetch(number, AnyOffset(number), ReadLevel.Any, Duration.Zero, (_, _) => { });
    }

    // Now and then a little behind the end.
    private long AnyOffset(int number)
    {
        var (logStart, _, end) = _owner.Partitions[number].Checker.Floor;
        return _prng.NextInt((int)logStart, (int)end + 2);
    }

    private void Fetch(int number, long offset, ReadLevel level, Duration linger, Action<FetchedBatches, long> read)
    {
        var partition = _owner.Partitions[number];
        var fetch = new PartitionFetch(offset, _prng.Pick([1, 3_000, 1_000_000]), _prng.Chance(300_000));
        PartitionFloor? floor = level == ReadLevel.Linearizable ? partition.Checker.Floor : null;
        _reader.Call(StreamsRequests.Fetch(partition.Shard, fetch, level, linger), result =>
        {
            if (_owner.EndsWell(result))
            {
                var fetched = StreamsWorkload.FetchedIn(result);
                read(fetched, partition.Checker.Read(fetch, floor, fetched));
            }

            Loop.Rest();
        });
    }

    private void FindEnd()
    {
        var partition = _owner.Partitions[Draw()];
        var isLatest = _prng.Chance(500_000);
        var floor = partition.Checker.Floor;
        var find = new PartitionFind(isLatest ? PartitionFind.Latest : PartitionFind.Earliest, false);
        _reader.Call(StreamsRequests.Find(partition.Shard, find), result =>
        {
            if (_owner.EndsWell(result))
            {
                partition.Checker.FoundEnd(floor, isLatest, StreamsWorkload.FoundIn(result));
            }

            Loop.Rest();
        });
    }

    private void Delete()
    {
        var partition = _owner.Partitions[Draw()];
        var (logStart, _, end) = partition.Checker.Floor;
        var before = _prng.Chance(100_000) ? PartitionCommand.EndOffset : _prng.NextInt((int)logStart, (int)end);
        partition.Checker.InvokeDelete(before);
        _reader.Call(StreamsRequests.DeleteBefore(partition.Shard, before), result =>
        {
            if (_owner.EndsWell(result))
            {
                var deleted = StreamsWorkload.ResultOf(result);
                if (deleted.Status != PartitionStatus.Ok)
                {
                    throw new SafetyViolationException($"deleting before {before} was answered {deleted.Status}");
                }

                partition.Checker.AcknowledgeDelete(before == PartitionCommand.EndOffset ? end : before, deleted);
            }

            Loop.Rest();
        });
    }
}
