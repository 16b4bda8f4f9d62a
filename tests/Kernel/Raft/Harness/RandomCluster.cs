using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft.Harness;

/// <summary>
/// A cluster of test replicas under a schedule that is drawn from one seed: messages are lost, doubled, late and overtaken, disks are slow
/// and lose what was not durable, replicas stop and start, links are cut, memberships change, leadership is handed over.
/// </summary>
public sealed class RandomCluster
{
    private readonly Prng _random;
    private readonly SortedDictionary<NodeId, TestReplica> _replicas = [];
    private readonly PriorityQueue<Action, (Instant, long)> _events = new();
    private readonly HashSet<(NodeId, NodeId)> _cut = [];
    private readonly Dictionary<NodeId, Instant> _restartAt = [];
    private readonly Dictionary<NodeId, Instant> _pausedUntil = [];
    private readonly int _lossPpm;
    private readonly int _doublePpm;
    private readonly int _slowPpm;
    private readonly Duration _diskDelayMax;
    private long _order;
    private ulong _nextContext;
    private int _nextPayload;
    private readonly bool _isRotting;
    private readonly Membership _founding;

    /// <param name="seed">What everything is drawn from.</param>
    /// <param name="isRotting">
    /// Whether disks lose their logs, of fewer than half of the replicas at any time; then there are three or five voters, for good.
    /// </param>
    /// <param name="sabotage">A planted bug.</param>
    internal RandomCluster(ulong seed, bool isRotting = false, Sabotage sabotage = Sabotage.None)
    {
        _random = new Prng(seed);
        _isRotting = isRotting;
        var count = isRotting ? _random.Pick([3, 5]) : _random.NextInt(1, 6);
        var voters = isRotting ? count : _random.NextInt(1, count);
        _lossPpm = _random.Pick([0, 10_000, 100_000, 300_000]);
        _doublePpm = _random.Pick([0, 10_000, 200_000]);
        _slowPpm = _random.Pick([0, 50_000, 500_000]);
        _diskDelayMax = Duration.FromMilliseconds(_random.Pick([1, 20, 300]));
        IsFaulty = true;
        var founding = _founding = Membership.Of(Enumerable.Range(1, voters).Select(i => new NodeId((uint)i)));
        var template = new RaftOptions
        {
            Self = new NodeId(1),
            QuiesceAfter = _random.Chance(300_000) ? Duration.FromMilliseconds(_random.NextInt(100, 2000)) : Duration.Infinite,
            LeaseReads = _random.Chance(500_000),
            AppendBytesMax = _random.Pick([1, 100, 1000, 100_000]),
            AppendEntriesMax = _random.Pick([1, 3, 1000]),
            UnsizedEntriesMax = _random.Pick([1, 2, 64]),
            AppendsInFlightMax = _random.Pick([1, 2, 64]),
            PromotionLagEntriesMax = _random.Pick([0, 10, 256]),
            CommitNoticeDelay = Duration.FromMilliseconds(_random.Pick([0, 5, 50])),
            Sabotage = sabotage,
        };
        for (var i = 1; i <= count; i++)
        {
            var node = new NodeId((uint)i);
            var log = new ModelLog { SnapshotMembership = i <= voters ? founding : Membership.Empty };
            var replica = new TestReplica(template with { Self = node }, log, _random.Fork(), Now)
            {
                SnapshotChunkBytes = _random.Pick([100, 1000, 10_000]),
            };
            replica.Send = (to, message) => Transmit(node, to, message);
            _replicas.Add(node, replica);
        }

        Oracle = new ClusterOracle(_replicas);
        foreach (var replica in _replicas.Values)
        {
            Oracle.Watch(replica);
        }
    }

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1000);

    public ClusterOracle Oracle { get; }

    public bool IsFaulty { get; private set; }

    public int Events { get; private set; }

    /// <summary>Set it to see what happened.</summary>
    public List<string>? TraceLines { get; init; }

    /// <summary>Chaos for so long.</summary>
    public void RunFaulty(Duration length)
    {
        var end = Now + length;
        while (Now < end)
        {
            Advance();
            Meddle();
        }
    }

    /// <summary>Everybody is up, every link works: within the time a leader must commit something new, and everyone must have it.</summary>
    public void RunHealed(Duration within)
    {
        IsFaulty = false;
        _cut.Clear();
        _restartAt.Clear();
        _pausedUntil.Clear();
        foreach (var replica in _replicas.Values.Where(replica => !replica.IsUp))
        {
            replica.Restart(Now);
        }

        foreach (var replica in _replicas.Values)
        {
            replica.Do(core => core.Wake(Now), Now);
        }

        var end = Now + within;
        var goal = LogIndex.Zero;
        var goalTerm = Term.Zero;
        while (Now < end)
        {
            Advance();
            if (Leader() is not { } leader)
            {
                continue;
            }

            if ((goal == LogIndex.Zero || goalTerm != leader.Core.Term) && leader.Core.HasCommittedInTerm)
            {
                // Anew under each leader: the last one may have fallen before it committed.
                goalTerm = leader.Core.Term;
                leader.Do(core => _ = core.Propose([Command()], Now, out goal), Now);
            }

            var members = leader.Core.Membership.Everyone();
            if (_replicas.Values.Any(replica => replica.Core.IsRebuilding))
            {
                continue;
            }

            if (goal != LogIndex.Zero && !leader.Core.Membership.IsJoint && members.All(node => _replicas[node].Applied >= goal))
            {
                var state = _replicas[members[0]].State;
                var shortest = members.Min(node => _replicas[node].State.Count);
                Assert.All(members, node => Assert.Equal(state.Take(shortest), _replicas[node].State.Take(shortest)));
                return;
            }
        }

        Assert.Fail($"no progress after healing: {string.Join("; ", _replicas.Values.Select(Describe))}");
    }

    private static string Describe(TestReplica replica) =>
        $"{replica.Id} {replica.Core.Role} term {replica.Core.Term} last {replica.Core.LastIndex} commit {replica.Core.CommitIndex} "
        + $"{(replica.Core.IsRebuilding ? "rebuilding " : "")}applied {replica.Applied} "
        + $"{replica.Core.Membership} peers [{string.Join(", ", replica.Core.DescribePeers())}]";

    private TestReplica? Leader() =>
        _replicas.Values.Where(replica => replica.IsUp && replica.Core.Role == Role.Leader).MaxBy(replica => replica.Core.Term.Value);

    private Proposal Command() => new(EntryKind.Command, Encoding.UTF8.GetBytes($"c{_nextPayload++}"));

    private void Advance()
    {
        Now += Duration.FromMilliseconds(5);
        while (_events.TryPeek(out var action, out var at) && at.Item1 <= Now)
        {
            _events.Dequeue();
            action();
            Events++;
        }

        foreach (var replica in _replicas.Values)
        {
            if (_restartAt.TryGetValue(replica.Id, out var at) && at <= Now)
            {
                _restartAt.Remove(replica.Id);
                replica.Restart(Now);
                Trace($"{replica.Id} restarts {Describe(replica)}");
            }

            if (!replica.IsUp || IsPaused(replica.Id))
            {
                continue;
            }

            if (replica.Core.NextDeadline <= Now || replica.Senders.Any(sender => sender.NextDeadline <= Now))
            {
                replica.Tick(Now);
                Events++;
            }

            FlushSoon(replica);
        }
    }

    private void FlushSoon(TestReplica replica)
    {
        if (replica.Disk.DurableSequence == replica.Disk.WrittenSequence)
        {
            return;
        }

        if (!IsFaulty || _random.Chance((int)(5_000_000_000_000 / _diskDelayMax.Nanoseconds)))
        {
            var waiting = replica.Disk.WrittenSequence - replica.Disk.DurableSequence;
            Trace($"{replica.Id} disk");
            replica.MakeDurable(IsFaulty ? _random.NextInt(1, (int)waiting) : waiting, Now);
        }
    }

    private void Transmit(NodeId from, NodeId to, RaftMessage message)
    {
        Assert.NotEqual(from, to);
        Assert.True(_replicas.ContainsKey(to));
        if (IsFaulty && (_random.Chance(_lossPpm) || _cut.Contains((from, to))))
        {
            return;
        }

        Trace($"    {from}->{to} {message}");
        Deliver(from, to, message);
        if (IsFaulty && _random.Chance(_doublePpm))
        {
            Deliver(from, to, message);
        }
    }

    private void Deliver(NodeId from, NodeId to, RaftMessage message)
    {
        var delay = IsFaulty && _random.Chance(_slowPpm) ? _random.NextInt(1, 1000) : _random.NextInt(1, 10);
        var arriving = TestReplica.OverTheWire(message);
        _events.Enqueue(
            () => Arrive(from, to, arriving),
            (Now + Duration.FromMilliseconds(delay), _order++));
    }

    private void Arrive(NodeId from, NodeId to, RaftMessage message)
    {
        if (IsPaused(to))
        {
            // It waits in the socket, and is seen before the clock is looked at.
            _events.Enqueue(() => Arrive(from, to, message), (_pausedUntil[to], _order++));
        }
        else if (_replicas[to].IsUp)
        {
            Trace($"{to} gets from {from} {message}");
            _replicas[to].Step(from, message, Now);
            Trace($"    = {Describe(_replicas[to])}");
        }
    }

    private bool IsPaused(NodeId node) => _pausedUntil.TryGetValue(node, out var until) && Now < until;

    private void Meddle()
    {
        var replica = _replicas[new NodeId((uint)_random.NextInt(1, _replicas.Count))];
        if (!replica.IsUp || IsPaused(replica.Id))
        {
            return;
        }

        switch (_random.NextInt(0, 299))
        {
            case < 60:
                var proposals = Enumerable.Range(0, _random.NextInt(1, 4)).Select(_ => Command()).ToArray();
                replica.Do(core => core.Propose(proposals, Now, out _), Now);
                break;
            case < 120:
                Read(replica);
                break;
            case < 122:
                Trace($"{replica.Id} crash");
                Oracle.Crashing(replica);
                replica.Crash();
                _restartAt[replica.Id] = Now + Duration.FromMilliseconds(_random.NextInt(1, 3000));
                Rot(replica);
                break;
            case < 124:
                _cut.Add((replica.Id, Anyone()));
                break;
            case < 128:
                _cut.Clear();
                break;
            case < 134:
                replica.Compact(new LogIndex(_random.NextBelow(replica.Applied.Value + 1)));
                break;
            case < 136:
                replica.Do(core => core.TransferLeadership(Anyone(), Now), Now);
                break;
            case < 146 when _isRotting:
                break;
            case < 146:
                ProposeMembership(replica);
                break;
            case < 150:
                replica.LinkDown(Anyone(), Now);
                break;
            case < 152:
                replica.Do(core => core.Wake(Now), Now);
                break;
            case < 153:
                // The process stands still, as in a long collection or under SIGSTOP; it wakes to a request before anything else.
                _pausedUntil[replica.Id] = Now + Duration.FromMilliseconds(_random.NextInt(1, 3000));
                _events.Enqueue(() => Read(replica), (_pausedUntil[replica.Id], _order++));
                break;
            case < 154:
                // Everything stands still: all timers are late at once.
                Now += Duration.FromMilliseconds(_random.NextInt(1, 2000));
                break;
        }
    }

    // As many as leave a majority that has everything.
    private void Rot(TestReplica replica)
    {
        var isOneMore = replica.Disk.Durable.IsRebuilding ? 0 : 1;
        if (_isRotting && _random.Chance(500_000)
            && (2 * (_replicas.Values.Count(other => other.Disk.Durable.IsRebuilding) + isOneMore)) < _replicas.Count)
        {
            Trace($"{replica.Id} loses its log");
            replica.LostLogs.Add(replica.Disk.Rot(_founding));
        }
    }

    private void Read(TestReplica replica)
    {
        if (replica.IsUp)
        {
            var context = _nextContext++;
            Oracle.ReadRequested(replica.Id, context);
            replica.Do(core => core.RequestRead(context, Now), Now);
        }
    }

    private void Trace(string line)
    {
        if (TraceLines is not null)
        {
            TraceLines.Add($"{Now} {line}");
        }
    }

    private NodeId Anyone() => new((uint)_random.NextInt(1, _replicas.Count));

    private void ProposeMembership(TestReplica replica)
    {
        var current = replica.Core.Membership;
        var voters = current.Voters.ToHashSet();
        var learners = current.Learners.ToHashSet();
        foreach (var node in _replicas.Keys)
        {
            switch (_random.NextInt(0, 5))
            {
                case 0 when voters.Count > 1:
                    voters.Remove(node);
                    learners.Add(node);
                    break;
                case 1 when learners.Contains(node):
                    learners.Remove(node);
                    voters.Add(node);
                    break;
                case 2 when !voters.Contains(node):
                    learners.Add(node);
                    break;
                case 3 when voters.Count > 1:
                    voters.Remove(node);
                    learners.Remove(node);
                    break;
            }
        }

        replica.Do(core => core.ProposeMembership(Membership.Of(voters, learners), Now, out _), Now);
    }
}
