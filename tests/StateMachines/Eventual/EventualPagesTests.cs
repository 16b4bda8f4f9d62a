using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Tests.Rows;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Pages that are made of versions, against a machine with a leader that was told the same.</summary>
public sealed class EventualPagesTests
{
    [Fact]
    public void Pages_of_a_replica_that_knows_everything_are_those_of_a_strong_shard_to_the_byte()
    {
        for (ulong seed = 1; seed <= 80; seed++)
        {
            // What is covered and not swept yet does not count as a row, but pages may end at it.
            var run = new Run(seed, replicas: 1, knownByMillionths: 1_000_000);
            run.Strong.Expire();
            run.Replicas[0].Expire();
            for (var i = 0; i < 40; i++)
            {
                // Bytes of versions are not those of pages: what is dead is in them, too.
                run.Query(out var selection, out var again);
                var query = again(selection with { PageBytesMax = 0 });
                Assert.Equal(run.Strong.Replica.Read(w => w.WriteRaw(query)), EventualReplica.Page(run.Replicas, query, run.Now));
            }
        }
    }

    [Fact]
    public void Pages_of_replicas_that_know_parts_add_up_to_what_a_strong_shard_has()
    {
        var cut = 0;
        for (ulong seed = 1; seed <= 80; seed++)
        {
            var run = new Run(seed, replicas: 3, knownByMillionths: 500_000);
            for (var i = 0; i < 40; i++)
            {
                run.Query(out var selection, out var again);
                var expected = new List<string>();
                var whole = selection with { RowsMax = 0, PageBytesMax = 0 };
                Add(expected, run.Strong.Replica.Read(w => w.WriteRaw(again(whole))));
                var found = new List<string>();
                var pages = 0;
                for (ReadOnlyMemory<byte> resume = default; ;)
                {
                    var page = Add(found, EventualReplica.Page(run.Replicas, again(selection with { ResumeAfter = resume }), run.Now));
                    Assert.True(pages++ < 200);
                    cut += page.HasMore && page.Partitions.Sum(static p => p.Rows.Count) < selection.RowsMax ? 1 : 0;
                    if (!page.HasMore)
                    {
                        break;
                    }

                    resume = page.ResumeAfter;
                }

                Assert.Equal(expected, found);
            }
        }

        // Pages that end early because one replica had more dead rows than another.
        Assert.True(cut > 100);
    }

    [Fact]
    public void Conditions_are_judged_as_in_a_strong_shard()
    {
        var refused = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var run = new Run(seed, replicas: 3, knownByMillionths: 500_000);
            var random = new Prng(seed);
            for (var i = 0; i < 20; i++)
            {
                var partition = random.Pick(RandomMutations.Partitions);
                var row = Bytes($"{random.NextInt(0, 9)}");
                RowCondition condition = random.NextInt(0, 2) switch
                {
                    0 => RowCondition.Exists(row),
                    1 => RowCondition.NotExists(row),
                    _ => RowCondition.Cell(row, 1, CellComparison.GreaterOrEqual, [Bytes("5")]),
                };
                var mutation = new RowsMutation([On(partition, Put("q", 1, "v", timestamp: 1))], [condition]);
                var versions = run.Replicas.Select(replica =>
                {
                    Assert.True(EventualQuery.TryReadVersion(
                        replica.Replica.Read(w => EventualQuery.WriteConditionRows(w, mutation)), out var version));
                    return version;
                }).ToArray();
                var strong = run.Strong.Mutate(mutation);
                var result = new WireWriter();
                var holds = EventualConditions.Judge(mutation, EventualReplica.Data.Merge(versions), strong.Version, result);
                Assert.Equal(strong.IsApplied, holds);
                if (holds)
                {
                    run.Replicas[0].Merge(RowsVersion.OfMutation(mutation.Partitions, 1, run.Now));
                    Assert.Equal(0, result.Length);
                    continue;
                }

                refused++;
                Assert.True(RowsResultCodec.TryReadMutation(result.WrittenMemory, out var read));
                Assert.Equal(strong.FailedCondition, read.FailedCondition);
                Assert.Equal(
                    strong.Current.Select(current => RowsReplica.Describe(current.Row)),
                    read.Current.Select(current => RowsReplica.Describe(current.Row)));
            }
        }

