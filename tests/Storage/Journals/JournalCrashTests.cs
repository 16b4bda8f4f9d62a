using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Atoll.Storage.Journals;
using Xunit;

namespace Atoll.Storage.Tests.Journals;

/// <summary>
/// A journal on a simulated disk against a twin, over crashes: what was told durable is there, what is there is exactly what had been
/// handed over up to one batch, and nothing older comes back.
/// </summary>
public sealed class JournalCrashTests
{
    private static readonly JournalOptions Options = new()
    {
        SegmentBytes = 64 * 1024,
        BatchBytes = 12 * 1024,
        CacheBytes = 20_000,
        Identity = 4711,
    };

    [Fact]
    public void A_short_workload_survives_a_crash_after_each_event_of_the_disk()
    {
        for (var seed = 1UL; seed <= 3; seed++)
        {
            foreach (var style in Enum.GetValues<PowerLossStyle>())
            {
                for (var events = 0; ; events++)
                {
                    var run = new Run(seed, Options);
                    var isOver = run.WorkFor(operations: 25, eventsMax: events);
                    run.CrashAndCheck(powerLoss: true, style);
                    run.WorkFor(operations: 10);
                    run.CrashAndCheck(powerLoss: true, style);
                    if (isOver)
                    {
                        break;
                    }
                }
            }
        }
    }

    [Fact]
    public void Random_workloads_survive_random_crashes_also_of_the_recovery_itself()
    {
        for (var seed = 1UL; seed <= 150; seed++)
        {
            var run = new Run(seed, Options with { WritesInFlightMax = 1 + (int)(seed % 3) });
            for (var life = 0; life < 5; life++)
            {
                run.WorkFor(run.Prng.NextInt(1, 150), run.Prng.NextInt(0, 600));
                run.CrashAndCheck(run.Prng.Chance(800_000), style: null);
            }
        }

        string[] rare =
        [
            "journal: goes on in the next segment", "journal: torn tail cut", "journal: unfinished segment deleted",
            "journal: segment file used again", "journal: segment reclaimed", "journal: leftovers moved out of the oldest segment",
            "journal: batch larger than a segment", "journal: unproven batch written again at open",
        ];
        Assert.DoesNotContain(Probe.All(), probe => rare.Contains(probe.Name) && probe.Hits < 10);
    }

    [Fact]
    public void Reads_that_go_astray_and_slow_disks_change_nothing()
    {
        for (var seed = 1UL; seed <= 40; seed++)
        {
            var run = new Run(seed, Options);
            run.Disk.Faults.MisdirectPartsPerMillion = 10_000;
            run.Disk.Faults.FlipOnReadPartsPerMillion = 10_000;
            run.Disk.Faults.SlowPartsPerMillion = 50_000;
            for (var life = 0; life < 4; life++)
            {
                run.WorkFor(run.Prng.NextInt(1, 100), run.Prng.NextInt(0, 400));
                run.CrashAndCheck(run.Prng.Chance(500_000), style: null, readsAreSure: false);
            }
        }
    }

    [Fact]
    public void A_long_workload_keeps_the_journal_small()
    {
        var run = new Run(99, Options);
        run.WorkFor(operations: 4000);
        run.Settle();
        var journal = run.Journal;
        Assert.True(journal.WrittenSequence > 500);
        Assert.InRange(journal.DiskBytes, 1, Math.Max(6 * Options.SegmentBytes, 4 * journal.LiveBytes));
        run.CrashAndCheck(powerLoss: true, PowerLossStyle.KeepNothing);
    }

    /// <summary>One disk, one journal after the other on it, and the twin of them all.</summary>
    private sealed class Run
    {
        private const int Shards = 6;

        private readonly Scheduler _scheduler = new();
        private readonly JournalOptions _options;
        private readonly JournalTwin _twin = new();
        private readonly ulong _seed;
        private Journal? _journal;
        private long _acknowledged;

        public Run(ulong seed, JournalOptions options)
        {
            _seed = seed;
            _options = options;
            Prng = new Prng(seed);
            Disk = new SimDisk(_scheduler, Prng.Fork());
            OpenAgain();
        }

        public Prng Prng { get; }

        public SimDisk Disk { get; }

        public Journal Journal => _journal!;

        /// <summary>Works until one of the bounds; true when it was the operations.</summary>
        public bool WorkFor(int operations, int eventsMax = int.MaxValue)
        {
            for (var i = 0; i < operations; i++)
            {
                Operate();
                if (Prng.Chance(400_000))
                {
                    Journal.Flush();
                }

                if (Prng.Chance(100_000))
                {
                    Journal.Maintain();
                }

                for (var events = Prng.NextInt(0, 6); events > 0 && _scheduler.Pending > 0; events--)
                {
                    if (eventsMax-- == 0)
                    {
                        return false;
                    }

                    _scheduler.RunNext();
                }
            }

            return true;
        }

