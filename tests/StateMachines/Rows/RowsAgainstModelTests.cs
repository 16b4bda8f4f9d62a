using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Snapshots;
using Atoll.Foundation.Bytes;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>Random histories against the simplest model: the last write to a cell counts, whatever clocks the writers had.</summary>
public sealed class RowsAgainstModelTests
{
    private static readonly string[] Partitions = ["b", "bb", "k", "kk", "m", "z"];

    [Fact]
    public void The_last_write_counts_over_deletions_fast_clocks_sweeps_and_purges()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var run = new Run(seed);
            for (var i = 0; i < 300; i++)
            {
                run.Step();
                run.Check();
            }

            run.Rows.Replica.Advance(30L * 24 * 60 * 60 * 1000);
            run.Rows.Expire();
            run.Check();
            Assert.Equal(run.Model.Count, run.Rows.Stats().Rows);
        }
    }

    [Fact]
    public void Pages_of_any_size_in_both_directions_add_up_to_the_whole()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var run = new Run(seed);
            for (var i = 0; i < 120; i++)
            {
                run.Step();
            }

            var random = new Prng(seed);
            foreach (var partition in Partitions)
            {
                var range = random.Chance(500_000) ? ClusteringRange.All : ClusteringRange.Between(Bytes("2"), true, Bytes("6"), false);
                var selection = new RowsSelection { Range = range, Reverse = random.Chance(500_000) };
                var whole = run.Rows.Read(partition, selection);
                Assert.False(whole.HasMore);
                var paged = new List<string>();
                var paging = selection with { RowsMax = random.NextInt(1, 3) };
                for (var more = true; more;)
                {
                    var page = run.Rows.Read(partition, paging);
                    paged.AddRange(page.Partitions.SelectMany(static p => p.Rows).Select(static row => Text(row.Clustering)));
                    more = page.HasMore;
                    paging = paging with { ResumeAfter = page.ResumeAfter };
                }

                var all = whole.Partitions.SelectMany(static p => p.Rows).Select(static row => Text(row.Clustering)).ToList();
                Assert.Equal(all, paged);
                Assert.Equal(selection.Reverse ? all.OrderDescending() : all.Order(), all);
            }

            CheckRange(run, new RowsSelection { RowsMax = random.NextInt(1, 7), RowsPerPartitionMax = random.NextInt(0, 3) });
        }
    }

    [Fact]
    public void A_row_that_is_asked_for_by_its_key_is_what_a_walk_finds_there()
    {
        var live = 0;
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var run = new Run(seed);
            for (var i = 0; i < 120; i++)
            {
                run.Step();
            }

            foreach (var (partition, number) in Partitions.SelectMany(static p => Enumerable.Range(0, 10).Select(n => (p, n))))
            {
                var row = $"{number}";
                var selection = new RowsSelection
                {
                    Range = ClusteringRange.Of(Bytes(row)), WithStatic = number % 2 == 0, Reverse = seed % 2 == 0, RowsMax = number % 3,
                };
                var walked = selection with { Range = new ClusteringRange(Bytes(row), Bytes(row + "0")) };
                Assert.True(selection.Range.IsOneKey && !walked.Range.IsOneKey);
                Assert.Equal(Answer(partition, walked), Answer(partition, selection));
                live += run.Model.ContainsKey($"{partition}/{row}") ? 1 : 0;
            }

            byte[] Answer(string partition, RowsSelection selection) => run.Rows.Replica.Read(writer =>
                RowsQuery.WritePartition(writer, new PartitionRead(TokenOf(partition), Bytes(partition), selection)));
        }

        Assert.True(live > 100);
    }

    [Fact]
    public void Replays_and_snapshots_are_the_same_state()
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            var run = new Run(seed);
            for (var i = 0; i < 200; i++)
            {
                run.Step();
            }

            var original = run.Rows.Replica;
            var replayed = new Replica(new RowsStateMachine());
            foreach (var entry in original.Log)
            {
                replayed.Apply(entry);
            }

            Assert.Equal(original.State.StateHash(), replayed.State.StateHash());
            var restored = new Replica(new RowsStateMachine());
            var target = restored.State.BeginRestore(original.State.AppliedIndex, default);
            Assert.True(target.Accept(original.Snapshot()), target.Error);
            target.Finish(Assert.Null);
            Assert.Equal(original.State.StateHash(), restored.State.StateHash());
            Assert.Equal(original.Snapshot(), restored.Snapshot());
        }
    }

    [Fact]
    public void Whoever_follows_the_changes_has_the_same_rows()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var run = new Run(seed);
            var told = new SortedDictionary<string, string>(StringComparer.Ordinal);
            var through = HybridTime.Zero;
            for (var i = 0; i < 300; i++)
            {
                run.Step();
                if (i % 7 != 0)
                {
                    continue;
                }

                run.Rows.Replica.Advance(1);
                run.Rows.Expire(); // what a range covers is told when it is swept
                var page = run.Rows.Changes(through);
                through = page.Through;
                foreach (var change in page.Changes)
                {
                    Assert.True(RowImage.TryRead(change, out var row));
                    Assert.Equal(change.Kind != ChangeKind.Put, row.Row.IsEmpty);
                    Assert.True(told.Remove(NameOf(row)) || !row.Row.IsEmpty, "the end of a row is told of which nobody was told");
                    if (!row.Row.IsEmpty)
                    {
                        told.Add(NameOf(row), Describe(row.Row));
                    }
                }

                Assert.Equal(run.Model.ToDictionary(static row => row.Key, static row => Run.Words(row.Value)), told);
            }
        }
    }

    private static void CheckRange(Run run, RowsSelection selection)
    {
        var expected = new List<string>();
        foreach (var partition in Partitions)
        {
            var rows = run.Rows.Read(partition, new RowsSelection { RowsMax = selection.RowsPerPartitionMax }).Partitions;
            expected.AddRange(rows.SelectMany(Names));
        }

        var found = new List<string>();
        for (var more = true; more;)
        {
            var page = run.Rows.ReadRange(long.MinValue, long.MaxValue, selection);
            found.AddRange(page.Partitions.SelectMany(Names));
            more = page.HasMore;
            selection = selection with { ResumeAfter = page.ResumeAfter };
        }

        Assert.Equal(expected, found);
    }

    private static IEnumerable<string> Names(PartitionRows partition) => partition.Rows.Count == 0
        ? [$"{Text(partition.Key)}:static"]
        : partition.Rows.Select(row => $"{Text(partition.Key)}:{Text(row.Clustering)}");

    private sealed class Run(ulong seed)
    {
        private readonly Prng _random = new(seed);
        private long _lastAhead;

        public RowsReplica Rows { get; } = new();

        public SortedDictionary<string, SortedDictionary<uint, string>> Model { get; } = new(StringComparer.Ordinal);

        public void Step()
        {
            Rows.Replica.Advance(_random.NextInt(0, 3) == 0 ? 0 : _random.NextInt(0, 2) == 0 ? 24 * 60 * 60 * 1000 : 1);
            var partition = _random.Pick(Partitions);
            var row = $"{_random.NextInt(0, 9)}";

            // Sometimes a client whose clock is an hour ahead: above everything that was written so far.
            long? timestamp = _random.Chance(150_000) ? NextAhead() : null;
            var operation = Draw(partition, row);
            Assert.Equal(RowsStatus.Ok, Rows.Write(partition, operation with { TimestampMicros = timestamp }).Status);
            if (_random.Chance(100_000))
            {
                Rows.Expire();
            }
        }

        public void Check()
        {
            foreach (var partition in Partitions)
            {
                var found = Rows.Read(partition).Partitions;
                Assert.True(found.Count <= 1);
                var words = found.SelectMany(static p => p.Rows
                    .Select(row => $"{Text(row.Clustering)}[{Describe(row.Row)}]")
                    .Concat(p.Static.IsEmpty ? [] : [$"static[{Describe(p.Static)}]"]));
                var expected = Model.Where(pair => IsOf(partition, pair.Key))
                    .Select(pair => $"{pair.Key[(partition.Length + 1)..]}[{Words(pair.Value)}]");
                Assert.Equal(expected, words);
            }
        }

        private static bool IsOf(string partition, string key) => key.StartsWith($"{partition}/", StringComparison.Ordinal);

        public static string Words(SortedDictionary<uint, string> cells) =>
            string.Join(",", cells.Select(static cell => $"{cell.Key}={cell.Value}"));

        private long NextAhead() => _lastAhead = Math.Max(_lastAhead + 1_000, Rows.NowMicros + 3_600_000_000);

        private RowOperation Draw(string partition, string row)
        {
            switch (_random.NextInt(0, 11))
            {
                case 0:
                    Remove(key => IsOf(partition, key));
                    return RowOperation.DeletePartition();
                case 1 or 2:
                    var to = $"{_random.NextInt(0, 9)}";
                    Remove(key => IsOf(partition, key) && !key.EndsWith("static", StringComparison.Ordinal)
                        && string.CompareOrdinal(key[(partition.Length + 1)..], row) >= 0
                        && string.CompareOrdinal(key[(partition.Length + 1)..], to) <= 0);
                    return RowOperation.DeleteRange(ClusteringRange.Between(Bytes(row), true, Bytes(to), true));
                case 3:
                    Model.Remove($"{partition}/{row}");
                    return RowOperation.DeleteRow(Bytes(row));
                case 4:
                    DeleteCell($"{partition}/{row}", 1);
                    return RowOperation.Upsert(Bytes(row), [CellWrite.Delete(1)]);
                case 5:
                    var fixedValue = $"{_random.NextInt(0, 99)}";
                    Write($"{partition}/static", 5, fixedValue);
                    return RowOperation.UpsertStatic([CellWrite.Put(5, Bytes(fixedValue))]);
                default:
                    var (column, value) = ((uint)_random.NextInt(1, 3), $"{_random.NextInt(0, 99)}");
                    Write($"{partition}/{row}", column, value);
                    return Put(row, column, value);
            }
        }

        private void Remove(Func<string, bool> isGone)
        {
            foreach (var key in Model.Keys.Where(isGone).ToArray())
            {
                Model.Remove(key);
            }
        }

        private void DeleteCell(string key, uint column)
        {
            if (Model.TryGetValue(key, out var cells) && cells.Remove(column) && cells.Count == 0)
            {
                Model.Remove(key);
            }
        }

        private void Write(string key, uint column, string value)
        {
            if (!Model.TryGetValue(key, out var cells))
            {
                Model[key] = cells = [];
            }

            cells[column] = value;
        }
    }
}
