using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>
/// What a replica is, whatever its role: term, vote, log positions, memberships, timers; and the few ways in which they change, each of
/// which leaves its effects. The rules of elections, following and leading are in the types that share it.
/// </summary>
internal sealed class ReplicaState
{
    private static readonly Probe CutProbe = Probe.Define("raft: follower cuts conflicting entries");
    private static readonly Probe MembershipCutProbe = Probe.Define("raft: a membership is rolled back");

    private Term _matchedTerm;
    private LogIndex _matched;

    // The term rose since the last RoleChanged.
    private bool _termIsNews;

    internal ReplicaState(RaftOptions options, RaftRestoredState restored, Prng random, RaftEffects effects, Instant now)
    {
        Options = options;
        Random = random;
        Effects = effects;
        Term = restored.HardState.Term;
        Vote = restored.HardState.Vote;
        Log = new LogTerms(restored.SnapshotIndex, restored.SnapshotTerm, restored.TermRuns, restored.LastIndex);
        Sizes = new EntrySizes(restored.LastIndex);
        Memberships = new MembershipHistory(restored.SnapshotIndex, restored.SnapshotMembership, restored.MembershipsInLog);
        CommitIndex = LogIndex.Max(restored.SnapshotIndex, restored.AppliedIndex);
        DurableIndex = restored.LastIndex;
        IsRebuilding = restored.IsRebuilding;

        // A replica that restarts may have heard from a leader an instant before it stopped, and a lease may rest on its silence.
        ProtectedUntil = Term == Term.Zero ? now : now + options.ElectionTimeoutMin;
        ArmElectionTimer(now);
        if (!IsRebuilding && Memberships.Latest is { IsJoint: false, Voters: [var only] } && only == Self)
        {
            // Nobody else could be leading.
            ElectionDeadline = now;
        }
        else if (options.StandsFirst && Term == Term.Zero)
        {
            // By then the other founders are there, too.
            ElectionDeadline = now + random.NextDuration(options.HeartbeatInterval, options.HeartbeatInterval * 2);
        }
    }

    internal RaftOptions Options { get; }

    /// <summary>The bug that simulation has planted, if any.</summary>
    internal Sabotage Sabotage => Options.Sabotage;

    internal Prng Random { get; }

    internal RaftEffects Effects { get; }

    internal NodeId Self => Options.Self;

    internal Term Term { get; private set; }

    internal NodeId Vote { get; private set; }

    internal Role Role { get; private set; }

    internal NodeId Leader { get; private set; }

    internal LogTerms Log { get; }

    internal EntrySizes Sizes { get; }

    internal MembershipHistory Memberships { get; }

    internal LogIndex CommitIndex { get; private set; }

    internal LogIndex DurableIndex { get; private set; }

    internal Instant ElectionDeadline { get; set; }

    /// <summary>Until then a leader was heard lately enough that vote requests are ignored (dissertation, 4.2.3).</summary>
    internal Instant ProtectedUntil { get; private set; }

    internal bool IsQuiescent { get; set; }

    /// <summary>Whether the replica may lack what it acknowledged once (docs/raft.md).</summary>
    internal bool IsRebuilding { get; private set; }

    /// <summary>Whether it may take part in elections.</summary>
    internal bool MayVote => !IsRebuilding || Sabotage.Has(Sabotage.RebuildingVotes);

    /// <summary>Through here the log is that of the present term's leader, as far as it is known.</summary>
    internal LogIndex MatchedThrough => LogIndex.Max(CommitIndex, _matchedTerm == Term ? _matched : LogIndex.Zero);

    /// <summary>The snapshot that the host installs now, if any: until it is done the log must not change.</summary>
    internal LogIndex? Installing { get; set; }

    /// <summary>What there is only while this replica leads.</summary>
    internal Leadership? Leadership { get; private set; }

    /// <summary>
    /// A learner does not campaign, and a replica between two logs can't lead. One that the latest membership takes the vote from still
    /// campaigns until that membership is committed, without a vote for itself: it may be the only one whose log the others accept (4.2.2).
    /// </summary>
    internal bool CanCampaign =>
        Installing is null
        && MayVote
        && (Memberships.Latest.IsVoter(Self)
            || (Memberships.LatestIndex > CommitIndex && Memberships.BeforeLatest is { } before && before.IsVoter(Self)));

    internal void ArmElectionTimer(Instant now) =>
        ElectionDeadline = now + Random.NextDuration(Options.ElectionTimeoutMin, Options.ElectionTimeoutMax);

    internal void Send(NodeId to, in RaftMessage message, bool afterDurable = false) =>
        Effects.AddMessage(RaftEffectKind.Send, to, message, afterDurable);

    /// <summary>A leader of this term was heard.</summary>
    internal void HeardLeader(NodeId leader, Instant now)
    {
        Check.That(Role != Role.Leader);
        SetRole(Role.Follower, leader);
        IsQuiescent = false;
        ProtectedUntil = now + Options.ElectionTimeoutMin;
        ArmElectionTimer(now);
    }

    /// <summary>Follows, in a term that may be new; a vote cast in the current term stays.</summary>
    internal void BecomeFollower(Term term, NodeId leader, Instant now)
    {
        Check.That(term >= Term);
        var wasFollower = Role == Role.Follower;
        if (term > Term)
        {
            SaveHardState(term, NodeId.None);
        }

        Leadership?.Abandon();
        Leadership = null;
        SetRole(Role.Follower, leader);

        // A follower whose term is raised by somebody else's candidacy keeps its own timer, or a candidate with a stale log could hold
        // back one with a fresh log for ever.
        if (!wasFollower || IsQuiescent)
        {
            ArmElectionTimer(now);
        }

        IsQuiescent = false;
    }

