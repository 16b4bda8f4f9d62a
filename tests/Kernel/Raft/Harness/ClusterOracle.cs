using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft.Harness;

/// <summary>
/// Sees every event of a cluster of test replicas and checks the five properties of figure 3.2 of the dissertation: election safety, leader
/// append-only, log matching, leader completeness and state machine safety; and that reads are linearizable.
/// </summary>
public sealed class ClusterOracle(IReadOnlyDictionary<NodeId, TestReplica> replicas)
{
    private readonly Dictionary<Term, NodeId> _leaders = [];
    private readonly Dictionary<(LogIndex Index, Term Term), Writing> _written = [];
    private readonly Dictionary<LogIndex, (string Entry, Term EntryTerm, Term CommittedIn)> _committed = [];
    private readonly Dictionary<(NodeId, ulong), LogIndex> _reads = [];

    public LogIndex HighestCommitted { get; private set; }

    public int ElectionsSeen => _leaders.Count;

    public int ReadsAnswered { get; private set; }

    public void Watch(TestReplica replica)
    {
        replica.Appended = entry => OnAppended(replica, entry);
        replica.AppliedEntry = entry => OnApplied(replica, entry);
        replica.Watch = effect => OnEffect(replica, effect);
    }

    public void ReadRequested(NodeId node, ulong context) => _reads[(node, context)] = HighestCommitted;

    /// <summary>
    /// A replica that leads alone may forget at a crash a term in which it wrote, and use it again, as long as nobody else saw any of it.
    /// </summary>
    public void Crashing(TestReplica replica)
    {
        var lost = _written.Where(item =>
            item.Value.Author == replica.Id && !item.Value.IsShared && !replica.Disk.Durable.Holds(item.Key.Index, item.Key.Term));
        foreach (var item in lost.ToArray())
        {
            _written.Remove(item.Key);
        }
    }

    private void OnEffect(TestReplica replica, RaftEffect effect)
    {
        switch (effect.Kind)
        {
            case RaftEffectKind.RoleChanged when effect.Role == Role.Leader:
                OnLeader(replica, effect.Term);
                break;
            case RaftEffectKind.AppendEntries when replica.Core.Role == Role.Leader:
                Assert.True(effect.First > replica.Disk.Written.LastIndex, "leader append-only");
                break;
            case RaftEffectKind.Committed:
                if (effect.Index > HighestCommitted)
                {
                    OnNewlyCommitted(replica, effect.Index);
                }

                break;
            case RaftEffectKind.ReadReady:
                Assert.True(_reads.Remove((replica.Id, effect.Context), out var atLeast), "a read is answered twice, or was not asked");
                Assert.True(effect.Index >= atLeast, $"stale read: index {effect.Index}, but {atLeast} was committed before it");
                ReadsAnswered++;
                break;
            case RaftEffectKind.ReadFailed:
                Assert.True(_reads.Remove((replica.Id, effect.Context)), "a read fails twice, or was not asked");
                break;
        }
    }

    private void OnLeader(TestReplica replica, Term term)
    {
        Assert.True(
            !_leaders.TryGetValue(term, out var other) || other == replica.Id,
            $"election safety: {other} and {replica.Id} both lead term {term}");
        _leaders[term] = replica.Id;
        foreach (var (index, (_, entryTerm, committedIn)) in _committed)
        {
            Assert.True(
                committedIn >= term || replica.Disk.Written.Holds(index, entryTerm),
                $"leader completeness: {replica.Id} leads term {term} without {index}@{entryTerm}");
        }
    }

    private void OnAppended(TestReplica replica, LogEntry entry)
    {
        // By induction over the index, this is log matching: one (index, term) has one content and one predecessor.
        var written = replica.Disk.Written;
        var previous = entry.Index.Previous == written.SnapshotIndex ? written.SnapshotTerm : written[entry.Index.Previous].Term;
        var content = (previous, TestReplica.Describe(entry));
        if (!_written.TryGetValue((entry.Index, entry.Term), out var known))
        {
            _written[(entry.Index, entry.Term)] = new Writing(content, replica.Id);
            return;
        }

        Assert.True(known.Content == content, $"log matching: {content} at {replica.Id}, {known.Content} elsewhere");
        known.IsShared |= replica.Id != known.Author;
    }

    private void OnNewlyCommitted(TestReplica replica, LogIndex index)
    {
        HighestCommitted = index;
        var written = replica.Disk.Written;
        if (index <= written.SnapshotIndex || index > written.LastIndex)
        {
            return;
        }

        // Museum, rows 1 and 13: on the disks of a quorum, not only in its memory. What a membership decides at this index is what counts.
        var term = written[index].Term;
        var membership = replica.Core.Membership;
        Assert.True(IsHeldByMajority(membership.Voters, index, term), $"{index}@{term} commits without a durable quorum");
        Assert.True(
            !membership.IsJoint || IsHeldByMajority(membership.OutgoingVoters, index, term),
            $"{index}@{term} commits without a durable outgoing quorum");
    }

    private bool IsHeldByMajority(IReadOnlyList<NodeId> voters, LogIndex index, Term term) =>
        voters.Count(node =>
            replicas[node].Disk.Durable.Holds(index, term)
            || replicas[node].LostLogs.Exists(lost => lost.Holds(index, term))) > voters.Count / 2; // acknowledged, then lost

    private void OnApplied(TestReplica replica, LogEntry entry)
    {
        var text = TestReplica.Describe(entry);
        if (_committed.TryGetValue(entry.Index, out var known))
        {
            Assert.True(known.Entry == text, $"state machine safety: {replica.Id} applies {text}, another applied {known.Entry}");
        }
        else
        {
            _committed[entry.Index] = (text, entry.Term, replica.Core.Term);
        }
    }

    private sealed class Writing((Term Previous, string Entry) content, NodeId author)
    {
        public (Term Previous, string Entry) Content { get; } = content;

        public NodeId Author { get; } = author;

        public bool IsShared { get; set; }
    }
}