        public void Settle()
        {
            for (var i = 0; i < 20; i++)
            {
                Journal.Flush();
                Journal.Maintain();
                Pump();
            }

            Assert.Equal(JournalState.Ready, Journal.State);
            Assert.Equal(Journal.WrittenSequence, Journal.DurableSequence);
        }

        public void CrashAndCheck(bool powerLoss, PowerLossStyle? style, bool readsAreSure = true)
        {
            _acknowledged = Math.Max(_acknowledged, Journal.DurableSequence);
            Disk.Crash(powerLoss, style);
            Pump();
            while (Prng.Chance(300_000))
            {
                Journal.Open(Disk.Mount(), "j", _options, _ => { });
                for (var events = Prng.NextInt(0, 30); events > 0; events--)
                {
                    _scheduler.RunNext();
                }

                Disk.Crash(powerLoss, style);
                Pump();
            }

            OpenAgain();
            var sequence = Journal.DurableSequence;
            Assert.True(sequence >= _acknowledged, $"seed {_seed}: batch {_acknowledged} was durable, {sequence} was recovered");
            _acknowledged = sequence;
            _twin.GoBackTo(sequence);
            if (readsAreSure)
            {
                Assert.Equal($"seed {_seed}\n" + _twin.Describe(), $"seed {_seed}\n" + JournalOnImage.Describe(Journal, Pump));
            }
            else
            {
                Assert.Equal(_twin.Shards.Keys, Journal.Shards);
                Assert.All(_twin.Shards, s => Assert.Equal(s.Value.LastIndex, Journal.Shard(s.Key).LastIndex));
            }
        }

        private void OpenAgain()
        {
            JournalOpening? opening = null;
            Journal.Open(Disk.Mount(), "j", _options, o => opening = o);
            Pump();
            Assert.True(
                opening?.Status == JournalOpeningStatus.Ok,
                $"seed {_seed}: {opening?.Status} {opening?.Corruption} {opening?.DiskResult}");
            _journal = opening!.Journal;
        }

        private void Pump()
        {
            while (_scheduler.RunNext())
            {
            }
        }

        private void Operate()
        {
            // The last shard sleeps most of the time: it must not pin the journal.
            var shard = new ShardId((ulong)(Prng.Chance(20_000) ? Shards : Prng.NextInt(1, Shards - 1)));
            var twin = _twin.Shards.GetValueOrDefault(shard) ?? TwinShard.Empty;
            var log = Journal.Shard(shard);
            switch (Prng.NextInt(0, 20))
            {
                case <= 1:
                    var hardState = new HardState(new Term(twin.HardState.Term.Value + 1), new NodeId((uint)Prng.NextInt(0, 5)));
                    _twin.Set(log.SaveHardState(hardState), shard, twin with { HardState = hardState });
                    break;
                case <= 4 when twin.Entries.Count > 0:
                    var through = Prng.Pick(twin.Entries).Index;
                    _twin.Set(log.CompactPrefix(through), shard, twin.Compact(through));
                    break;
                case 5 when Prng.Chance(200_000):
                    var (index, term) = (twin.LastIndex + (ulong)Prng.NextInt(0, 9), new Term(twin.LastTerm.Value + 1));
                    _twin.Set(log.ResetTo(index, term), shard, twin.Reset(index, term));
                    break;
                case 6 when Prng.Chance(100_000) && _twin.Shards.ContainsKey(shard):
                    _twin.Set(Journal.DropShard(shard), shard, null);
                    break;
                case 7 when twin.Entries.Count > 1:
                    Append(log, shard, twin, Prng.Pick(twin.Entries).Index);
                    break;
                default:
                    Append(log, shard, twin, twin.LastIndex.Next);
                    break;
            }
        }

        private void Append(ShardLog log, ShardId shard, TwinShard twin, LogIndex index)
        {
            var payload = new byte[Prng.Chance(50_000) ? Prng.NextInt(0, 80_000) : Prng.NextInt(0, 3_000)];
            Prng.Fill(payload);
            var term = new Term(twin.LastTerm.Value + (index == twin.LastIndex.Next ? (ulong)Prng.NextInt(0, 1) : 1));
            var entry = new LogEntry(index, term, (EntryKind)Prng.NextInt(0, 2), payload);
            _twin.Set(log.Append([entry]), shard, twin.Append(entry));
        }
    }
}
