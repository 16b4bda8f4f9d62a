using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Paxos;
using Atoll.Kernel.Quorums;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>
/// What the replicas on this loop do for the moves of their shards (<see cref="ShardMove"/>): they find out when all coordinators know of
/// the phase, compare what they have from then on, fetch what Paxos remembers, and tell the directory when they have everything.
/// docs/eventual.md has the argument.
/// </summary>
internal sealed class ReplicaMoves(
    EventualEnvironment environment, IReadOnlyDictionary<ShardId, EventualReplica> replicas, Action<NodeId> compareSoon)
{
    private const int PageBytes = 64 * 1024;
    private const int StatesMax = 4096;

    private static readonly Probe Filled = Probe.Define("eventual: a replica of the target of a move has everything");
    private static readonly Probe Absorbed = Probe.Define("eventual: a new replica took over what Paxos remembered");

    private readonly SortedDictionary<ShardId, Progress> _progress = [];

    /// <summary>Takes the next step of each move.</summary>
    public void Tick()
    {
        foreach (var shard in _progress.Keys.ToArray())
        {
            if (!replicas.TryGetValue(shard, out var known) || known.Shard.Move is null)
            {
                _progress.Remove(shard);
            }
        }

        foreach (var replica in replicas.Values)
        {
            if (replica is { IsReady: true, Shard.Move: { } move })
            {
                Advance(replica, move);
            }
        }
    }

    /// <summary>Takes a message about what Paxos remembers; false when it cannot be read.</summary>
    public bool TryReceive(LoopAddress from, ReadOnlyMemory<byte> body)
    {
        var reader = new WireReader(body);
        var shard = new ShardId(reader.ReadUInt64());
        var isAnswer = reader.ReadBool();
        var epoch = reader.ReadVarint();
        if (!isAnswer)
        {
            var after = reader.ReadBytes();
            if (reader.OkAtEnd && replicas.TryGetValue(shard, out var source))
            {
                Answer(from, source, epoch, after);
            }

            return reader.OkAtEnd;
        }

        var floor = Ballot.Read(ref reader);
        var states = new List<(ReadOnlyMemory<byte> Partition, PaxosPartitionState State)>();
        for (var left = reader.ReadCount(StatesMax); left > 0 && reader.Ok; left--)
        {
            var partition = reader.ReadBytes();
            if (!PaxosPartitionState.TryRead(reader.ReadBytes(), out var state))
            {
                reader.Fail();
            }

            states.Add((partition.ToArray(), state));
        }

        var isComplete = reader.ReadBool();
        if (reader.OkAtEnd && (isComplete || states.Count > 0) && replicas.TryGetValue(shard, out var replica))
        {
            Take(from, replica, epoch, floor, states, isComplete);
        }

        return reader.OkAtEnd;
    }

    private void Advance(EventualReplica replica, ShardMove move)
    {
        var shard = replica.Shard;
        if (!_progress.TryGetValue(shard.Id, out var progress) || progress.Generation != shard.Generation)
        {
            _progress[shard.Id] = progress = new Progress(shard.Generation);
        }

        var self = environment.Options.Self;
        if (replica.Report.Closed > progress.ComparedThrough || environment.Clock.Now >= progress.CompareAgainAt)
        {
            // What was taken before is final: whoever compares it now knows that it is all there. And exchanges close gaps in Paxos, which
            // keep times from being closed.
            progress.ComparedThrough = replica.Report.Closed;
            progress.CompareAgainAt = environment.Clock.Now + EventualEnvironment.CloseInterval;
            foreach (var peer in replica.Exchangers.Where(peer => peer != self))
            {
                compareSoon(peer);
            }
        }

        if (!move.Target.Contains(self) || move.Ready.Contains(self)
            || environment.Floors.LeastKnown(environment.Directory.View) < move.Since)
        {
            return;
        }

        // Whoever writes with a later stamp than this knows of the phase, and writes to everyone.
        progress.KnownAt ??= environment.Stamps.Peek();
        if (move.Phase != MovePhase.Switching && !HasEverything(replica, progress, progress.KnownAt.Value))
        {
            return;
        }

        Filled.Hit();
        replica.Paxos!.IsCatchingUp = false;
        var command = new WireWriter(32);
        DirectoryCommand.WriteReplicaReady(command, shard.Id, shard.Generation, self);
        environment.Router.Submit(
            new Request
            {
                Kind = RequestKind.Write,
                Shard = ShardId.Directory,
                Payload = command.ToArray(),
                Timeout = Duration.FromSeconds(2),
            },
            IgnoredAnswer.Instance,
            environment.Clock.Now);
    }

    private bool HasEverything(EventualReplica replica, Progress progress, HybridTime knownAt)
    {
        var (shard, report) = (replica.Shard, replica.Report);
        if (replica.IsFilling)
        {
            foreach (var source in shard.Replicas.Where(node => replica.Exchangers.Contains(node) && !progress.Sources.Contains(node)))
            {
                Ask(replica, source, progress.After.GetValueOrDefault(source) ?? []);
            }

            if (progress.Sources.Count < Majority.Size(shard.Replicas.Length) || replica.Paxos!.IsAbsorbing)
            {
                return false;
            }
        }

        return report.Epoch == shard.Generation && report.CompleteThrough >= knownAt && !replica.IsRejoining
            && replica.Horizon is { IsJoining: false };
    }

    private void Ask(EventualReplica replica, NodeId source, byte[] after)
    {
        if (environment.Directory.TryLoopOf(source, replica.Shard.Id, out var loop))
        {
            var to = new LoopAddress(source, loop);
            var frame = Begin(to, replica.Shard, isAnswer: false, replica.Shard.Generation, out var position);
            frame.WriteBytes(after);
            environment.Outbox.End(to, Lane.Bulk, position);
        }
    }

    // A replica that is still in the version before could decide something that is then not in what it said.
    private void Answer(LoopAddress to, EventualReplica source, ulong epoch, ReadOnlyMemory<byte> after)
    {
        if (source is not { IsReady: true, CanVote: true, IsRejoining: false } || source.Paxos!.Epoch != epoch)
        {
            return;
        }

        var (states, floor, isComplete) = source.Paxos.Describe(after, PageBytes);
        var frame = Begin(to, source.Shard, isAnswer: true, epoch, out var position);
        floor.Write(frame);
        frame.WriteVarint((ulong)states.Count);
        foreach (var (partition, state) in states)
        {
            frame.WriteBytes(partition.Span);
            frame.WriteBytes(state);
        }

        frame.WriteBool(isComplete);
        environment.Outbox.End(to, Lane.Bulk, position);
    }

    private void Take(
        LoopAddress from, EventualReplica replica, ulong epoch, Ballot floor,
        List<(ReadOnlyMemory<byte> Partition, PaxosPartitionState State)> states, bool isComplete)
    {
        if (!replica.IsReady || !replica.IsFilling || !replica.CanVote || epoch != replica.Shard.Generation
            || !_progress.TryGetValue(replica.Shard.Id, out var progress) || progress.Generation != epoch
            || !replica.Shard.Replicas.Contains(from.Node) || progress.Sources.Contains(from.Node))
        {
            return;
        }

        replica.Paxos!.AbsorbFloor(floor);
        foreach (var (partition, state) in states)
        {
            replica.Paxos.Absorb(partition, state);
        }

        if (!isComplete)
        {
            progress.After[from.Node] = states[^1].Partition.ToArray();
            return;
        }

        Absorbed.Hit();
        progress.Sources.Add(from.Node);
    }

    private WireWriter Begin(LoopAddress to, ShardInfo shard, bool isAnswer, ulong epoch, out int position)
    {
        var frame = environment.Outbox.Begin(to, Lane.Bulk, PeerMessageKind.PaxosStates, out position);
        frame.WriteUInt64(shard.Id.Value);
        frame.WriteBool(isAnswer);
        frame.WriteVarint(epoch);
        return frame;
    }

    private sealed class Progress(ulong generation)
    {
        public ulong Generation => generation;

        /// <summary>When this replica learned that all coordinators know of the phase, by the clock that stamps come from.</summary>
        public HybridTime? KnownAt { get; set; }

        public HybridTime ComparedThrough { get; set; }

        public Instant CompareAgainAt { get; set; }

        /// <summary>The old replicas whose states of Paxos are all here.</summary>
        public SortedSet<NodeId> Sources { get; } = [];

        /// <summary>How far those of the others are.</summary>
        public SortedDictionary<NodeId, byte[]> After { get; } = [];
    }
}
