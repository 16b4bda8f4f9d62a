using System.Globalization;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Records of an eventual shard: what clients are answered, and what replicas compare.</summary>
public sealed class EventualRecordsTests
{
    private const long BeginMilliseconds = 1_000_000;

    [Fact]
    public void Pages_of_replicas_that_know_halves_are_those_of_a_strong_shard_that_was_told_everything()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new Prng(seed);
            var strong = Replica.OfRecords();
            var replicas = Enumerable.Range(0, 3).Select(_ => new EventualReplica()).ToArray();
            var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
            for (var i = 0; i < 60; i++)
            {
                stamp = new HybridTime(stamp.Value + 1 + ((ulong)random.NextInt(0, 3) << 16));
                var operation = RandomOperation(random, i);
                strong.Stamp = stamp;
                strong.Propose(writer => RecordsCommand.WriteSingle(writer, operation));
                var version = RecordsVersion.OfOperations([operation], MicrosOf(stamp), stamp);
                foreach (var replica in replicas.Where((_, at) => at == i % 3 || random.Chance(500_000)))
                {
                    replica.Merge(version);
                }
            }

            var now = HybridTime.FromUnixMilliseconds(stamp.UnixMilliseconds + 1);
            strong.Stamp = now;
            strong.Propose(RecordsCommand.WriteAdvance);
            for (var i = 0; i < 20; i++)
            {
                var scan = RandomScan(random);
                Assert.Equal(All(scan, query => strong.Read(w => w.WriteRaw(query))), All(scan, query => Merged(query, replicas, now)));
                var key = KeyOf(random);
                var get = Bytes(w => RecordsQuery.WriteGet(w, key));
                Assert.True(RecordsResultCodec.TryReadGet(strong.Read(w => w.WriteRaw(get)), out var expected));
                Assert.True(RecordsResultCodec.TryReadGet(Merged(get, replicas, now), out var actual));
                Assert.Equal(
                    (expected.Status, expected.Version, expected.ExpiresAt, Convert.ToHexString(expected.Value.Span)),
                    (actual.Status, actual.Version, actual.ExpiresAt, Convert.ToHexString(actual.Value.Span)));
            }
        }
    }

    [Fact]
    public void A_condition_is_judged_on_the_version_that_is_visible()
    {
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
        var key = Replica.Bytes("k");
        var put = RecordsVersion.OfOperations([RecordOperation.Put(key, key, null, 50)], MicrosOf(stamp), stamp);
        var after = HybridTime.FromUnixMilliseconds(BeginMilliseconds + 51);
        Assert.True(Judge(put, stamp, stamp));
        Assert.False(Judge(put, HybridTime.Zero, stamp));
        Assert.True(Judge(put, HybridTime.Zero, after));
        Assert.True(Judge(default, HybridTime.Zero, stamp));
        var nothing = new WireWriter();
        Assert.False(RecordsPages.Judge([RecordOperation.Delete(key, HybridTime.Zero)], default, stamp, nothing));
        Assert.Equal(RecordsStatus.NotFound, RecordsResultCodec.StatusOf(nothing.Written));
        Assert.False(Judge(default, stamp, stamp));

        bool Judge(ReadOnlyMemory<byte> version, HybridTime expected, HybridTime now)
        {
            var result = new WireWriter();
            var holds = RecordsPages.Judge([RecordOperation.Check(key, expected)], version, now, result);
            Assert.Equal(holds, result.Length == 0);
            if (!holds)
            {
                Assert.True(RecordsResultCodec.TryReadWrite(result.ToArray(), out var write));
                Assert.Equal(
                    (RecordsStatus.Conflict, version.IsEmpty ? HybridTime.Zero : stamp), (write.Status, write.Version));
            }

            return holds;
        }
    }

    [Fact]
    public void Of_two_operations_of_a_batch_on_one_key_the_later_wins()
    {
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
        var (a, b) = (Replica.Bytes("a"), Replica.Bytes("b"));
        var replica = new EventualReplica();
        replica.Merge(RecordsVersion.OfOperations(
            [RecordOperation.Delete(a), RecordOperation.Put(a, b), RecordOperation.Put(b, b), RecordOperation.Delete(b)],
            MicrosOf(stamp), stamp));
        Assert.True(RecordsResultCodec.TryReadScan(
            Merged(Bytes(w => RecordsQuery.WriteScan(w, default)), [replica], stamp), out var page));
        Assert.Equal("a", Text(Assert.Single(page.Rows).Key));
    }

    [Fact]
    public void Exchanges_list_records_by_the_hash_of_their_key_and_in_the_order_of_keys()
    {
        var random = new Prng(7);
        var replica = new EventualReplica();
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
        for (var i = 0; i < 300; i++)
        {
            stamp = new HybridTime(stamp.Value + 1);
            replica.Merge(RecordsVersion.OfOperations([RandomOperation(random, i, keys: 200)], MicrosOf(stamp), stamp));
        }

        // What the horizon has passed goes, with its place.
        replica.MoveHorizon(HybridTime.FromUnixMilliseconds(BeginMilliseconds * 2));
        replica.Expire();
        var tree = replica.Machine.Hashes;
        var found = 0;
        for (var leaf = tree.Leaves; leaf < 2 * tree.Leaves; leaf++)
        {
            var (first, last) = tree.TokensOf(leaf);
            var sum = UInt128.Zero;
            var after = ReadOnlyMemory<byte>.Empty;
            for (var more = true; more;)
            {
                var (records, isComplete) = Places(replica, first, last, after, 3);
                foreach (var record in records)
                {
                    Assert.True(after.Span.SequenceCompareTo(record.Key.Span) < 0);
                    Assert.False(replica.Record(record.Key).IsEmpty);
                    sum = unchecked(sum + record.Hash);
                    after = record.Key;
                    found++;
                }

                more = !isComplete;
            }

            Assert.Equal(tree.HashOf(leaf), sum);
        }

        Assert.Equal(replica.Machine.RecordCount, found);
    }

    [Fact]
    public void A_watcher_is_told_of_everything_by_one_replica_and_of_what_may_be_news_by_another()
    {
        var (one, other) = (new EventualReplica(), new EventualReplica());
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
        Write("before", "0");
        var page = Ask(one, 1, new ChangesQuery(default, HybridTime.Max));
        Assert.Equal(("", HybridTime.Zero), (Told(page), page.Through));
        Write("a", "1");
        Write("b", "2");
        Write("a", null);
        page = Ask(one, 1, new ChangesQuery(default, page.Through, 2, page.Cursor));
        Assert.Equal(("a=1 b=2", true), (Told(page), page.More));
        page = Ask(one, 1, new ChangesQuery(default, page.Through, 2, page.Cursor));
        Assert.Equal(("a-", false), (Told(page), page.More));
        page = Ask(one, 1, new ChangesQuery(default, page.Through, 2, page.Cursor));
        Assert.Equal(("", false), (Told(page), page.More));

        // Another replica has another history: it tells of all that some replica may lack.
        page = Ask(other, 2, new ChangesQuery(default, page.Through, 2, page.Cursor));
        Assert.Equal(("a- b=2", true), (Told(page), page.More));
        Write("c", "3");
        page = Ask(other, 2, new ChangesQuery(default, page.Through, 2, page.Cursor));
        Assert.Equal(("before=0 c=3", false), (Told(page), page.More));
        page = Ask(other, 2, new ChangesQuery("c"u8.ToArray(), page.Through, 2, page.Cursor));
        Assert.Equal(("c=3", false), (Told(page), page.More)); // it changed while pages were made

        // Deletions up to the horizon may be gone.
        one.MoveHorizon(HybridTime.FromUnixMilliseconds(BeginMilliseconds * 2));
        var late = Ask(one, 1, new ChangesQuery(default, page.Through, 2, page.Cursor));
        Assert.Equal(RecordsStatus.Compacted, late.Status);

        void Write(string key, string? value)
        {
            stamp = new HybridTime(stamp.Value + 1);
            var operation = value is null ? RecordOperation.Delete(Replica.Bytes(key))
                : RecordOperation.Put(Replica.Bytes(key), Replica.Bytes(value));
            var version = RecordsVersion.OfOperations([operation], MicrosOf(stamp), stamp);
            one.Merge(version);
            other.Merge(version);
        }
    }

    [Fact]
    public void A_replica_that_began_anew_with_earlier_times_does_not_take_a_watchers_place_for_one_of_its_own()
    {
        var (before, anew) = (new EventualReplica(), new EventualReplica());
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
        before.Replica.Advance(60_000);
        Put(before, "a");
        var page = Ask(before, 1, new ChangesQuery(default, HybridTime.Max));
        Put(before, "b");
        page = Ask(before, 1, new ChangesQuery(default, page.Through, 10, page.Cursor));
        Assert.Equal("b=1", Told(page));
        Put(anew, "c");
        anew.Replica.Advance(120_000);
        Put(anew, "d");
        page = Ask(anew, 1, new ChangesQuery(default, page.Through, 10, page.Cursor));
        Assert.Equal("c=1 d=1", Told(page));

        void Put(EventualReplica replica, string key)
        {
            stamp = new HybridTime(stamp.Value + 1);
            var operation = RecordOperation.Put(Replica.Bytes(key), Replica.Bytes("1"));
            replica.Merge(RecordsVersion.OfOperations([operation], MicrosOf(stamp), stamp));
        }
    }

    [Fact]
    public void A_snapshot_has_the_places_of_records()
    {
        var random = new Prng(8);
        var original = new EventualReplica();
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds);
        for (var i = 0; i < 50; i++)
        {
            stamp = new HybridTime(stamp.Value + 1);
            original.Merge(RecordsVersion.OfOperations([RandomOperation(random, i)], MicrosOf(stamp), stamp));
        }

        var restored = new EventualReplica();
        var target = restored.Replica.State.BeginRestore(original.Replica.State.AppliedIndex);
        Assert.True(target.Accept(original.Replica.Snapshot()), target.Error);
        target.Finish(Assert.Null);
        Assert.Equal(original.Machine.StateHash(), restored.Machine.StateHash());
        Assert.Equal(
            Places(original, 0, ulong.MaxValue, default, 1000).Records.Select(static record => record.Hash),
            Places(restored, 0, ulong.MaxValue, default, 1000).Records.Select(static record => record.Hash));
    }

    private static ChangesPage Ask(EventualReplica replica, uint node, ChangesQuery query)
    {
        var answer = replica.Replica.Read(w => RecordsChanges.Write(w, query, new Foundation.Identity.NodeId(node)));
        Assert.True(EventualQuery.TryReadVersion(answer, out var body));
        Assert.True(RecordsResultCodec.TryReadChanges(body, out var page));
        return page;
    }

    private static string Told(ChangesPage page) => string.Join(' ', page.Changes.Select(static change =>
        Text(change.Key) + (change.Kind == ChangeKind.Put ? "=" + Text(change.Value) : "-")));

    private static (IReadOnlyList<PartitionHash> Records, bool IsComplete) Places(
        EventualReplica replica, ulong first, ulong last, ReadOnlyMemory<byte> after, int count)
    {
        Assert.True(EventualQuery.TryReadList(
            replica.Replica.Read(w => EventualQuery.WriteList(w, first, last, after.Span, [], count, isOfRecords: true)),
            out var records, out var isComplete));
        return (records, isComplete);
    }

    private static byte[] Merged(byte[] recordsQuery, IEnumerable<EventualReplica> replicas, HybridTime now)
    {
        var query = new WireWriter();
        Assert.Null(RecordsPages.TryWriteQuery(recordsQuery, now, query));
        var versions = replicas.Select(replica =>
        {
            Assert.True(EventualQuery.TryReadVersion(replica.Replica.Read(w => w.WriteRaw(query.Written)), out var version));
            return version;
        }).ToArray();
        return Bytes(w => RecordsPages.Write(recordsQuery, EventualReplica.Data.Merge(versions), now, w));
    }

    private static List<string> All(ScanQuery scan, Func<byte[], byte[]> ask)
    {
        var rows = new List<string>();
        for (var pages = 0; ; pages++)
        {
            Assert.True(pages < 200);
            Assert.True(RecordsResultCodec.TryReadScan(ask(Bytes(w => RecordsQuery.WriteScan(w, scan))), out var page));
            Assert.Equal(RecordsStatus.Ok, page.Status);
            Assert.True(page.Rows.Count <= Math.Max(1, scan.RowsMax == 0 ? int.MaxValue : scan.RowsMax));
            rows.AddRange(page.Rows.Select(static row =>
                $"{Convert.ToHexString(row.Key.Span)} {row.Version} {row.ExpiresAt} {Convert.ToHexString(row.Value.Span)}"));
            if (!page.More)
            {
                return rows;
            }

            scan = scan with { After = page.ResumeAfter };
        }
    }

    private static ScanQuery RandomScan(Prng random) => new(
        random.Chance(500_000) ? KeyOf(random) : default,
        random.Chance(500_000) ? KeyOf(random) : default,
        random.Chance(300_000) ? KeyOf(random) : default,
        random.Pick([0, 1, 2, 5]),
        random.Pick([0, 0, 12, 40]),
        random.Chance(500_000),
        random.Chance(300_000));

    private static RecordOperation RandomOperation(Prng random, int number, int keys = 12)
    {
        var key = KeyOf(random, keys);
        return random.NextInt(0, 10) switch
        {
            < 3 => RecordOperation.Delete(key),
            3 => RecordOperation.Put(key, Replica.Bytes($"v{number}"), null, random.NextInt(1, 40)),
            4 => RecordOperation.Put(key, default),
            _ => RecordOperation.Put(key, Replica.Bytes($"v{number}")),
        };
    }

    private static byte[] KeyOf(Prng random, int keys = 12) =>
        Replica.Bytes(string.Create(CultureInfo.InvariantCulture, $"k{random.NextInt(0, keys)}"));

    private static long MicrosOf(HybridTime stamp) => (stamp.UnixMilliseconds * 1000) + stamp.Logical;

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);

    private static byte[] Bytes(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }
}