    internal void BecomePreCandidate()
    {
        Check.That(Role != Role.Leader);
        SetRole(Role.PreCandidate, NodeId.None);
    }

    internal void BecomeCandidate()
    {
        Check.That(Role != Role.Leader && CanCampaign);
        SaveHardState(Term.Next, Self);
        SetRole(Role.Candidate, NodeId.None);
    }

    internal void BecomeLeader(Leadership leadership)
    {
        Check.That(Role == Role.Candidate && Vote == Self);
        Leadership = leadership;
        SetRole(Role.Leader, Self);
    }

    internal void CastVote(NodeId candidate)
    {
        Check.That(Vote == NodeId.None || Vote == candidate);
        if (Vote != candidate)
        {
            SaveHardState(Term, candidate);
        }
    }

    /// <summary>The log is that of this term's leader through the index.</summary>
    internal void NoteMatched(LogIndex through)
    {
        _matched = _matchedTerm == Term ? LogIndex.Max(_matched, through) : through;
        _matchedTerm = Term;
    }

    /// <summary>The replica has all that it had.</summary>
    internal void EndRebuilding(Instant now)
    {
        Check.That(IsRebuilding);
        IsRebuilding = false;
        ArmElectionTimer(now);
        Effects.Add(new RaftEffect { Kind = RaftEffectKind.Rebuilt });
    }

    internal void ForgetLeader() => SetRole(Role, NodeId.None);

    /// <summary>Appends entries, first cutting what conflicts with them.</summary>
    internal void Append(ReadOnlySpan<LogEntry> entries)
    {
        Check.That(Installing is null);
        var first = entries[0].Index;
        var membershipChanged = first <= Log.LastIndex && Cut(first);
        foreach (ref readonly var entry in entries)
        {
            Log.Append(entry.Index, entry.Term);
            Sizes.Append(entry.Index, entry.SizeBytes);
            if (entry.Kind == EntryKind.Membership)
            {
                var decoded = Membership.TryDecode(entry.Payload, out var membership);
                Check.That(decoded);
                Memberships.Append(entry.Index, membership);
                membershipChanged = true;
            }
        }

        Effects.AddEntries(entries);
        if (membershipChanged)
        {
            ReportMembership();
        }
    }

    internal void CommitTo(LogIndex index)
    {
        if (index <= CommitIndex)
        {
            return;
        }

        Check.That(index <= Log.LastIndex);
        var before = CommitIndex;
        CommitIndex = index;
        Effects.Add(new RaftEffect { Kind = RaftEffectKind.Committed, Index = index });
        if (Memberships.LatestIndex > before)
        {
            foreach (var (at, membership) in Memberships.Between(before, index))
            {
                Effects.Add(new RaftEffect
                {
                    Kind = RaftEffectKind.MembershipChanged, Index = at, Membership = membership, IsCommitted = true,
                });
            }
        }
    }

    /// <summary>
    /// Takes the host's report that the log is on disk; false when it says nothing new. The term guards against a report about an entry
    /// that was cut since. Should the same entry have been cut and appended again in between, the report may come before the second write
    /// is durable; no harm is done: a follower's acknowledgements wait for the disk by themselves, and a leader counts itself only for
    /// entries of its own term, which are never cut while it leads and which the disk holds only with everything before them.
    /// </summary>
    internal bool ReportDurable(LogIndex index, Term term)
    {
        if (index <= DurableIndex || !Log.Has(index, term))
        {
            return false;
        }

        DurableIndex = index;
        return true;
    }

    /// <summary>The log now starts after an installed snapshot.</summary>
    internal void ResetLog(LogIndex index, Term term, Membership membership)
    {
        Check.That(index > CommitIndex);
        Log.Reset(index, term);
        Sizes.Reset(index);
        Memberships.Reset(index, membership);
        CommitIndex = index;
        DurableIndex = index;
        ReportMembership();
    }

    /// <summary>The host's log starts after the index now; a durable snapshot holds what was before.</summary>
    internal void CompactThrough(LogIndex index)
    {
        Check.That(index <= CommitIndex);
        Log.CompactThrough(index);
        Memberships.CompactThrough(index);
        DurableIndex = LogIndex.Max(DurableIndex, index);
    }

    private bool Cut(LogIndex first)
    {
        // State machine safety (dissertation, figure 3.2): what is committed may have been applied, here or elsewhere.
        Check.That(first > CommitIndex);
        CutProbe.Hit();
        Log.CutFrom(first);
        Sizes.CutFrom(first);
        DurableIndex = LogIndex.Min(DurableIndex, first.Previous);
        if (!Memberships.CutFrom(first))
        {
            return false;
        }

        MembershipCutProbe.Hit();
        return true;
    }

    private void ReportMembership() =>
        Effects.Add(new RaftEffect
        {
            Kind = RaftEffectKind.MembershipChanged,
            Index = Memberships.LatestIndex,
            Membership = Memberships.Latest,
            IsCommitted = Memberships.LatestIndex <= CommitIndex,
        });

    private void SaveHardState(Term term, NodeId vote)
    {
        Check.That(term >= Term);
        Check.That(term > Term || Vote == NodeId.None);
        Term = term;
        Vote = vote;
        Effects.Add(new RaftEffect { Kind = RaftEffectKind.SaveHardState, Term = term, Vote = vote });
        _termIsNews = true;
    }

    private void SetRole(Role role, NodeId leader)
    {
        if (role == Role && leader == Leader && !_termIsNews)
        {
            return;
        }

        Role = role;
        Leader = leader;
        _termIsNews = false;
        Effects.Add(new RaftEffect { Kind = RaftEffectKind.RoleChanged, Role = role, Term = Term, Peer = leader });
    }
}
