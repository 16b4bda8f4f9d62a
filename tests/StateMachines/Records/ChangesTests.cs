using Atoll.Foundation;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.StateMachines.Tests.Records;

/// <summary>
/// What watchers rely on: nothing missed, doubled or out of order, across pages, restarts and compaction. Museum, row 17.
/// </summary>
public sealed class ChangesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_watcher_that_resumes_sees_every_change_of_its_prefix_once_and_in_order(ulong seed)
    {
        var random = new Prng(seed);
        var replica = Replica.OfRecords();
        var expected = new List<(ulong Version, string What)>();
        var seen = new List<(ulong Version, string What)>();
        var through = HybridTime.Zero;
        for (var step = 0; step < 2_000; step++)
        {
            var operations = Enumerable.Range(0, random.NextInt(1, 6)).Select(_ =>
            {
                var key = Replica.Bytes((random.Chance(600_000) ? "a" : "b") + random.NextInt(0, 9));
                return random.Chance(800_000)
                    ? RecordOperation.Put(key, Replica.Bytes($"{step}"))
                    : RecordOperation.Delete(key);
            }).ToArray();
            var before = operations.Select(o => Replica.Text(o.Key)).Distinct().ToDictionary(k => k, k => Exists(replica, k));
            var result = replica.Batch(operations);
            var deleted = new HashSet<string>(StringComparer.Ordinal);
            foreach (var operation in operations)
            {
                Expect(operation, before, deleted, result.Version, expected);
            }

            if (random.Chance(300_000))
            {
                through = Follow(replica, through, random, seen);
            }
        }

        var after = through;
        do
        {
            through = after;
            after = Follow(replica, through, random, seen);
        }
        while (after != through);
        Assert.Equal(expected.Where(e => e.What[1] == 'a'), seen);
        Assert.Equal(replica.State.Now, through);
    }

    [Fact]
    public void A_page_never_ends_within_a_command()
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "first");
        var batch = replica.Batch([.. Enumerable.Range(0, 100).Select(i => RecordOperation.Put(Replica.Bytes($"a{i}"), default))]);
        replica.Put("a", "last");
        var one = replica.Changes("a", HybridTime.Zero, 1);
        Assert.Equal((1, true), (one.Changes.Count, one.More));
        var all = replica.Changes("a", one.Through, 1);
        Assert.Equal((100, true, batch.Version), (all.Changes.Count, all.More, all.Through));
        var last = replica.Changes("a", all.Through, 1);
        Assert.Equal((1, false, replica.State.Now), (last.Changes.Count, last.More, last.Through));
    }

    [Fact]
    public void A_quiet_prefix_moves_on_with_the_state_so_that_compaction_does_not_overtake_its_watcher()
    {
        var replica = Replica.OfRecords();
        for (var i = 0; i < 100; i++)
        {
            replica.Put("busy", "x");
        }

        var page = replica.Changes("quiet", HybridTime.Zero, 1);
        Assert.Equal((0, false, replica.State.Now), (page.Changes.Count, page.More, page.Through));
    }

    [Fact]
    public void A_watcher_that_is_ahead_of_a_lagging_replica_is_not_sent_back()
    {
        var replica = Replica.OfRecords();
        replica.Put("a", "1");
        var ahead = new HybridTime(replica.State.Now.Value + 5);
        Assert.Equal(ahead, replica.Changes("a", ahead).Through);
    }

    [Fact]
    public void What_is_forgotten_is_answered_compacted_and_never_skipped()
    {
        var replica = Replica.OfRecords();
        var first = replica.Put("a", "1");
        var pair = replica.Batch(RecordOperation.Put("a"u8.ToArray(), default), RecordOperation.Put("b"u8.ToArray(), default));
        for (var i = 0; i < Limits.ChangesKeptMax - 1; i++)
        {
            replica.Put("x", "");
        }

        // Two too many: the first change and, because it may not be cut, the whole pair after it.
        var compacted = replica.Changes("", first.Version);
        Assert.Equal((RecordsStatus.Compacted, pair.Version), (compacted.Status, compacted.Through));
        Assert.NotNull(compacted.Detail);
        Assert.Equal(RecordsStatus.Compacted, replica.Changes("none", HybridTime.Zero).Status);
        Assert.Equal(RecordsStatus.Ok, replica.Changes("", pair.Version).Status);
        Assert.Equal((long)Limits.ChangesKeptMax - 1, replica.Stats().ChangesKept);
        Assert.Equal(pair.Version, replica.Stats().ChangesCompactedThrough);
    }

    [Fact]
    public void The_newest_command_stays_however_large_it_is()
    {
        var replica = Replica.OfRecords();
        var value = new string('x', (int)(Limits.ChangeBytesKeptMax / 3));
        var first = replica.Put("a", "1");
        var large = replica.Batch(
            RecordOperation.Put("b"u8.ToArray(), Replica.Bytes(value)),
            RecordOperation.Put("c"u8.ToArray(), Replica.Bytes(value)),
            RecordOperation.Put("d"u8.ToArray(), Replica.Bytes(value)),
            RecordOperation.Put("e"u8.ToArray(), Replica.Bytes(value)));
        var page = replica.Changes("", first.Version);
        Assert.Equal((RecordsStatus.Ok, 4, large.Version), (page.Status, page.Changes.Count, page.Through));
        Assert.Equal(RecordsStatus.Compacted, replica.Changes("", HybridTime.Zero).Status);
    }

    private static HybridTime Follow(Replica replica, HybridTime through, Prng random, List<(ulong Version, string What)> seen)
    {
        var page = replica.Changes("a", through, random.NextInt(1, 20));
        Assert.Equal(RecordsStatus.Ok, page.Status);
        Assert.True(page.Through >= through);
        foreach (var change in page.Changes)
        {
            Assert.True(change.Version > through && change.Version <= page.Through);
            seen.Add((change.Version.Value, Describe(change.Kind, change.Key, change.Value)));
        }

        return page.Through;
    }

    private static bool Exists(Replica replica, string key) => replica.Get(key).Status == RecordsStatus.Ok;

    private static void Expect(
        RecordOperation operation,
        Dictionary<string, bool> before,
        HashSet<string> gone,
        HybridTime version,
        List<(ulong Version, string What)> expected)
    {
        var key = Replica.Text(operation.Key);
        if (operation.Kind == RecordOperationKind.Put)
        {
            gone.Remove(key);
            gone.Add("+" + key);
            expected.Add((version.Value, Describe(ChangeKind.Put, operation.Key, operation.Value)));
            return;
        }

        // A delete is a change only if the record was there: before the batch, or by an earlier put of it, and not deleted in between.
        var there = (before[key] || gone.Contains("+" + key)) && !gone.Contains(key);
        if (there)
        {
            gone.Remove("+" + key);
            gone.Add(key);
            expected.Add((version.Value, Describe(ChangeKind.Delete, operation.Key, default)));
        }
    }

    private static string Describe(ChangeKind kind, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        (kind == ChangeKind.Put ? "+" : "-") + Replica.Text(key) + "=" + Replica.Text(value);
}
