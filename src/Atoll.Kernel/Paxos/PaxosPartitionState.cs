using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// What a replica must remember about one partition, on its disk (Lamport, 2001, section 2.5, and Cassandra's CEP-14). The host keeps it
/// beside the partition's data and gives it to each step; a partition without state has <see cref="None"/>.
/// </summary>
/// <param name="Promised">No ballot below this one gets anything here any more.</param>
/// <param name="Accepted">What was accepted and is not known to be decided.</param>
/// <param name="Committed">The last decree that is known to be decided; its update is in the partition's data.</param>
/// <param name="Whole">Every decree through this ballot is in the partition's data; <see cref="Committed"/> may be behind a gap.</param>
/// <param name="Everywhere">Every decree through this ballot is in the data of every replica.</param>
/// <param name="Forgotten">Of decrees through this ballot, this replica may have forgotten whose they were.</param>
public readonly record struct PaxosPartitionState(
    Ballot Promised, PaxosDecree Accepted, PaxosDecree Committed, Ballot Whole, Ballot Everywhere, Ballot Forgotten)
{
    private const byte Version = 1;

    /// <summary>Nothing is remembered.</summary>
    public static readonly PaxosPartitionState None;

    /// <summary>Whether nothing is remembered.</summary>
    public bool IsNone => Promised == Ballot.None && Committed.IsNone && Accepted.IsNone;

    /// <summary>Whether the last decree is known to be on all replicas (or there is none): nobody needs it from here.</summary>
    public bool IsSettled => Accepted.IsNone && Committed.Ballot <= Everywhere;

    /// <summary>
    /// The earliest stamp of a decree that is not settled, or Max: what holds the node's floor back (<see cref="CoordinationFloors"/>).
    /// </summary>
    public HybridTime EarliestStamp
    {
        get
        {
            var accepted = Accepted.IsNone ? HybridTime.Max : Accepted.Judged.Time;
            var committed = Committed.Ballot <= Everywhere ? HybridTime.Max : Committed.Judged.Time;
            return accepted < committed ? accepted : committed;
        }
    }

    /// <summary>
    /// What two replicas' states say together: what a new replica takes over when it receives the partition (docs/eventual.md). It must
    /// hold the data of both.
    /// </summary>
    public PaxosPartitionState Absorb(in PaxosPartitionState other)
    {
        var committed = other.Committed.Ballot > Committed.Ballot ? other.Committed : Committed;
        var accepted = other.Accepted.Ballot > Accepted.Ballot ? other.Accepted : Accepted;
        return new PaxosPartitionState(
            Ballot.Max(Promised, other.Promised),
            accepted.Ballot > committed.Ballot ? accepted : PaxosDecree.None,
            committed,
            Ballot.Max(Whole, other.Whole),

            // What "everywhere" meant, it meant of the replicas before this one.
            Ballot.None,
            Ballot.Max(Forgotten, other.Forgotten));
    }

    /// <summary>Writes the state: a version, four ballots, two decrees.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(Version);
        Promised.Write(writer);
        Whole.Write(writer);
        Everywhere.Write(writer);
        Forgotten.Write(writer);
        Accepted.Write(writer);
        Committed.Write(writer);
    }

    /// <summary>Reads a state; false when the bytes are none.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out PaxosPartitionState state)
    {
        var reader = new WireReader(bytes);
        if (reader.ReadByte() != Version)
        {
            reader.Fail();
        }

        var promised = Ballot.Read(ref reader);
        var whole = Ballot.Read(ref reader);
        var everywhere = Ballot.Read(ref reader);
        var forgotten = Ballot.Read(ref reader);
        var accepted = PaxosDecree.Read(ref reader);
        var committed = PaxosDecree.Read(ref reader);
        var ok = reader.OkAtEnd && accepted.Ballot <= promised && committed.Ballot <= promised
            && whole <= committed.Ballot && everywhere <= committed.Ballot
            && (accepted.IsNone || accepted.Ballot > committed.Ballot);
        state = ok ? new PaxosPartitionState(promised, accepted, committed, whole, everywhere, forgotten) : None;
        return ok;
    }
}
