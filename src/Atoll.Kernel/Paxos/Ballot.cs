using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// The number of an attempt to decide something (Lamport, 2001, section 2.2). It orders by hybrid time, so that a later attempt usually
/// wins, then by node and lane, so that no two are equal. A clock that is wrong costs a refused attempt, after which the coordinator has
/// observed the higher ballot and passes it: order and uniqueness never rest on clocks.
/// </summary>
/// <param name="Time">The coordinator's hybrid time.</param>
/// <param name="Node">The coordinator's node.</param>
/// <param name="Lane">
/// Differs between a node's loops, and between its lives: a clock that went back across a restart must not make a ballot twice.
/// </param>
public readonly record struct Ballot(HybridTime Time, NodeId Node, uint Lane) : IComparable<Ballot>
{
    /// <summary>Before every attempt.</summary>
    public static readonly Ballot None;

    /// <inheritdoc />
    public int CompareTo(Ballot other)
    {
        var byTime = Time.CompareTo(other.Time);
        var byNode = byTime != 0 ? byTime : Node.CompareTo(other.Node);
        return byNode != 0 ? byNode : Lane.CompareTo(other.Lane);
    }

    /// <summary>The later of two.</summary>
    public static Ballot Max(Ballot a, Ballot b) => a > b ? a : b;

    /// <summary>Earlier.</summary>
    public static bool operator <(Ballot a, Ballot b) => a.CompareTo(b) < 0;

    /// <summary>Later.</summary>
    public static bool operator >(Ballot a, Ballot b) => a.CompareTo(b) > 0;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(Ballot a, Ballot b) => a.CompareTo(b) <= 0;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(Ballot a, Ballot b) => a.CompareTo(b) >= 0;

    /// <summary>"time@node", or "none".</summary>
    public override string ToString() => this == None ? "none" : $"{Time}@{Node}";

    /// <summary>Writes time, node and lane as varints; no ballot is three bytes.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteVarint(Time.Value);
        writer.WriteVarint(Node.Value);
        writer.WriteVarint(Lane);
    }

    /// <summary>Reads a ballot; <see cref="None"/> after a failure.</summary>
    public static Ballot Read(ref WireReader reader)
    {
        var time = reader.ReadVarint();
        var node = reader.ReadVarint();
        var lane = reader.ReadVarint();

        // The top of the range is kept free, so that a hybrid clock that observes a ballot can always go on.
        if (time >= 1UL << 63 || node > uint.MaxValue || lane > uint.MaxValue)
        {
            reader.Fail();
        }

        return reader.Ok ? new Ballot(new HybridTime(time), new NodeId((uint)node), (uint)lane) : None;
    }
}
