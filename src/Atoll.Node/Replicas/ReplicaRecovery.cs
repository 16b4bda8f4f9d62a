using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Atoll.StateMachines;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Journals;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>
/// Brings a replica back from its disk: the newest snapshot into the state, the log behind it, the memberships in the log. What was
/// acknowledged is in one or the other; if it cannot be read, the replica does not start.
/// </summary>
internal sealed class ReplicaRecovery
{
    private const int ReadBytes = 1024 * 1024;

    private static readonly Probe SnapshotAheadOfLog = Probe.Define("recovery: the snapshot was ahead of the log");

    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly IShardPolicy _policy;
    private readonly Membership _founders;
    private readonly Action<ShardReplica?, string?> _done;
    private readonly ReplicatedState _state;
    private readonly ShardLog _log;
    private readonly List<(LogIndex Index, Membership Membership)> _memberships = [];
    private Membership _snapshotMembership;

    private ReplicaRecovery(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, Membership founders, Action<ShardReplica?, string?> done)
    {
        _environment = environment;
        _shard = shard;
        _policy = policy;
        _founders = founders;
        _snapshotMembership = founders;
        _done = done;
        _state = new ReplicatedState(policy.NewMachine(), new RequestTableOptions { Sabotage = environment.Options.Sabotage })
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
    /// <param name="done">The end.</param>
    public static void Run(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, Membership founders, Action<ShardReplica?, string?> done) =>
        new ReplicaRecovery(environment, shard, policy, founders, done).LoadSnapshot();

    private void LoadSnapshot()
    {
        var latest = _environment.Snapshots.Latest(_shard);
        if (latest is null)
        {
            if (_log.CompactedIndex > LogIndex.Zero)
            {
                _done(null, $"the log begins after index {_log.CompactedIndex}, and the snapshot before it is missing or damaged");
                return;
            }

            ReadMemberships(_log.FirstIndex);
            return;
        }

        if (latest.Meta.Index < _log.CompactedIndex)
        {
            _done(null, $"the newest usable snapshot ends at index {latest.Meta.Index}, the log begins after {_log.CompactedIndex}");
            return;
        }

        if (!Membership.TryDecode(latest.Meta.Membership, out _snapshotMembership))
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

            SnapshotLoader.Load(reader, _state, latest.Meta.Index, error =>
            {
                reader.Close();
                if (error is not null)
                {
                    _done(null, error);
                    return;
                }

                FitLog(latest.Meta);
            });
        });
    }

    // A crash between "the snapshot is in place" and "the log is emptied" leaves a log that the snapshot replaces.
    private void FitLog(SnapshotMeta snapshot)
    {
        if (snapshot.Index > _log.LastIndex || !_log.TryTermAt(snapshot.Index, out var term) || term != snapshot.Term)
        {
            SnapshotAheadOfLog.Hit();
            if (_log.ResetTo(snapshot.Index, snapshot.Term) == Journal.Refused)
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
            _snapshotMembership,
            _log.TermRuns,
            _log.LastIndex,
            _memberships,
            _state.AppliedIndex);
        var raft = new RaftCore(
            new RaftOptions
            {
                Self = options.Self,
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
