using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>
/// How a replica that lost what it had gets it back (docs/raft.md, "Rebuilding"; Alagappan et al., FAST '18): it gives no vote until its
/// log is that of a leader through the last index that this leader had when asked, which was after the loss.
/// </summary>
internal sealed class Rebuilding
{
    private static readonly Probe DoneProbe = Probe.Define("raft: a rebuilt replica votes again");

    private readonly ReplicaState _state;

    // Answers to questions of an earlier rebuilding, which may have been asked before the latest loss, mean nothing.
    private readonly ulong _question;
    private Term? _targetTerm;
    private LogIndex _target;
    private Instant _askAt;

    internal Rebuilding(ReplicaState state, Instant now)
    {
        _state = state;
        _question = state.IsRebuilding ? state.Random.NextUInt64() : 0;
        _askAt = now;
    }

    /// <summary>Looks whether all is there, and else asks the leader what all is.</summary>
    internal void Advance(Instant now)
    {
        if (!_state.IsRebuilding || _state.Role != Role.Follower || _state.Installing is not null || _state.Leader == NodeId.None)
        {
            return;
        }

        if (_targetTerm == _state.Term && _state.MatchedThrough >= _target)
        {
            DoneProbe.Hit();
            _state.EndRebuilding(now);
        }
        else if (now >= _askAt)
        {
            // Again and again: an acknowledgement from before the loss may come late, and let the leader believe that all is there.
            Ask(_state.Leader, now);
        }
    }

    /// <summary>No leader was heard for an election timeout: if it rests, somebody may wake it.</summary>
    internal void AskAround(Instant now)
    {
        if (!_state.IsRebuilding)
        {
            return;
        }

        foreach (var node in _state.Memberships.Latest.Everyone())
        {
            if (node != _state.Self)
            {
                Ask(node, now);
            }
        }
    }

    /// <summary>A leader says what its last index was when it was asked.</summary>
    internal void OnTarget(in RaftMessage answer)
    {
        // What is appended later was not acknowledged before: the first answer of a term is enough.
        if (_state.IsRebuilding && answer.Round == _question && _targetTerm != _state.Term)
        {
            _targetTerm = _state.Term;
            _target = answer.Index;
        }
    }

    private void Ask(NodeId node, Instant now)
    {
        _askAt = now + _state.Options.HeartbeatInterval;
        _state.Send(node, RaftMessage.RebuildAsk(_state.Term, _question, _state.Log.LastIndex));
    }
}
