using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.StateMachines.Tests.Records;

/// <summary>Records as they were at a time, from a store that keeps versions.</summary>
public sealed class ReadAtTimeTests
{
    [Fact]
    public void Scans_and_digests_at_a_time_see_every_write_up_to_it_and_none_later()
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            var run = new Run(seed);
            for (var i = 0; i < 400; i++)
            {
                run.WriteSomething();
                if (i % 20 == 19)
                {
                    run.CheckSomeTime();
                }
            }

            Assert.True(run.Checked > 10 && run.Collected > 0, $"seed {seed}: {run.Checked} read, {run.Collected} collected");
        }
    }

    [Fact]
    public void A_time_that_has_not_come_and_one_that_was_collected_have_errors_of_their_own()
    {
        var replica = Replica.OfRecords();
        var first = replica.Put("a", "1");
        var last = replica.Put("a", "2");
        Assert.Equal(RecordsStatus.TimeAhead, replica.Scan(new ScanQuery { At = new HybridTime(last.AsOf.Value + 1) }).Status);
        Assert.Equal(RecordsStatus.TimeCollected, replica.Scan(new ScanQuery { At = first.AsOf }).Status);
        var now = replica.Scan(new ScanQuery { At = last.AsOf, RowsMax = 10 });
        Assert.Equal((RecordsStatus.Ok, last.AsOf, "2"), (now.Status, now.AsOf, Replica.Text(now.Rows[0].Value)));
        Assert.Equal(RecordsStatus.TimeAhead, Digest(replica, new DigestQuery { At = HybridTime.Max }).Status);
        Assert.Equal(RecordsStatus.TimeCollected, Digest(replica, new DigestQuery { At = first.AsOf }).Status);
    }

    [Fact]
    public void An_advance_writes_nothing_and_moves_the_time()
    {
        var replica = Replica.OfRecords();
        var put = replica.Put("a", "1");
        var hash = replica.State.Machine.StateHash();
        var advanced = replica.Write(RecordsCommand.WriteAdvance);
        Assert.True(advanced is { Status: RecordsStatus.Ok } && advanced.AsOf > put.AsOf);
        Assert.Equal(advanced.AsOf, replica.State.Now);
        Assert.Equal(hash, replica.State.Machine.StateHash());
        Assert.True(replica.Put("b", "2").Version > advanced.AsOf);
    }

    [Fact]
    public void Digests_do_not_depend_on_order_and_add_up()
    {
        var version = new HybridTime(5);
        var a = default(RecordsDigest).With("a"u8, version, HybridTime.Zero, "1"u8.ToArray());
        var b = default(RecordsDigest).With("b"u8, version, HybridTime.Zero, "2"u8.ToArray());
        Assert.Equal(a.With(b), b.With(a));
        Assert.NotEqual(
            a.With(b),
            default(RecordsDigest)
                .With("a"u8, version, HybridTime.Zero, "2"u8.ToArray()).With("b"u8, version, HybridTime.Zero, "1"u8.ToArray()));

        // They are in backups: these numbers never change.
        Assert.Equal(new RecordsDigest(1, 2, 0, 0xD5C69766ABBEFC60, 0xEFCBB99020753BD), a);
    }

    private static DigestPage Digest(Replica replica, DigestQuery query)
    {
        Assert.True(RecordsResultCodec.TryReadDigest(replica.Read(w => RecordsQuery.WriteDigest(w, query)), out var page));
        return page;
    }

    private sealed class Run
    {
        private readonly Prng _random;
        private readonly ImageDisk _disk = new();
        private readonly LsmStore _store;
        private readonly LsmShard _shard;
        private readonly ReplicatedState _state;
        private readonly WireWriter _writer = new();
        private readonly SortedDictionary<string, (HybridTime Version, HybridTime ExpiresAt, string Value)> _model =
            new(StringComparer.Ordinal);

        private readonly List<(HybridTime Time, KeyValuePair<string, (HybridTime Version, HybridTime ExpiresAt, string Value)>[] Records)>
            _history = [];

        private HybridTime _clock = HybridTime.FromUnixMilliseconds(1_000_000);

        public Run(ulong seed)
        {
            _random = new Prng(seed);
            LsmOpening? opening = null;
            LsmStore.Open(
                _disk, "s", new LsmOptions { MemtableBytes = 2_000, BlockBytes = 256, LevelZeroFiles = 2, Identity = 7 }, o => opening = o);
            _disk.Pump();
            _store = opening!.Store!;
            _shard = _store.Shard(new ShardId(5));
            _shard.Horizon = HybridTime.Zero;
            _state = new ReplicatedState(new RecordsStateMachine(_shard), new RequestTableOptions());
        }

        public int Checked { get; private set; }

        public int Collected { get; private set; }

        public void WriteSomething()
        {
            _clock = HybridTime.FromUnixMilliseconds(_clock.UnixMilliseconds + _random.NextInt(0, 30));
            var key = $"k{_random.NextInt(0, _random.Chance(300_000) ? 3 : 40):d2}";
            var value = new string('v', _random.NextInt(0, 60));
            var timeToLive = _random.Chance(200_000) ? _random.NextInt(1, 300) : 0;
            var isDelete = _random.Chance(200_000);
            _writer.Reset();
            if (isDelete)
            {
                RecordsCommand.WriteDelete(_writer, Replica.Bytes(key));
            }
            else
            {
                RecordsCommand.WritePut(_writer, Replica.Bytes(key), Replica.Bytes(value), timeToLive);
            }

            var payload = CommandEnvelope.Encode(_clock, RequestIdentity.None, _writer.Written, new WireWriter());
            var entry = new LogEntry(_state.AppliedIndex.Next, new Term(1), Foundation.Logs.EntryKind.Command, payload);
            if (!_state.IsPrepared(entry))
            {
                _state.Prepare([entry], fault =>
                {
                    Assert.Null(fault);
                    _state.Apply(entry, new WireWriter());
                });
                _disk.Pump();
            }
            else
            {
                _state.Apply(entry, new WireWriter());
            }

            Assert.Equal(entry.Index, _state.AppliedIndex);
            var now = _state.Now;
            if (isDelete)
            {
                _model.Remove(key);
            }
            else
            {
                var expiresAt = timeToLive == 0 ? HybridTime.Zero : HybridTime.FromUnixMilliseconds(now.UnixMilliseconds + timeToLive);
                _model[key] = (now, expiresAt, value);
            }

            _history.Add((now, [.. _model]));
            _shard.Horizon = now.Add(Duration.FromMilliseconds(-1_500));
            for (var i = 0; i < 4; i++)
            {
                _store.Maintain(2_000);
                _disk.Pump();
            }
        }

        public void CheckSomeTime()
        {
            var (time, records) = _history[_random.NextInt(Math.Max(0, _history.Count - 200), _history.Count - 1)];
            var expected = records.Where(r => r.Value.ExpiresAt == HybridTime.Zero || r.Value.ExpiresAt > time).ToList();
            var scan = new ScanQuery(default, default, default, RowsMax: 7, Reverse: _random.Chance(500_000), At: time);
            var rows = new List<ScanRow>();
            while (true)
            {
                _writer.Reset();
                RecordsQuery.WriteScan(_writer, scan);
                Assert.True(RecordsResultCodec.TryReadScan(Ask(), out var page));
                if (page.Status == RecordsStatus.TimeCollected)
                {
                    Assert.True(time < _shard.CollectedThrough);
                    Collected++;
                    return;
                }

                Assert.Equal((RecordsStatus.Ok, time), (page.Status, page.AsOf));
                rows.AddRange(page.Rows);
                if (!page.More)
                {
                    break;
                }

                scan = scan with { After = page.ResumeAfter };
            }

            if (scan.Reverse)
            {
                rows.Reverse();
            }

            Assert.Equal(
                expected.Select(r => (r.Key, r.Value.Version, r.Value.ExpiresAt, r.Value.Value)),
                rows.Select(r => (Replica.Text(r.Key), r.Version, r.ExpiresAt, Replica.Text(r.Value))));
            var sums = expected.Aggregate(
                default(RecordsDigest),
                (sum, r) => sum.With(Replica.Bytes(r.Key), r.Value.Version, r.Value.ExpiresAt, Replica.Bytes(r.Value.Value)));
            _writer.Reset();
            RecordsQuery.WriteDigest(_writer, new DigestQuery(default, default, default, time, HasContents: true));
            Assert.True(RecordsResultCodec.TryReadDigest(Ask(), out var digest));
            Assert.Equal((RecordsStatus.Ok, sums, false), (digest.Status, digest.Sums, digest.More));
            Checked++;
        }

        private byte[] Ask()
        {
            var query = _writer.ToArray();
            var result = new WireWriter();
            if (_state.TryRead(query, result))
            {
                return result.ToArray();
            }

            byte[]? answer = null;
            _state.ReadLater(query, a =>
            {
                Assert.Null(a.Fault);
                answer = a.Body.ToArray();
            });
            _disk.Pump();
            Assert.NotNull(answer);
            return answer;
        }
    }
}
