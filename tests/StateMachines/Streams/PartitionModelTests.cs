using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Streams;
using Xunit;

namespace Atoll.StateMachines.Tests.Streams;

/// <summary>
/// Anything that producers, coordinators and retention may do, in any order, against a model that is a list; and replicas that start on an
/// older tree, or begin with a snapshot, come to the same state with the same data.
/// </summary>
public sealed class PartitionModelTests
{
    private const int Steps = 400;

    public static TheoryData<ulong> Seeds => new(Enumerable.Range(1, 30).Select(seed => (ulong)seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_replica_serves_what_was_appended_and_nothing_else(ulong seed)
    {
        var random = new Prng(seed);
        var partition = new PartitionReplica();
        var model = new Model();
        var term = 1UL;
        partition.Configure(new PartitionSettings(random.NextInt(0, 1) == 0 ? -1 : 50_000, -1, random.NextInt(200, 2_000), 20_000));
        for (var step = 0; step < Steps; step++)
        {
            partition.Now += random.NextInt(0, 2_000);
            term += random.Chance(20_000) ? 2UL : 0;
            partition.Term = new Term(term);
            model.Step(partition, random);
            if (random.Chance(30_000))
            {
                partition.Expire();
            }

            model.Trim(partition.Machine.LogStart);
            if (random.Chance(30_000))
            {
                var restarted = partition.Restart();
                Assert.Equal(partition.State.StateHash(), restarted.State.StateHash());
                partition = restarted;
            }

            model.Compare(partition, random);
        }

        var joined = partition.Join();
        Assert.Equal(partition.State.StateHash(), joined.State.StateHash());
        Assert.Equal(partition.Machine.LogStart, Math.Max(joined.Machine.LogStart, partition.Machine.LogStart));
        model.Trim(Math.Max(joined.Machine.LogStart, partition.Machine.LogStart));
        model.Compare(joined, random);

        // What is done next has the same result on both.
        partition.Now += 10;
        var result = partition.Append(partition.Batch(2));
        Assert.Equal(result with { LogStart = 0 }, joined.ApplyNext() with { LogStart = 0 });
        Assert.Equal(partition.State.StateHash(), joined.State.StateHash());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_snapshot_that_is_garbled_is_refused_or_a_state(ulong seed)
    {
        var random = new Prng(seed);
        var partition = new PartitionReplica();
        var model = new Model();
        partition.Configure(new PartitionSettings(-1, -1, 300, 20_000));
        for (var step = 0; step < 60; step++)
        {
            model.Step(partition, random);
        }

        var state = new WireWriter();
        partition.Machine.Persist(partition.State.Now);
        Assert.True(partition.Tree.Section(StateSections.Meta).TryGet(StateSections.MachineKey, out var record));
        var meta = record.Value.ToArray();
        Assert.NotNull(PartitionState.TryRead(meta));
        for (var round = 0; round < 200; round++)
        {
            var garbled = meta.ToArray();
            garbled[random.NextInt(0, garbled.Length - 1)] ^= (byte)random.NextInt(1, 255);
            var length = random.Chance(500_000) ? garbled.Length : random.NextInt(0, garbled.Length);
            if (PartitionState.TryRead(garbled.AsMemory(0, length)) is { } read)
            {
                state.Reset();
                read.Write(state);
                Assert.NotNull(PartitionState.TryRead(state.WrittenMemory));
            }
        }
    }

    private sealed class Model
    {
        private readonly List<(long Offset, byte[] Batch, int Epoch)> _batches = [];
        private readonly Dictionary<long, (short Epoch, int Next, long Open)> _producers = [];
        private readonly List<AbortedTransaction> _aborted = [];
        private readonly Dictionary<long, int> _numbers = [];
        private long _next;
        private long _start;

        public void Step(PartitionReplica partition, Prng random)
        {
            var id = random.NextInt(1, 4);
            var (epoch, next, open) = _producers.GetValueOrDefault(id, ((short)0, 0, -1));
            var records = random.NextInt(1, 5);
            switch (random.NextInt(0, 9))
            {
                case 0 or 1 or 2:
                    var plain = partition.Batch(records, bytes: random.NextInt(0, 60));
                    Added(partition.Append(plain), plain, partition.Term);
                    break;
                case 3 or 4 or 5:
                    var isTransactional = open >= 0 || random.NextInt(0, 1) == 0;
                    var batch = partition.Batch(records, id, epoch, next, isTransactional);
                    var number = _numbers.GetValueOrDefault(id);
                    if (isTransactional && open < 0)
                    {
                        Assert.Equal(PartitionStatus.Ok, partition.Begin(id, epoch, number).Status);
                    }

                    var added = partition.Append(batch);
                    Added(added, batch, partition.Term);
                    _producers[id] = (epoch, next + records, open < 0 && isTransactional ? added.BaseOffset : open);
                    Assert.Equal(added with { LogStart = 0 }, partition.Append(batch) with { LogStart = 0 });
                    break;
                case 6:
                    Assert.Equal(next == 0 && !_producers.ContainsKey(id) ? PartitionStatus.Ok : PartitionStatus.OutOfOrderSequence,
                        _producers.ContainsKey(id) ? partition.Append(id, epoch, next + 1, 1, open >= 0).Status : PartitionStatus.Ok);
                    break;
                case 7 when _producers.ContainsKey(id):
                    End(partition, id, random);
                    break;
                case 8 when _producers.ContainsKey(id) && epoch > 0:
                    Assert.Equal(PartitionStatus.ProducerFenced, partition.Append(id, (short)(epoch - 1), next).Status);
                    break;
                case 9 when random.NextInt(0, 4) == 0:
                    var before = random.NextInt(0, (int)_next);
                    Assert.Equal(PartitionStatus.Ok, partition.DeleteBefore(before).Status);
                    break;
                default:
                    break;
            }
        }

        public void Trim(long start) => _start = start;

        public void Compare(PartitionReplica partition, Prng random)
        {
            var open = _producers.Values.Select(producer => producer.Open).Where(offset => offset >= 0).DefaultIfEmpty(_next).Min();
            var positions = new PartitionPositions(_start, open, _next);
            var from = random.NextInt((int)_start, (int)_next);
            var isCommitted = random.NextInt(0, 1) == 0;
            var fetched = partition.Fetch(from, random.NextInt(1, 3_000), isCommitted);
            Assert.Equal((PartitionStatus.Ok, positions), (fetched.Status, fetched.Positions));
            var expected = _batches.Where(batch => LastOf(batch) >= from && batch.Offset < (isCommitted ? open : _next)).ToList();
            Assert.Equal(expected.Count > 0, fetched.Batches.Count > 0);
            foreach (var (place, batch) in fetched.Batches.Zip(expected))
            {
                var served = partition.Serve(place);
                Assert.Equal((batch.Offset, batch.Epoch), (served.Header.BaseOffset, served.Header.LeaderEpoch));
                Assert.True(served.Memory.Span[16..].SequenceEqual(batch.Batch.AsSpan(16)));
            }

            if (isCommitted && fetched.Batches.Count > 0)
            {
                var last = fetched.Batches[^1].LastOffset;
                Assert.Equal(
                    _aborted.Where(aborted => aborted.MarkerOffset >= from && aborted.FirstOffset <= last), fetched.Aborted);
            }
        }

        private static long LastOf((long Offset, byte[] Batch, int Epoch) batch) =>
            batch.Offset + RecordBatchHeader.Read(batch.Batch).LastOffsetDelta;

        private void End(PartitionReplica partition, long id, Prng random)
        {
            var (epoch, next, open) = _producers[id];
            var bumps = random.NextInt(0, 1) == 0;
            var isCommit = random.NextInt(0, 1) == 0;
            var ended = (short)(epoch + (bumps ? 1 : 0));
            var number = _numbers.GetValueOrDefault(id);
            _numbers[id] = number + 1;
            var result = partition.End(id, ended, isCommit, number);
            Assert.Equal((PartitionStatus.Ok, open >= 0 ? _next : -1), (result.Status, result.BaseOffset));
            if (open >= 0)
            {
                Added(result, new TransactionMarker(id, ended, isCommit, number).ToBatch(partition.Now), partition.Term);
                if (!isCommit)
                {
                    _aborted.Add(new AbortedTransaction(id, open, result.BaseOffset));
                }
            }

            _producers[id] = (ended, bumps ? 0 : next, -1);
        }

        private void Added(PartitionResult result, byte[] batch, Term term)
        {
            Assert.Equal((PartitionStatus.Ok, _next), (result.Status, result.BaseOffset));
            _batches.Add((_next, batch, (int)term.Value));
            _next += RecordBatchHeader.Read(batch).RecordCount;
        }
    }
}
