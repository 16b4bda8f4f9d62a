using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>What a host may rely on, call by call.</summary>
public sealed class RaftCoreTests
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);
    private static readonly NodeId Three = new(3);
    private static readonly Membership Trio = Membership.Of([One, Two, Three]);
    private static readonly Instant Start = Instant.FromMilliseconds(1000);

    public static TheoryData<string, RaftOptions> BadOptions => new()
    {
        { "Self", new RaftOptions { Self = NodeId.None } },
        { "HeartbeatInterval", Options() with { HeartbeatInterval = Duration.Zero } },
        { "HeartbeatInterval", Options() with { HeartbeatInterval = Duration.FromMilliseconds(301) } },
        { "ElectionTimeoutMax", Options() with { ElectionTimeoutMax = Duration.FromMilliseconds(599) } },
        { "ElectionTimeoutMax", Options() with { ElectionTimeoutMax = Duration.FromSeconds(4000) } },
        { "CommitNoticeDelay", Options() with { CommitNoticeDelay = Duration.FromMilliseconds(101) } },
        { "QuiesceAfter", Options() with { QuiesceAfter = Duration.FromMilliseconds(99) } },
        { "appends", Options() with { AppendEntriesMax = 0 } },
        { "appends", Options() with { AppendBytesMax = 0 } },
        { "appends", Options() with { UnsizedEntriesMax = 0 } },
        { "appends", Options() with { AppendsInFlightMax = 0 } },
        { "appends", Options() with { BytesInFlightMax = 0 } },
        { "PromotionLagEntriesMax", Options() with { PromotionLagEntriesMax = -1 } },
        { "LeaseClockDriftBound", Options() with { LeaseClockDriftBound = Duration.FromMilliseconds(600) } },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void Options_that_contradict_each_other_are_refused_by_name(string name, RaftOptions options)
    {
        var exception = Assert.Throws<ArgumentException>(() => new RaftCore(options, RaftRestoredState.New(Trio), new Prng(1), Start));
        Assert.Contains(name, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_default_options_are_valid() => Assert.Null(Options().Validate());

    [Fact]
    public void A_restarted_replica_commits_what_it_has_applied_and_nothing_more()
    {
        var restored = new RaftRestoredState(
            new HardState(new Term(4), Two),
            new LogIndex(3),
            new Term(2),
            Trio,
            [(new LogIndex(4), new Term(2)), (new LogIndex(6), new Term(4))],
            new LogIndex(7),
            [],
            new LogIndex(5));
        var core = new RaftCore(Options(), restored, new Prng(1), Start);
        Assert.Equal(Role.Follower, core.Role);
        Assert.Equal(new Term(4), core.Term);
        Assert.Equal(new LogIndex(5), core.CommitIndex);
        Assert.Equal(new LogIndex(4), core.FirstIndex);
        Assert.Equal(new LogIndex(7), core.LastIndex);
        Assert.Equal(new LogIndex(7), core.DurableIndex);
        Assert.Equal(Trio, core.Membership);
        Assert.Equal(0, core.Effects.Count);
        Assert.InRange((core.NextDeadline - Start).Milliseconds, 600, 1200);
    }

    [Fact]
    public void Election_timeouts_are_spread_over_their_range()
    {
        var timeouts = Enumerable.Range(0, 200)
            .Select(seed => new RaftCore(Options(), RaftRestoredState.New(Trio), new Prng((ulong)seed), Start).NextDeadline)
            .Select(deadline => (deadline - Start).Milliseconds)
            .ToArray();
        Assert.All(timeouts, timeout => Assert.InRange(timeout, 600, 1200));
        Assert.True(timeouts.Min() < 650 && timeouts.Max() > 1150);
    }

    [Fact]
    public void Who_is_to_stand_first_does_so_before_the_others_but_only_where_nobody_ever_led()
    {
        var first = Options() with { StandsFirst = true };
        for (var seed = 0UL; seed < 50; seed++)
        {
            var founder = new RaftCore(first, RaftRestoredState.New(Trio), new Prng(seed), Start);
            Assert.InRange((founder.NextDeadline - Start).Milliseconds, 100, 200);
            var restarted = RaftRestoredState.New(Trio) with { HardState = new HardState(new Term(1), Two) };
            Assert.InRange((new RaftCore(first, restarted, new Prng(seed), Start).NextDeadline - Start).Milliseconds, 600, 1200);
        }

        var alone = new RaftCore(first, RaftRestoredState.New(Membership.Of([One])), new Prng(1), Start);
        Assert.Equal(Start, alone.NextDeadline);
    }

    [Fact]
    public void A_late_snapshot_of_what_the_log_has_is_not_installed_and_what_follows_is_kept()
    {
        // Figure 5.3, step 6: what follows may have been acknowledged.
        var core = new RaftCore(Options(), RaftRestoredState.New(Trio), new Prng(1), Start);
        core.Step(Two, Append(term: 2, previous: 0, previousTerm: 0, commit: 0, 1, 1, 2, 2), Start);
        core.Effects.Clear();
        Assert.False(core.TryBeginSnapshotInstall(new LogIndex(3), new Term(2), Start));
        Assert.Equal("SnapshotReply term 2 snapshot 3 Done offset 0 (after durable)", SentTo(core, Two));
        Assert.Equal(new LogIndex(3), core.CommitIndex);
        Assert.Equal(new LogIndex(4), core.LastIndex);
        core.Effects.Clear();
        core.Step(Two, RaftMessage.SnapshotChunk(new Term(2), new LogIndex(4), new Term(2), Trio, 0, 9, default), Start);
        Assert.Equal(new LogIndex(4), core.CommitIndex);
        Assert.Equal("SnapshotReply term 2 snapshot 4 Done offset 9 (after durable)", SentTo(core, Two));
    }

    [Fact]
    public void While_a_snapshot_is_installed_the_log_does_not_change()
    {
        var core = new RaftCore(Options(), RaftRestoredState.New(Trio), new Prng(1), Start);
        core.Step(Two, Append(term: 2, previous: 0, previousTerm: 0, commit: 0, 1, 1), Start);
        Assert.True(core.TryBeginSnapshotInstall(new LogIndex(9), new Term(2), Start));
        Assert.False(core.TryBeginSnapshotInstall(new LogIndex(9), new Term(2), Start));
        core.Effects.Clear();
        core.Step(Two, Append(term: 2, previous: 2, previousTerm: 1, commit: 2, 2), Start);
        core.Step(Two, RaftMessage.Heartbeat(new Term(2), 1, new LogIndex(2)), Start);
        Assert.Equal(new LogIndex(2), core.LastIndex);
        Assert.Equal(LogIndex.Zero, core.CommitIndex);
        core.SnapshotInstalled(new LogIndex(9), new Term(2), Trio, Start);
        Assert.Equal(new LogIndex(10), core.FirstIndex);
        Assert.Equal(new LogIndex(9), core.CommitIndex);
        Assert.Equal(new LogIndex(9), core.DurableIndex);
        core.Step(Two, Append(term: 2, previous: 9, previousTerm: 2, commit: 10, 2), Start);
        Assert.Equal(new LogIndex(10), core.CommitIndex);
    }

    [Fact]
    public void A_report_about_an_entry_that_was_cut_since_is_ignored()
    {
        var core = new RaftCore(Options(), RaftRestoredState.New(Trio), new Prng(1), Start);
        core.Step(Two, Append(term: 1, previous: 0, previousTerm: 0, commit: 0, 1, 1, 1), Start);
        core.Step(Three, Append(term: 2, previous: 1, previousTerm: 1, commit: 0, 2, 2), Start);
        core.LogDurable(new LogIndex(3), new Term(1), Start);
        Assert.Equal(LogIndex.Zero, core.DurableIndex);
        core.LogDurable(new LogIndex(1), new Term(1), Start);
        Assert.Equal(new LogIndex(1), core.DurableIndex);
        core.LogDurable(new LogIndex(3), new Term(2), Start);
        Assert.Equal(new LogIndex(3), core.DurableIndex);
    }

    [Fact]
    public void Compaction_beyond_the_commit_index_stops_the_replica()
    {
        var core = new RaftCore(Options(), RaftRestoredState.New(Trio), new Prng(1), Start);
        core.Step(Two, Append(term: 1, previous: 0, previousTerm: 0, commit: 2, 1, 1, 1), Start);
        core.Compacted(new LogIndex(2));
        Assert.Equal(new LogIndex(3), core.FirstIndex);
        Assert.Throws<CheckFailedException>(() => core.Compacted(new LogIndex(3)));
    }

    [Fact]
    public void Messages_are_cut_by_bytes_where_sizes_are_known_and_by_count_where_not()
    {
        var restored = RaftRestoredState.New(Trio) with
        {
            HardState = new HardState(new Term(1), NodeId.None), LastIndex = new LogIndex(10), TermRuns = [(new LogIndex(1), new Term(1))],
        };
        var options = Options() with { UnsizedEntriesMax = 4, AppendBytesMax = 300 };
        var core = new RaftCore(options, restored, new Prng(1), Start);
        var now = Elect(core);

        // The follower has nothing: a probe from the start, then the pipeline.
        core.Effects.Clear();
        core.Step(Two, RaftMessage.AppendRefused(core.Term, new LogIndex(10), LogIndex.Zero, Term.Zero), now);
        core.Step(Two, RaftMessage.AppendMatched(core.Term, new LogIndex(4)), now);
        Assert.Equal(["1-4", "5-8", "9-11"], Batches(core, Two));

        core.Effects.Clear();
        var payload = new byte[100 - LogEntry.OverheadBytes];
        core.Step(Two, RaftMessage.AppendMatched(core.Term, new LogIndex(11)), now);
        core.Propose([.. Enumerable.Range(0, 7).Select(_ => new Proposal(EntryKind.Command, payload))], now, out _);
        Assert.Equal(["12-14", "15-17", "18-18"], Batches(core, Two));
    }

    [Fact]
    public void A_learner_becomes_a_voter_only_when_it_lacks_little_and_was_heard_lately()
    {
        // 4.2.1; museum, row 14.
        var four = new NodeId(4);
        var core = new RaftCore(Options() with { PromotionLagEntriesMax = 2 }, RaftRestoredState.New(Trio), new Prng(1), Start);
        var now = Elect(core);
        Commit();
        Assert.Equal(ProposalOutcome.Accepted, core.ProposeMembership(Membership.Of(Trio.Voters, [four]), now, out _));
        Commit();
        var quartet = Membership.Of([.. Trio.Voters, four]);
        Assert.Equal(ProposalOutcome.LearnerNotCaughtUp, core.ProposeMembership(quartet, now, out _));
        core.Propose([.. Enumerable.Repeat(new Proposal(EntryKind.Command, default), 3)], now, out _);
        core.Step(four, RaftMessage.AppendMatched(core.Term, new LogIndex(2)), now);
        Assert.Equal(ProposalOutcome.LearnerNotCaughtUp, core.ProposeMembership(quartet, now, out _));
        core.Step(four, RaftMessage.AppendMatched(core.Term, new LogIndex(3)), now);
        var late = now + Duration.FromMilliseconds(1201);
        Assert.Equal(ProposalOutcome.LearnerNotCaughtUp, core.ProposeMembership(quartet, late, out _));
        Assert.Equal(ProposalOutcome.Accepted, core.ProposeMembership(quartet, now, out _));
        Assert.Equal("[1 2 3 4] from [1 2 3]", core.Membership.ToString());

        void Commit()
        {
            core.LogDurable(core.LastIndex, core.Term, now);
            core.Step(Two, RaftMessage.AppendMatched(core.Term, core.LastIndex), now);
            Assert.Equal(core.LastIndex, core.CommitIndex);
        }
    }

    [Fact]
    public void A_follower_that_lost_what_it_had_acknowledged_gets_it_again_and_does_not_count_for_it_meanwhile()
    {
        var core = new RaftCore(Options(), RaftRestoredState.New(Trio), new Prng(1), Start);
        var now = Elect(core);
        core.Propose([new Proposal(EntryKind.Command, default), new Proposal(EntryKind.Command, default)], now, out _);
        core.Step(Two, RaftMessage.AppendMatched(core.Term, new LogIndex(2)), now);
        core.PeerUnreachable(Two, now);
        core.Effects.Clear();
        core.Step(Two, RaftMessage.AppendRefused(core.Term, new LogIndex(2), LogIndex.Zero, Term.Zero), now);
        Assert.Equal(["1-3"], Batches(core, Two));
        core.LogDurable(new LogIndex(3), core.Term, now);
        Assert.Equal(LogIndex.Zero, core.CommitIndex);
        core.Step(Two, RaftMessage.AppendMatched(core.Term, new LogIndex(3)), now);
        Assert.Equal(new LogIndex(3), core.CommitIndex);
    }

    [Fact]
    public void The_hot_loop_of_a_leader_allocates_nothing_once_warm()
    {
        var core = new RaftCore(Options() with { AppendsInFlightMax = 8 }, RaftRestoredState.New(Trio), new Prng(1), Start);
        var now = Elect(core);
        var proposals = new[] { new Proposal(EntryKind.Command, new byte[256]), new Proposal(EntryKind.Command, new byte[256]) };
        for (var i = 0; i < 5_000; i++)
        {
            Cycle();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 5_000; i++)
        {
            Cycle();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(core.LastIndex, core.CommitIndex);

        void Cycle()
        {
            now += Duration.FromMicroseconds(200);
            core.Propose(proposals, now, out _);
            core.RequestRead(1, now);
            core.Step(Two, RaftMessage.HeartbeatReply(core.Term, ulong.MaxValue), now);
            core.Step(Two, RaftMessage.AppendMatched(core.Term, core.LastIndex), now);
            core.LogDurable(core.LastIndex, core.Term, now);
            core.Step(Three, RaftMessage.AppendMatched(core.Term, core.LastIndex), now);
            for (var i = 0; i < core.Effects.Count; i++)
            {
                ref readonly var effect = ref core.Effects[i];
                if (effect.Kind == RaftEffectKind.Send && core.Effects.MessageOf(effect).Kind == RaftMessageKind.Heartbeat)
                {
                    var round = core.Effects.MessageOf(effect).Round;
                    core.Step(Two, RaftMessage.HeartbeatReply(core.Term, round), now);
                    break;
                }
            }

            core.Tick(now);
            core.Effects.Clear();
        }
    }

    [Fact]
    public void Whatever_a_message_says_the_core_does_not_throw()
    {
        for (var seed = 0UL; seed < 300; seed++)
        {
            var random = new Prng(seed);
            var core = new RaftCore(
                Options() with { LeaseReads = random.Chance(500_000), QuiesceAfter = Duration.FromMilliseconds(500) },
                RaftRestoredState.New(random.Chance(500_000) ? Trio : Membership.Of([One], [Two])),
                random.Fork(),
                Start);
            var now = Start;
            for (var step = 0; step < 400; step++)
            {
                now += Duration.FromMilliseconds(random.NextInt(0, 50));
                switch (random.NextInt(0, 9))
                {
                    case 0:
                        core.Tick(now);
                        break;
                    case 1:
                        core.LogDurable(core.LastIndex, core.Term, now);
                        break;
                    case 2:
                        core.Propose([new Proposal(EntryKind.Command, default)], now, out _);
                        break;
                    case 3:
                        core.RequestRead(1, now);
                        core.TransferLeadership(Two, now);
                        break;
                    case 4:
                        core.PeerUnreachable(Two, now);
                        core.SnapshotSent(Two, false, now);
                        core.Compacted(new LogIndex(random.NextBelow(core.CommitIndex.Value + 1)));
                        break;
                    case 5:
                        core.Wake(now);
                        break;
                    default:
                        core.Step(new NodeId((uint)random.NextInt(0, 4)), Nonsense(random, core), now);
                        break;
                }

                core.Effects.Clear();
            }
        }
    }

    private static RaftOptions Options() => new() { Self = One };

    private static RaftMessage Append(ulong term, ulong previous, ulong previousTerm, ulong commit, params ulong[] terms) =>
        RaftMessage.Append(
            new Term(term),
            new LogIndex(previous),
            new Term(previousTerm),
            new LogIndex(commit),
            terms.Select((entryTerm, i) =>
                new LogEntry(new LogIndex(previous + (ulong)i + 1), new Term(entryTerm), EntryKind.Command, default)).ToArray());

    private static Instant Elect(RaftCore core)
    {
        var now = core.NextDeadline;
        core.Tick(now);
        core.Step(Two, RaftMessage.PreVoteReply(core.Term.Next, granted: true), now);
        core.Step(Two, RaftMessage.VoteReply(core.Term, granted: true), now);
        Assert.Equal(Role.Leader, core.Role);
        return now;
    }

    private static string SentTo(RaftCore core, NodeId peer)
    {
        var sent = new List<string>();
        for (var i = 0; i < core.Effects.Count; i++)
        {
            if (core.Effects[i] is { Kind: RaftEffectKind.Send } effect && effect.Peer == peer)
            {
                sent.Add(core.Effects.MessageOf(effect) + (effect.AfterDurable ? " (after durable)" : ""));
            }
        }

        return string.Join("; ", sent);
    }

    private static List<string> Batches(RaftCore core, NodeId peer)
    {
        var batches = new List<string>();
        for (var i = 0; i < core.Effects.Count; i++)
        {
            if (core.Effects[i] is { Kind: RaftEffectKind.SendEntries } effect && effect.Peer == peer)
            {
                batches.Add($"{effect.First}-{effect.Last}");
            }
        }

        return batches;
    }

    // Numbers near those that mean something, and now and then far from them.
    private static RaftMessage Nonsense(Prng random, RaftCore core)
    {
        var index = Near(core.LastIndex.Value);
        var term = new Term(Near(core.Term.Value));
        var entries = new LogEntry[random.NextInt(0, 3)];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = new LogEntry(
                new LogIndex(random.Chance(50_000) ? Near(index) : index + (ulong)i + 1),
                random.Chance(200_000) ? new Term(Near(core.Term.Value)) : term,
                (EntryKind)random.NextInt(0, 2),
                random.Chance(500_000) ? Trio.ToBytes() : new byte[] { 1, 2 });
        }

        return new RaftMessage
        {
            Kind = (RaftMessageKind)random.NextInt(0, 13),
            Term = term,
            Index = new LogIndex(index),
            LogTerm = new Term(Near(core.Term.Value)),
            Commit = new LogIndex(Near(core.CommitIndex.Value)),
            HintIndex = new LogIndex(Near(core.LastIndex.Value)),
            Round = Near(3),
            Granted = random.Chance(700_000),
            IsTransfer = random.Chance(300_000),
            Entries = entries,
            Membership = random.Chance(500_000) ? Trio : random.Chance(500_000) ? null : new Membership([], [One], []),
            Offset = (long)Near(5),
            TotalBytes = (long)Near(5),
            Status = (SnapshotStatus)random.NextInt(0, 2),
        };

        ulong Near(ulong value) => random.Chance(20_000) ? random.NextUInt64() >> random.NextInt(2, 62)
            : Math.Max(3, value) - 3 + random.NextBelow(6);
    }
}
