using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.StateMachines;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Journals;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>
/// Brings a replica back from its disk: its state from the loop's store, or from the newest snapshot if that is further on (or all there
/// is), the log behind it, the memberships in the log. What was acknowledged is in one or the other; if it cannot be read, the replica
/// does not start.
/// </summary>
internal sealed class ReplicaRecovery
{
    private const int ReadBytes = 1024 * 1024;

    private static readonly Probe StateAheadOfLog = Probe.Define("recovery: the state was ahead of the log");

    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly IShardPolicy _policy;
    private readonly Membership _founders;
    private readonly bool _standsFirst;
    private readonly Action<ShardReplica?, RecoveryFailure?> _done;
    private readonly ReplicatedState _state;
    private readonly ShardLog _log;
    private readonly List<(LogIndex Index, Membership Membership)> _memberships = [];
    private Membership _stateMembership;

    private ReplicaRecovery(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, Membership founders, bool standsFirst,
        Action<ShardReplica?, RecoveryFailure?> done)
    {
        _environment = environment;
        _shard = shard;
        _policy = policy;
        _founders = founders;
        _standsFirst = standsFirst;
        _stateMembership = founders;
        _done = done;
        var tree = policy.IsStored ? environment.Store.Shard(shard) : null;
        if (tree is not null)
        {
            // Until the replica knows its time: nothing is collected.
            tree.Horizon = HybridTime.Zero;
        }

        _state = new ReplicatedState(
            policy.NewMachine(tree), new RequestTableOptions { Sabotage = environment.Options.Sabotage })
        {
            Sabotage = environment.Options.Sabotage,
            ForbiddenClock = environment.Hybrid.Peek,
        };
        _log = environment.Journal.Shard(shard);
    }

    /// <summary>Starts; <paramref name="done"/> gets the replica, or why there is none.</summary>
    /// <param name="environment">What the loop's replicas share.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="policy">Its kind.</param>
    /// <param name="founders">The membership at index 0: the founding replicas, or empty for a replica that joins later.</param>
    /// <param name="standsFirst">Whether this node is the one that is to lead the shard first.</param>
    /// <param name="done">The end.</param>
    public static void Run(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, Membership founders, bool standsFirst,
        Action<ShardReplica?, RecoveryFailure?> done) =>
        new ReplicaRecovery(environment, shard, policy, founders, standsFirst, done).LoadState();

    private void LoadState()
    {
        if (_log.Damage is { } damage)
        {
            _done(null, $"the log is damaged: {damage}");
            return;
        }

        var stored = _state.StoredIndex;
        var latest = _environment.Snapshots.Latest(_shard);
        if (latest is not null && latest.Meta.Index > stored)
        {
            LoadSnapshot(latest);
        }
        else if (stored > LogIndex.Zero)
        {
            RecoverFromStore(stored);
        }
        else if (_log.CompactedIndex > LogIndex.Zero && !_environment.Options.Sabotage.Has(Sabotage.OverlooksLostState))
        {
            _done(null, $"the log begins after index {_log.CompactedIndex}, and the state before it is missing or damaged");
        }
        else
        {
            _state.BeginBehind(_log.CompactedIndex);
            ReadMemberships(_log.FirstIndex);
        }
    }

    private void RecoverFromStore(LogIndex index)
    {
        if (index < _log.CompactedIndex)
        {
            _done(null, $"the state in the store ends at index {index}, the log begins after {_log.CompactedIndex}");
            return;
        }

        _state.Recover((error, bytes) =>
        {
            if (error is not null)
            {
                _done(null, error);
            }
            else if (ReplicaNote.Read(bytes) is not { } note)
            {
                _done(null, "what the store says of the state's last entry cannot be read");
            }
            else
            {
                _stateMembership = note.Membership;
                FitLog(index, note.Term);
            }
        });
    }

