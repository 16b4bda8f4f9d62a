using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>What a replica tells the others about a range.</summary>
/// <param name="Epoch">The version of the placement that the sender has.</param>
/// <param name="Closed">No write with a stamp of at most this gets in any more.</param>
/// <param name="CompleteThrough">The sender has every mutation with a stamp of at most this that any replica has.</param>
/// <param name="Horizon">The sender may have dropped tombstones through here.</param>
public readonly record struct HorizonReport(ulong Epoch, HybridTime Closed, HybridTime CompleteThrough, HybridTime Horizon)
{
    /// <summary>Writes epoch and three times.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteVarint(Epoch);
        writer.WriteUInt64(Closed.Value);
        writer.WriteUInt64(CompleteThrough.Value);
        writer.WriteUInt64(Horizon.Value);
    }

    /// <summary>Reads a report; false when the bytes are none.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out HorizonReport report)
    {
        var reader = new WireReader(bytes);
        report = Read(ref reader);
        return reader.OkAtEnd;
    }

    internal static HorizonReport Read(ref WireReader reader)
    {
        var report = new HorizonReport(
            reader.ReadVarint(),
            new HybridTime(reader.ReadUInt64()),
            new HybridTime(reader.ReadUInt64()),
            new HybridTime(reader.ReadUInt64()));
        if (report.CompleteThrough > report.Closed || report.Horizon > report.Closed)
        {
            reader.Fail();
        }

        return reader.Ok ? report : default;
    }
}

/// <summary>
/// When a tombstone may go: not when a clock says so, but when every replica is known to have it and nothing that it covers can still
/// arrive (museum, row 24: deleted rows that return). One for each token range that this node keeps. Three times, each at most the one
/// before, none ever going back:
/// closed: no write with such a stamp is taken from coordinators any more, because every node says that it has none under way;
/// complete through: this replica has since exchanged everything with every other one;
/// horizon: every replica is complete through it.
/// docs/eventual.md has the argument.
/// </summary>
public sealed class RangeHorizon
{
    private const byte Version = 1;

    private readonly NodeId _self;
    private readonly SortedDictionary<NodeId, HybridTime> _syncedThrough = [];
    private readonly SortedDictionary<NodeId, HybridTime> _reported = [];
    private ImmutableArray<NodeId> _replicas;

    /// <summary>A range that is kept from now on.</summary>
    /// <param name="self">This node.</param>
    /// <param name="epoch">The version of the placement.</param>
    /// <param name="replicas">All who keep the range, those that are receiving it and this one included.</param>
    /// <param name="horizonOfOthers">
    /// For a replica that joins: the highest horizon among the others. What is older it must only take from them.
    /// </param>
    public RangeHorizon(NodeId self, ulong epoch, IEnumerable<NodeId> replicas, HybridTime horizonOfOthers)
    {
        _self = self;
        Epoch = epoch;
        _replicas = [.. replicas.Distinct().Order()];
        Check.That(_replicas.Contains(self));
        Closed = horizonOfOthers;
        Horizon = horizonOfOthers;
        IsJoining = horizonOfOthers > HybridTime.Zero;
        Advance();
    }

    /// <summary>The version of the placement.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>No write with a stamp of at most this gets in any more.</summary>
    public HybridTime Closed { get; private set; }

    /// <summary>This replica has every mutation with a stamp of at most this that any replica has.</summary>
    public HybridTime CompleteThrough { get; private set; }

    /// <summary>Tombstones with stamp and timestamp of at most this may be dropped.</summary>
    public HybridTime Horizon { get; private set; }

    /// <summary>The replica does not have yet what is behind the horizon: it serves no reads.</summary>
    public bool IsJoining { get; private set; }

    /// <summary>
    /// The stamp of data that are sent from here: every tombstone with a stamp of at most this is in them, or was dropped with what it
    /// covered. A replica that joins takes what is behind the horizon only from the others, so the same holds for it.
    /// </summary>
    public HybridTime Basis => Later(CompleteThrough, Horizon);

    /// <summary>What to tell the others, once the state and the data of all finished exchanges are durable.</summary>
    public HorizonReport Report => new(Epoch, Closed, CompleteThrough, Horizon);

    /// <summary>
    /// Others have dropped tombstones that this replica may lack: it was taken from the replicas and put back while it was away. What it
    /// holds can't be told from what was deleted, so the host empties the range and starts it anew, as one that joins.
    /// </summary>
    public bool MustRebuild { get; private set; }

    /// <summary>The highest horizon that another replica told: where one that must be rebuilt begins anew.</summary>
    public HybridTime HorizonOfOthers { get; private set; }

    /// <summary>A planted bug: replicas that are absent are not waited for.</summary>
    internal bool IgnoresAbsent { get; init; }

    /// <summary>
    /// Closes what no node has under way any more. Everything that was taken before must be in the snapshot of every exchange that begins
    /// after this; the state must be durable before one begins.
    /// </summary>
    /// <param name="leastFloor">The least floor of all nodes of the cluster (<see cref="CoordinationFloors"/>).</param>
    public void Close(HybridTime leastFloor)
    {
        Closed = Later(Closed, leastFloor);
        Advance();
    }

    /// <summary>
    /// Whether a write or hint with this stamp may be taken from a coordinator. If not, refuse it as <see cref="RefusalReason.TooOld"/>.
    /// </summary>
    public bool Admits(HybridTime stamp) => stamp > Closed;

    /// <summary>
    /// Whether data that another replica had may be merged here, in a repair or an exchange: not when it could lack a tombstone that is
    /// already dropped here.
    /// </summary>
    /// <param name="basis">The <see cref="Basis"/> of the replica that it comes from, when it was read there.</param>
    public bool AdmitsFrom(HybridTime basis) => basis >= Horizon;

