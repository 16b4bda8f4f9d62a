using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Stores;
using Atoll.Storage.Lsm;

namespace Atoll.Node;

/// <summary>
/// Everything that one loop of a node needs to know before it starts. Checked at construction of the loop. All times are on the
/// node's monotonic clock.
/// </summary>
public sealed record NodeOptions
{
    /// <summary>The cluster's number, drawn when it was created; a node never talks to another cluster.</summary>
    public required ulong ClusterId { get; init; }

    /// <summary>This node.</summary>
    public required NodeId Self { get; init; }

    /// <summary>What the directory should say about this node: name, addresses, place.</summary>
    public required NodeDescription Description { get; init; }

    /// <summary>This loop's number on the node.</summary>
    public byte Loop { get; init; }

    /// <summary>How many loops the node runs; fixed when its data folder was made.</summary>
    public byte LoopCount { get; init; } = 1;

    /// <summary>
    /// Members that can be asked for the directory when no cached view exists yet. On a node that founds the cluster these are the
    /// directory's first replicas, this node among them.
    /// </summary>
    public ImmutableArray<NodeInfo> Members { get; init; } = [];

    /// <summary>Whether this node is one of the founders: it may create the directory's replica from <see cref="Members"/>.</summary>
    public bool IsFounder { get; init; }

    /// <summary>
    /// The least election timeout; each replica draws its own up to twice that. Must be several heartbeats and several disk syncs
    /// long.
    /// </summary>
    public Duration ElectionTimeout { get; init; } = Duration.FromMilliseconds(600);

    /// <summary>The leader's heartbeat interval.</summary>
    public Duration HeartbeatInterval { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>A group with nothing to do for this long goes to sleep.</summary>
    public Duration QuiesceAfter { get; init; } = Duration.FromSeconds(3);

    /// <summary>
    /// Serve linearizable reads from the leader's lease instead of asking a quorum. Relies on <see cref="LeaseClockDriftBound"/>.
    /// </summary>
    public bool LeaseReads { get; init; }

    /// <summary>The most by which two nodes' monotonic clocks may differ over one election timeout, when leases are used.</summary>
    public Duration LeaseClockDriftBound { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>How often a node asks for changes of the directory.</summary>
    public Duration DirectoryPollInterval { get; init; } = Duration.FromMilliseconds(250);

    /// <summary>A peer that was silent for this long is taken for dead until it is heard again.</summary>
    public Duration PeerSilence { get; init; } = Duration.FromMilliseconds(1_000);

    /// <summary>How often a node shows its peers that it lives.</summary>
    public Duration PingInterval { get; init; } = Duration.FromMilliseconds(200);

    /// <summary>
    /// A replica whose state is in memory only snapshots it when its log has grown by this much (and by as much as the state) since the
    /// last one. A quarter of it is the most that stays in any log behind the durable state.
    /// </summary>
    public long SnapshotAfterLogBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>The bounds of each loop's store; its identity is drawn by the loop.</summary>
    public LsmOptions Store { get; init; } = new();

    /// <summary>
    /// For how long, in the state's time, a version of a record is kept after it was replaced or removed: reads at a time that is not
    /// further back succeed (a backup is such reads). Zero keeps none.
    /// </summary>
    public Duration VersionWindow { get; init; } = Duration.FromSeconds(10 * 60);

    /// <summary>
    /// Entries that stay in the log behind the durable state, so that a follower that is a little late needs no snapshot.
    /// </summary>
    public ulong LogEntriesKept { get; init; } = 10_000;

    /// <summary>
    /// The time in which everything durable is to be read once, to find damage before anyone needs what is damaged. Only a loop that has
    /// little to do reads for that.
    /// </summary>
    public Duration ScrubPassTime { get; init; } = Duration.FromSeconds(24 * 60 * 60);

    /// <summary>The least that is read for that in a second, however long a pass may take, in bytes.</summary>
    public long ScrubBytesPerSecondMin { get; init; } = 64 * 1024;

    /// <summary>The smallest journal segment: twice the journal's batch must fit.</summary>
    public const int SegmentBytesMin = 2 * 1024 * 1024;

    /// <summary>The longest key, in bytes.</summary>
    public int KeyBytesMax { get; init; } = Limits.KeyBytesDefault;

    /// <summary>The longest value, in bytes.</summary>
    public int ValueBytesMax { get; init; } = Limits.ValueBytesDefault;

    /// <summary>Requests that the loop may hold unanswered.</summary>
    public int RequestsInFlightMax { get; init; } = Limits.RequestsInFlightMax;

    /// <summary>Proposals of a shard that may wait for commitment.</summary>
    public int ProposalsPendingMax { get; init; } = Limits.ProposalsPendingMax;

    /// <summary>A journal segment's size in bytes: a multiple of <see cref="SegmentBytesMin"/>, at most 1 GiB.</summary>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Replicas that the directory grows to as nodes join: odd, at most the number of nodes.</summary>
    public int DirectoryReplicas { get; init; } = 3;

    /// <summary>How replicas of eventual shards are compared.</summary>
    public SyncOptions EventualSync { get; init; } = new();

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Checks that the options make sense together.</summary>
    /// <exception cref="ArgumentException">They do not; the message names the option.</exception>
    public NodeOptions Validated()
    {
        Require(Self != NodeId.None, nameof(Self));
        Require(LoopCount is >= 1 and <= Limits.LoopsMax && Loop < LoopCount, nameof(LoopCount));
        Require(HeartbeatInterval > Duration.Zero && ElectionTimeout >= HeartbeatInterval * 3, nameof(ElectionTimeout));
        Require(!LeaseReads || LeaseClockDriftBound < ElectionTimeout / 2, nameof(LeaseClockDriftBound));
        Require(KeyBytesMax is >= 1 and <= Limits.KeyBytesMax, nameof(KeyBytesMax));
        Require(ValueBytesMax is >= 1 and <= Limits.ValueBytesMax, nameof(ValueBytesMax));
        Require(SegmentBytes is >= SegmentBytesMin and <= 1 << 30 && SegmentBytes % SegmentBytesMin == 0, nameof(SegmentBytes));
        // The state's hash reads shorter values: they must be where their heads are.
        Require(Store.ApartBytes is 0 or > ExpiringStore.HashedValueBytesMax, nameof(Store.ApartBytes));
        Require(VersionWindow >= Duration.Zero && VersionWindow <= Duration.FromSeconds(24 * 60 * 60), nameof(VersionWindow));
        Require(RequestsInFlightMax >= 1 && ProposalsPendingMax >= 1, nameof(RequestsInFlightMax));
        Require(ScrubPassTime >= Duration.FromSeconds(1), nameof(ScrubPassTime));
        Require(ScrubBytesPerSecondMin > 0, nameof(ScrubBytesPerSecondMin));
        Require(EventualSync.Validate() is null, nameof(EventualSync));
        Require(DirectoryReplicas is 1 or 3 or 5 or 7, nameof(DirectoryReplicas));
        Require(!IsFounder || Members.Any(member => member.Id == Self), nameof(Members));
        return this;
    }

    /// <summary>The loop of a node with that many loops on which a shard lives. The directory lives on loop 0.</summary>
    public static byte LoopOf(ShardId shard, int loopCount)
    {
        Check.That(loopCount >= 1);
        return shard == ShardId.Directory ? (byte)0 : (byte)(shard.Value % (ulong)loopCount);
    }

    private static void Require(bool holds, string option)
    {
        if (!holds)
        {
            throw new ArgumentException($"option {option} is out of range, or does not fit the others", option);
        }
    }
}