    private void LoadSnapshot(SnapshotInfo latest)
    {
        if (latest.Meta.Index < _log.CompactedIndex)
        {
            _done(null, $"the newest usable snapshot ends at index {latest.Meta.Index}, the log begins after {_log.CompactedIndex}");
            return;
        }

        if (!Membership.TryDecode(latest.Meta.Membership, out _stateMembership))
        {
            _done(null, $"the membership in snapshot {latest.File} cannot be read");
            return;
        }

        _environment.Snapshots.OpenRead(latest, (status, reader) =>
        {
            if (reader is null)
            {
                _done(null, $"snapshot {latest.File} cannot be opened: {status}");
                return;
            }

            var note = new ReplicaNote(latest.Meta.Term, _stateMembership);
            SnapshotLoader.Load(reader, _state, latest.Meta.Index, note.ToBytes(), error =>
            {
                reader.Close();
                if (error is not null)
                {
                    _done(null, error);
                    return;
                }

                FitLog(latest.Meta.Index, latest.Meta.Term);
            });
        });
    }

    // A crash between "the snapshot is in place" and "the log is emptied" leaves a log that the snapshot replaces. So does one after
    // entries that others had committed were applied and flushed here before this disk had them in its log.
    private void FitLog(LogIndex index, Term term)
    {
        var isCovered = index <= _log.LastIndex && _log.TryTermAt(index, out var logged) && logged == term;
        if (_state.SnapshotIndex < (isCovered ? _log.CompactedIndex : index))
        {
            // Where the log holds the data, it cannot be done without: the others have them.
            _done(null, $"data behind index {_state.SnapshotIndex} are not in the log, which has {_log.FirstIndex} to {_log.LastIndex}");
            return;
        }

        if (!isCovered)
        {
            StateAheadOfLog.Hit();
            if (_log.ResetTo(index, term) == Journal.Refused)
            {
                _done(null, "the journal refuses writes");
                return;
            }
        }

        ReadMemberships(_log.FirstIndex);
    }

    private void ReadMemberships(LogIndex from)
    {
        if (from > _log.LastIndex)
        {
            Finish();
            return;
        }

        _log.Read(from, _log.LastIndex, ReadBytes, read =>
        {
            if (read.Status != LogReadStatus.Ok)
            {
                _done(null, $"the log cannot be read: {read.Describe()}");
                return;
            }

            foreach (var entry in read.Entries)
            {
                if (entry.Kind == EntryKind.Membership && !_environment.Options.Sabotage.Has(Sabotage.ForgetsRemoval))
                {
                    if (!Membership.TryDecode(entry.Payload, out var membership))
                    {
                        _done(null, $"the membership at index {entry.Index} cannot be read");
                        return;
                    }

                    _memberships.Add((entry.Index, membership));
                }
            }

            ReadMemberships(read.Entries[^1].Index.Next);
        });
    }

    private void Finish()
    {
        var options = _environment.Options;
        var restored = new RaftRestoredState(
            _log.HardState,
            _log.CompactedIndex,
            _log.CompactedTerm,
            _stateMembership,
            _log.TermRuns,
            _log.LastIndex,
            _memberships,
            _state.AppliedIndex,
            _log.IsRebuilding);
        var raft = new RaftCore(
            new RaftOptions
            {
                Self = options.Self,
                StandsFirst = _standsFirst,
                ElectionTimeoutMin = options.ElectionTimeout,
                ElectionTimeoutMax = options.ElectionTimeout * 2,
                HeartbeatInterval = options.HeartbeatInterval,
                QuiesceAfter = options.QuiesceAfter,
                LeaseReads = options.LeaseReads,
                LeaseClockDriftBound = options.LeaseClockDriftBound,
                Sabotage = options.Sabotage,
            },
            restored,
            _environment.Random.Fork(),
            _environment.Clock.Now);
        Check.That(_founders is not null);
        _done(new ShardReplica(_environment, _shard, _policy, _log, _state, raft), null);
    }
}