        Assert.True(refused > 100);
    }

    [Fact]
    public void What_is_no_query_and_what_is_no_version_is_refused()
    {
        var result = new WireWriter();
        RowsPages.Write(new byte[] { 9 }, default, HybridTime.Zero, result);
        Assert.True(RowsResultCodec.TryReadPage(result.WrittenMemory, out var page));
        Assert.Equal(RowsStatus.Invalid, page.Status);
        result.Reset();
        var query = EventualReplica.Query(new TokenRangeRead(1, 2, RowsSelection.All));
        RowsPages.Write(query, new byte[] { 9 }, HybridTime.Zero, result);
        Assert.True(RowsResultCodec.TryReadPage(result.WrittenMemory, out page));
        Assert.Equal(RowsStatus.Invalid, page.Status);
        Assert.False(EventualQuery.TryReadVersion(new EventualReplica().Replica.Read(w => w.WriteByte(0x7F)), out _));
    }

    private static RowsPage Add(List<string> rows, byte[] bytes)
    {
        Assert.True(RowsResultCodec.TryReadPage(bytes, out var page));
        Assert.Equal(RowsStatus.Ok, page.Status);
        foreach (var partition in page.Partitions)
        {
            var fixedRow = RowsReplica.Describe(partition.Static);
            if (partition.Rows.Count == 0)
            {
                rows.Add($"{Text(partition.Key)}[{fixedRow}]");
            }

            rows.AddRange(partition.Rows.Select(row =>
                $"{Text(partition.Key)}[{fixedRow}]:{Text(row.Clustering)}[{RowsReplica.Describe(row.Row)}]"));
        }

        return page;
    }

    private sealed class Run
    {
        private readonly Prng _random;

        public Run(ulong seed, int replicas, int knownByMillionths)
        {
            _random = new Prng(seed);
            Replicas = [.. Enumerable.Range(0, replicas).Select(_ => new EventualReplica())];
            for (var i = 0; i < 60; i++)
            {
                Strong.Replica.Advance(_random.NextInt(0, 3) == 0 ? 900 : 1);
                var timestamp = (Strong.NowMicros / 2) + (i * 10);
                var mutation = RandomMutations.Draw(_random);
                var timed = mutation.Select(partition => partition with
                {
                    Operations = [.. partition.Operations.Select(operation => operation with { TimestampMicros = timestamp })],
                }).ToList();
                Assert.Equal(RowsStatus.Ok, Strong.Mutate(new RowsMutation(timed, [])).Status);

                // Times to live count from the millisecond behind the stamp.
                var stamp = HybridTime.FromUnixMilliseconds(Strong.Replica.State.Now.UnixMilliseconds - 1);
                var version = RowsVersion.OfMutation(mutation, timestamp, stamp);
                var teller = _random.NextInt(0, replicas - 1);
                for (var replica = 0; replica < replicas; replica++)
                {
                    if (replica == teller || _random.Chance(knownByMillionths))
                    {
                        Replicas[replica].Merge(version);
                    }

                    if (replicas > 1 && _random.Chance(50_000))
                    {
                        Replicas[replica].Expire();
                    }
                }
            }
        }

        public RowsReplica Strong { get; } = new();

        public EventualReplica[] Replicas { get; }

        public HybridTime Now => Strong.Replica.State.Now;

        public byte[] Query(out RowsSelection selection, out Func<RowsSelection, byte[]> again)
        {
            var isOne = _random.Chance(500_000);
            selection = new RowsSelection
            {
                RowsMax = _random.NextInt(1, 5),
                RowsPerPartitionMax = _random.Chance(300_000) ? _random.NextInt(1, 4) : 0,
                Reverse = isOne && _random.Chance(400_000),
                WithStatic = _random.Chance(800_000),
                Columns = _random.Chance(200_000) ? [1, 5] : [],
                Range = _random.NextInt(0, 9) switch
                {
                    0 => ClusteringRange.Nothing,
                    1 or 2 => ClusteringRange.Between(Bytes("2"), true, Bytes("6"), false),
                    _ => ClusteringRange.All,
                },
                PageBytesMax = _random.Chance(200_000) ? _random.NextInt(1, 150) : 0,
            };
            var partition = _random.Pick(RandomMutations.Partitions);
            var from = _random.Chance(500_000) ? long.MinValue : TokenOf("c");
            again = isOne
                ? chosen => EventualReplica.Query(new PartitionRead(TokenOf(partition), Bytes(partition), chosen))
                : chosen => EventualReplica.Query(new TokenRangeRead(from, long.MaxValue, chosen));
            return again(selection);
        }
    }
}
