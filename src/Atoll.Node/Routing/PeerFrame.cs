using Atoll.Foundation.Bytes;

namespace Atoll.Node.Routing;

/// <summary>What one part of a frame between nodes is.</summary>
public enum PeerMessageKind : byte
{
    /// <summary>A message of a shard's consensus group: shard, then a <c>RaftMessage</c>.</summary>
    Raft = 1,

    /// <summary>A request passed on: its number at the sender, then a <c>Request</c>.</summary>
    Request = 2,

    /// <summary>The answer: the request's number, then a <c>Response</c>.</summary>
    Response = 3,

    /// <summary>A sign of life, which asks for one; the version of the directory that the sender knows.</summary>
    Ping = 4,

    /// <summary>The sign of life asked for.</summary>
    Pong = 5,

    /// <summary>A newer view of the directory than the receiver's last ping named: the encoded view.</summary>
    View = 6,

    /// <summary>
    /// Between a coordinator and a replica of an eventual shard: the sender's hybrid time, then an <c>EventualMessage</c>.
    /// </summary>
    Eventual = 7,

    /// <summary>
    /// Of an exchange between two replicas of an eventual shard: the sender's hybrid time, shard, whether it is to the side that conducts
    /// it (byte), then a <c>SyncMessage</c>.
    /// </summary>
    Sync = 8,

    /// <summary>Where a replica of an eventual shard is: shard, whether it begins anew (byte), then a <c>HorizonReport</c>.</summary>
    Horizon = 9,

    /// <summary>The sender's floor: a hybrid time (docs/eventual.md).</summary>
    Floor = 10,

    /// <summary>Of Paxos in an eventual shard: a <c>PaxosMessage</c>.</summary>
    Paxos = 11,

    /// <summary>While an eventual shard moves: the version of the directory that the sender coordinates by, and its hybrid time.</summary>
    Known = 12,

    /// <summary>
    /// Between replicas of an eventual shard that moves: shard, whether it is the answer (byte), the shard's generation (varint). The
    /// request: the partition behind which to begin (bytes). The answer: floor (ballot), states (count; partition and state as bytes each),
    /// whether these were the last (byte).
    /// </summary>
    PaxosStates = 13,
}

/// <summary>
/// A frame between two loops: a version byte, then parts, each with its kind and a length before it. A loop gathers all it has to say
/// to another in one batch of events into one frame. Parts of a kind that the receiver does not know are skipped, so that a newer
/// version may add some (docs/protocol.md).
/// </summary>
public static class PeerFrame
{
    /// <summary>The version that this code writes and reads.</summary>
    public const byte Version = 1;

    /// <summary>Starts a part; returns a position for <see cref="End"/>.</summary>
    public static int Begin(WireWriter frame, PeerMessageKind kind)
    {
        if (frame.Length == 0)
        {
            frame.WriteByte(Version);
        }

        frame.WriteByte((byte)kind);
        return frame.ReserveUInt32();
    }

    /// <summary>Ends the part that <see cref="Begin"/> started.</summary>
    public static void End(WireWriter frame, int position) =>
        frame.PatchUInt32(position, (uint)(frame.Length - position - sizeof(uint)));

    /// <summary>Reads the version; false when this code cannot read such frames.</summary>
    public static bool TryOpen(ref WireReader reader) => reader.ReadByte() == Version && reader.Ok;

    /// <summary>Reads the next part; false at the end or when the rest is malformed.</summary>
    public static bool TryNext(ref WireReader reader, out PeerMessageKind kind, out ReadOnlyMemory<byte> body)
    {
        kind = default;
        body = default;
        if (reader.Remaining == 0)
        {
            return false;
        }

        kind = (PeerMessageKind)reader.ReadByte();
        var length = reader.ReadUInt32();
        if (length > int.MaxValue)
        {
            reader.Fail();
        }

        body = reader.ReadRaw((int)Math.Min(length, int.MaxValue));
        return reader.Ok;
    }
}
