using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Atoll.Storage.Journals;

namespace Atoll.Node.Replicas;

/// <summary>
/// Fills the core's "send these entries" with the entries themselves: from memory as a rule, from the disk for a follower that is far
/// behind. What is to follow entries that are still being read waits behind them: overtaken, they would be refused.
/// </summary>
internal sealed class EntrySender
{
    private readonly ReplicaEnvironment _environment;
    private readonly ShardLog _log;
    private readonly RaftCore _raft;
    private readonly ShardReplica _replica;
    private readonly Dictionary<NodeId, Queue<RaftEffect>> _behindRead = [];
    private LogEntry[] _entryBuffer = new LogEntry[16];

    public EntrySender(ReplicaEnvironment environment, ShardLog log, RaftCore raft, ShardReplica replica)
    {
        _environment = environment;
        _log = log;
        _raft = raft;
        _replica = replica;
    }

    /// <summary>Carries out a SendEntries effect.</summary>
    public void Send(in RaftEffect effect)
    {
        if (_behindRead.TryGetValue(effect.Peer, out var waiting))
        {
            waiting.Enqueue(effect);
            return;
        }

        var count = checked((int)(effect.Last - effect.First)) + 1;
        if (_entryBuffer.Length < count)
        {
            _entryBuffer = new LogEntry[Math.Max(count, _entryBuffer.Length * 2)];
        }

        for (var i = 0; i < count; i++)
        {
            if (!_log.TryRead(effect.First + (ulong)i, out _entryBuffer[i]))
            {
                _behindRead[effect.Peer] = new Queue<RaftEffect>();
                ReadAndSend(effect.Peer, effect.First, effect.Last, effect.PrevTerm, effect.Term);
                return;
            }
        }

        SendAppend(effect.Peer, effect.Term, effect.First.Previous, effect.PrevTerm, effect.Commit, _entryBuffer.AsMemory(0, count));
        Array.Clear(_entryBuffer, 0, count);
    }

    // The entries are not in memory: the follower is far behind. Read them, and send what is read if this replica still leads that term.
    private void ReadAndSend(NodeId to, LogIndex first, LogIndex last, Term prevTerm, Term term)
    {
        _log.Read(first, last, Limits.AppendBatchBytes, read =>
        {
            if (_replica.FaultReason is not null || _raft.Role != Role.Leader || _raft.Term != term)
            {
                _behindRead.Remove(to);
                return;
            }

            switch (read.Status)
            {
                case LogReadStatus.Ok:
                    SendAppend(to, term, first.Previous, prevTerm, _raft.CommitIndex, read.Entries.ToArray());
                    var end = read.Entries[^1];
                    if (end.Index < last)
                    {
                        ReadAndSend(to, end.Index.Next, last, end.Term, term);
                    }
                    else
                    {
                        SendWhatWaited(to);
                    }

                    break;
                case LogReadStatus.Unavailable:
                    _behindRead.Remove(to);
                    _raft.PeerUnreachable(to, _environment.Clock.Now); // compacted meanwhile: it will find out that a snapshot is needed
                    _replica.MarkDirty();
                    break;
                default:
                    _behindRead.Remove(to);
                    _raft.PeerUnreachable(to, _environment.Clock.Now);
                    _replica.Rebuild($"the log cannot be read: {read.Describe()}");
                    _replica.MarkDirty();
                    break;
            }
        });
    }

    private void SendWhatWaited(NodeId to)
    {
        if (_behindRead.Remove(to, out var waiting))
        {
            foreach (var effect in waiting)
            {
                if (effect.Term == _raft.Term)
                {
                    Send(effect);
                }
            }
        }
    }

    private void SendAppend(NodeId to, Term term, LogIndex prev, Term prevTerm, LogIndex commit, ReadOnlyMemory<LogEntry> entries)
    {
        var covered = LogIndex.Min(commit, prev + (ulong)entries.Length);
        _replica.Send(to, RaftMessage.Append(term, prev, prevTerm, covered, entries));
    }
}
