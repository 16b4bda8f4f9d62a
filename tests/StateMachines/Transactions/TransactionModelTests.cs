using System.Globalization;
using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Tests.Groups;
using Atoll.StateMachines.Tests.Streams;
using Atoll.StateMachines.Transactions;
using Xunit;

namespace Atoll.StateMachines.Tests.Transactions;

/// <summary>
/// A coordinator, two partitions, a group, and producers that are replaced at any time; what they say to each other is lost, comes late,
/// and comes again at any time, long after its sender has gone. In the end each transaction is there in all of its places or in none.
/// </summary>
public sealed class TransactionModelTests
{
    private const int Steps = 3_000;

    public static TheoryData<ulong> Seeds => new(Enumerable.Range(1, 20).Select(seed => (ulong)seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Each_transaction_is_there_everywhere_or_nowhere(ulong seed)
    {
        var world = new World(new Prng(seed));
        for (var step = 0; step < Steps; step++)
        {
            world.Step();
        }

        world.Settle();
        world.Check();
        Assert.True(world.Commits > 10, $"{world.Commits} transactions were committed");
    }

    private sealed class World(Prng random)
    {
        private const int UnderWayMax = 30;

        private static readonly TopicPartition Place = new("t", 9);

        private readonly TransactionReplica _coordinator = new();
        private readonly PartitionReplica[] _partitions = [new(), new()];
        private readonly GroupReplica _group = new();
        private readonly List<Action> _underWay = [];
        private readonly Dictionary<(long Producer, int Number), bool> _ends = [];
        private readonly List<(long Producer, int Number, int Partition, long Offset)> _acknowledged = [];
        private readonly Dictionary<(long Producer, int Number), long> _offsets = [];
        private IEnumerator<Call>? _producer;
        private long _counter;

        public int Commits => _ends.Values.Count(static isCommit => isCommit);

        public void Step()
        {
            _coordinator.Replica.Advance(random.NextInt(0, 20));
            switch (random.NextInt(0, 9))
            {
                case 0 when random.Chance(60_000):
                    _producer = Produce().GetEnumerator(); // the one before dies, or is a zombie: what it sent is under way
                    _producer.MoveNext();
                    break;
                case 1 when random.Chance(200_000):
                    _coordinator.Expire();
                    break;
                case 2 when _underWay.Count < UnderWayMax:
                    Finish();
                    break;
                case <= 7 when _underWay.Count > 0:
                    Deliver(random.NextInt(0, _underWay.Count - 1), mayComeAgain: true);
                    break;
                default:
                    if (_underWay.Count < UnderWayMax)
                    {
                        GoOn();
                    }

                    break;
            }
        }

        // Nobody begins anything any more; all that is under way comes, some time, and what was begun ends.
        public void Settle()
        {
            _coordinator.Replica.Advance(TransactionLimits.TimeoutMillisecondsMax);
            while (_coordinator.Expire() || _coordinator.Ending().Count > 0 || _underWay.Count > 0)
            {
                Finish();
                while (_underWay.Count > 0)
                {
                    Deliver(random.NextInt(0, _underWay.Count - 1), mayComeAgain: false);
                }

                _coordinator.Replica.Advance(1_000);
            }
        }

        public void Check()
        {
            var seen = new HashSet<(long Producer, int Number, int Partition, long Offset)>();
            for (var partition = 0; partition < _partitions.Length; partition++)
            {
                Assert.Equal(_partitions[partition].Machine.NextOffset, _partitions[partition].Machine.LastStable);
                seen.UnionWith(Committed(partition));
            }

            Assert.All(seen, batch => Assert.True(_ends.GetValueOrDefault((batch.Producer, batch.Number)), $"{batch} was not committed"));
            Assert.All(
                _acknowledged.Where(batch => _ends.GetValueOrDefault((batch.Producer, batch.Number))),
                batch => Assert.Contains(batch, seen));
            Assert.Empty(_group.Replica.Read(static writer => GroupQuery.WriteOffsets(writer, "g", [Place])) is var bytes
                ? GroupOffsets.TryRead(bytes)!.Unstable : []);
            var committed = _offsets.Where(pair => _ends.GetValueOrDefault(pair.Key)).Select(static pair => pair.Value).Append(-1);
            Assert.Contains(_group.Group("g")?.Offsets.GetValueOrDefault(Place, CommittedOffset.None).Offset ?? -1, committed);
        }

        // What a reader of committed records keeps, as clients do it.
        private IEnumerable<(long Producer, int Number, int Partition, long Offset)> Committed(int partition)
        {
            var fetched = _partitions[partition].Fetch(0, isCommitted: true);
            var starts = fetched.Aborted.OrderBy(static aborted => aborted.FirstOffset).ToList();
            var aborted = new HashSet<long>();
            foreach (var place in fetched.Batches)
            {
                var batch = _partitions[partition].Serve(place);
                while (starts.Count > 0 && starts[0].FirstOffset <= place.BaseOffset)
                {
                    aborted.Add(starts[0].ProducerId);
                    starts.RemoveAt(0);
                }

                if (batch.Header.IsControl)
                {
                    aborted.Remove(batch.Header.ProducerId);
                }
                else if (!aborted.Contains(batch.Header.ProducerId))
                {
                    var reader = new RecordReader(batch.Records, 1);
                    Assert.True(reader.TryNext(out var record));
                    var number = int.Parse(Encoding.UTF8.GetString(record.Value!.Value.Span), CultureInfo.InvariantCulture);
                    yield return (batch.Header.ProducerId, number, partition, place.BaseOffset);
                }
            }
        }

        private void Deliver(int at, bool mayComeAgain)
        {
            var message = _underWay[at];
            if (!mayComeAgain || !random.Chance(300_000))
            {
                _underWay.RemoveAt(at);
            }

            if (!mayComeAgain || !random.Chance(100_000))
            {
                message(); // else it is lost
            }
        }

        // Sends what it waits for, perhaps once more, or goes on with the answer.
        private void GoOn()
        {
            if (_producer?.Current is { Answer: null } call)
            {
                _underWay.Add(() =>
                {
                    var answer = call.Ask();
                    call.Answer = random.Chance(900_000) ? answer : call.Answer;
                });
            }
            else if (_producer?.MoveNext() != true)
            {
                _producer = Produce().GetEnumerator();
                _producer.MoveNext();
            }
        }

        // As any node may, at any time.
        private void Finish()
        {
            foreach (var producer in _coordinator.Ending())
            {
                var isCommit = producer.State == TransactionState.PrepareCommit;
                var left = producer.Partitions.Count + producer.Groups.Count;
                CompleteIf(left == 0);
                foreach (var place in producer.Partitions)
                {
                    var isTold = false;
                    _underWay.Add(() =>
                    {
                        var status = _partitions[place.Partition].End(
                            producer.ProducerId, producer.Epoch, isCommit, producer.Number).Status;
                        Assert.True(status is PartitionStatus.Ok or PartitionStatus.ProducerFenced or PartitionStatus.TransactionOver);
                        left -= isTold ? 0 : 1;
                        isTold = true;
                        CompleteIf(left == 0);
                    });
                }

                foreach (var group in producer.Groups)
                {
                    var isTold = false;
                    _underWay.Add(() =>
                    {
                        _group.Send(writer => GroupCommand.Write(writer, new EndGroupTransaction(
                            group, new ProducerTransaction(producer.ProducerId, producer.Epoch, producer.Number), isCommit)));
                        left -= isTold ? 0 : 1;
                        isTold = true;
                        CompleteIf(left == 0);
                    });
                }

                void CompleteIf(bool isOver)
                {
                    if (isOver)
                    {
                        _underWay.Add(() => _coordinator.Send(writer => TransactionCommand.Write(
                            writer, new CompleteTransaction(producer.Id, producer.ProducerId, producer.Epoch, producer.Number))));
                    }
                }
            }
        }

        // A client: it knows nothing but the answers that it gets, and starts anew when it cannot go on.
        private IEnumerable<Call> Produce()
        {
            var (known, knownEpoch) = (-1L, (short)-1);
            while (true)
            {
                var (id, epoch) = (known, knownEpoch);
                var init = new Call(() => _coordinator.Init("x", id, epoch, random.NextInt(1_000, 20_000)));
                yield return init;
                var producer = (TransactionResult)init.Answer!;
                if (producer.Status == TransactionStatus.Fenced)
                {
                    yield break;
                }

                if (producer.Status != TransactionStatus.Ok)
                {
                    continue;
                }

                (known, knownEpoch) = (producer.ProducerId, producer.Epoch);
                var sequences = new int[_partitions.Length];
                var isFine = true;
                while (isFine)
                {
                    var work = new Work();
                    foreach (var call in Transaction(producer, sequences, work))
                    {
                        yield return call;
                    }

                    isFine = work.IsFine;
                }
            }
        }

        private IEnumerable<Call> Transaction(TransactionResult producer, int[] sequences, Work work)
        {
            var (id, epoch) = (producer.ProducerId, producer.Epoch);
            var places = Enumerable.Range(0, _partitions.Length).Where(_ => random.NextInt(0, 3) > 0).ToList();
            string[] groups = random.NextInt(0, 1) == 0 ? ["g"] : [];
            var add = new Call(() =>
                _coordinator.Add("x", id, epoch, [.. places.Select(static i => new TopicPartition("t", i))], groups));
            do
            {
                add.Answer = null;
                yield return add;
                work.IsFine = ((TransactionResult)add.Answer!).Status is TransactionStatus.Ok or TransactionStatus.Concurrent;
            }
            while (((TransactionResult)add.Answer!).Status == TransactionStatus.Concurrent);
            var number = ((TransactionResult)add.Answer!).Number;
            foreach (var place in places.Where(_ => work.IsFine))
            {
                var begin = new Call(() => _partitions[place].Begin(id, epoch, number).Status);
                yield return begin;
                work.IsFine &= (PartitionStatus)begin.Answer! == PartitionStatus.Ok;
            }

            for (var batches = random.NextInt(1, 4); batches > 0 && work.IsFine && places.Count > 0; batches--)
            {
                var place = random.Pick(places);
                var batch = BatchOf(id, epoch, sequences[place], number);
                var append = new Call(() => _partitions[place].Append(batch));
                yield return append;
                var appended = (PartitionResult)append.Answer!;
                work.IsFine = appended.Status == PartitionStatus.Ok;
                sequences[place]++;
                if (work.IsFine)
                {
                    _acknowledged.Add((id, number, place, appended.BaseOffset));
                }

                // It gives up waiting some time, with a batch under way: the next epoch is for that.
                if (random.Chance(50_000))
                {
                    var late = BatchOf(id, epoch, sequences[place], number);
                    _underWay.Add(() => _partitions[place].Append(late));
                    work.IsFine = false;
                }
            }

            foreach (var group in groups.Where(_ => work.IsFine))
            {
                foreach (var call in Offsets(group, new ProducerTransaction(id, epoch, number), work))
                {
                    yield return call;
                }
            }

            if (!work.IsFine)
            {
                yield break; // the next epoch aborts it
            }

            var isCommit = random.NextInt(0, 2) > 0;
            var end = new Call(() =>
            {
                var ended = _coordinator.End("x", id, epoch, isCommit);
                if (ended.Status == TransactionStatus.Ok)
                {
                    _ends[(id, ended.Number)] = isCommit;
                }

                return ended.Status;
            });
            yield return end;
            work.IsFine = (TransactionStatus)end.Answer! == TransactionStatus.Ok;
        }

        private IEnumerable<Call> Offsets(string group, ProducerTransaction transaction, Work work)
        {
            var begin = new Call(() => _group.Send(writer => GroupCommand.Write(
                writer, new BeginGroupTransaction(group, transaction))).Status);
            yield return begin;
            work.IsFine &= (GroupStatus)begin.Answer! == GroupStatus.Ok;
            var offset = _counter++;
            var commit = new Call(() => _group.Send(writer => GroupCommand.Write(writer, new CommitInTransaction(
                new CommitOffsets(
                    group, new MemberIdentity("", null), -1, [new OffsetToCommit(Place, new CommittedOffset(offset, -1, null))]),
                transaction.ProducerId, transaction.Epoch))).Status);
            if (work.IsFine)
            {
                yield return commit;
                work.IsFine = (GroupStatus)commit.Answer! == GroupStatus.Ok;
                _offsets[(transaction.ProducerId, transaction.Number)] = offset;
            }
        }

        private byte[] BatchOf(long id, short epoch, int sequence, int number)
        {
            var builder = new RecordBatchBuilder();
            builder.Add(1_000, null, Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
            return builder.Build(id, epoch, sequence, isTransactional: true);
        }
    }

    // Something that a client asks until it has an answer.
    private sealed class Call(Func<object> ask)
    {
        public Func<object> Ask => ask;

        public object? Answer { get; set; }
    }

    private sealed class Work
    {
        public bool IsFine { get; set; } = true;
    }
}