    /// <summary>Whether a tombstone may be dropped, together with all that it covers here.</summary>
    /// <param name="arrived">
    /// The stamp of the mutation that brought it, or this node's hybrid time when it came, or any later time (that of a file it is in).
    /// </param>
    /// <param name="timestamp">Its own timestamp, which a client may have set far into the future.</param>
    public bool MayDrop(HybridTime arrived, HybridTime timestamp) => Later(arrived, timestamp) <= Horizon;

    /// <summary>An exchange with another replica is over, and what it brought is durable.</summary>
    /// <param name="peer">The other replica.</param>
    /// <param name="basis">The lesser of both replicas' <see cref="Closed"/> when their snapshots for it were taken.</param>
    public void Synced(NodeId peer, HybridTime basis)
    {
        Check.That(basis <= Closed);
        _syncedThrough[peer] = Later(_syncedThrough.GetValueOrDefault(peer), basis);
        Advance();
    }

    /// <summary>Takes another replica's report. One of another version of the placement means nothing yet.</summary>
    public void Reported(NodeId peer, in HorizonReport report)
    {
        HorizonOfOthers = Later(HorizonOfOthers, report.Horizon);
        MustRebuild |= !IgnoresAbsent && report.Horizon > Basis;
        if (report.Epoch == Epoch && peer != _self)
        {
            _reported[peer] = Later(_reported.GetValueOrDefault(peer), report.CompleteThrough);
            Advance();
        }
    }

    /// <summary>
    /// Another replica begins anew, with nothing: what it reported before says nothing of it any more, and the horizon stands still until
    /// it reports what it has then.
    /// </summary>
    public void BeginsAnew(NodeId peer) => _reported.Remove(peer);

    /// <summary>
    /// The placement changed. A new replica holds the horizon where it is until it has everything; one that is gone is waited for no
    /// more, and must come back, if ever, as a new one, empty.
    /// </summary>
    /// <returns>False when this replica is no longer one.</returns>
    public bool SetReplicas(ulong epoch, IEnumerable<NodeId> replicas)
    {
        if (epoch <= Epoch)
        {
            return true;
        }

        Epoch = epoch;
        _replicas = [.. replicas.Distinct().Order()];

        // What others said, they said of the replicas of their time.
        _reported.Clear();
        foreach (var gone in _syncedThrough.Keys.Where(peer => !_replicas.Contains(peer)).ToArray())
        {
            _syncedThrough.Remove(gone);
        }

        if (!_replicas.Contains(_self))
        {
            return false;
        }

        CompleteThrough = LeastSynced() is var least && least < CompleteThrough ? CompleteThrough : least;
        Advance();
        return true;
    }

    /// <summary>Writes what must survive a crash.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(Version);
        writer.WriteVarint(Epoch);
        writer.WriteUInt64(Closed.Value);
        writer.WriteUInt64(CompleteThrough.Value);
        writer.WriteUInt64(Horizon.Value);
        writer.WriteBool(IsJoining);
        writer.WriteVarint((ulong)_replicas.Length);
        foreach (var replica in _replicas)
        {
            writer.WriteVarint(replica.Value);
            writer.WriteUInt64(_syncedThrough.GetValueOrDefault(replica).Value);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; null when the bytes are none.</summary>
    public static RangeHorizon? TryRead(NodeId self, ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        if (reader.ReadByte() != Version)
        {
            return null;
        }

        var epoch = reader.ReadVarint();
        var closed = new HybridTime(reader.ReadUInt64());
        var complete = new HybridTime(reader.ReadUInt64());
        var horizon = new HybridTime(reader.ReadUInt64());
        var isJoining = reader.ReadBool();
        var count = reader.ReadCount(Limits.ReplicasMax * 2);
        var synced = new List<(NodeId Node, HybridTime Through)>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var node = reader.ReadVarint();
            synced.Add((new NodeId((uint)node), new HybridTime(reader.ReadUInt64())));
            if (node > uint.MaxValue || synced[^1].Through > closed)
            {
                reader.Fail();
            }
        }

        if (!reader.OkAtEnd || complete > closed || horizon > closed || !synced.Exists(pair => pair.Node == self))
        {
            return null;
        }

        var range = new RangeHorizon(self, epoch, synced.Select(pair => pair.Node), HybridTime.Zero)
        {
            Closed = closed, CompleteThrough = complete, Horizon = horizon, IsJoining = isJoining,
        };
        foreach (var (node, through) in synced)
        {
            range._syncedThrough[node] = through;
        }

        return range;
    }

    private void Advance()
    {
        CompleteThrough = Later(CompleteThrough, LeastSynced());
        var least = CompleteThrough;
        foreach (var replica in _replicas)
        {
            if (replica != _self && !(IgnoresAbsent && !_reported.ContainsKey(replica)))
            {
                least = Earlier(least, _reported.GetValueOrDefault(replica));
            }
        }

        Horizon = Later(Horizon, least);
        IsJoining &= CompleteThrough < Horizon;
        Check.That(CompleteThrough <= Closed && Horizon <= Closed);
    }

    private HybridTime LeastSynced()
    {
        var least = Closed;
        foreach (var replica in _replicas)
        {
            if (replica != _self && !(IgnoresAbsent && !_syncedThrough.ContainsKey(replica)))
            {
                least = Earlier(least, _syncedThrough.GetValueOrDefault(replica));
            }
        }

        return least;
    }

    private static HybridTime Later(HybridTime a, HybridTime b) => a > b ? a : b;

    private static HybridTime Earlier(HybridTime a, HybridTime b) => a < b ? a : b;
}
