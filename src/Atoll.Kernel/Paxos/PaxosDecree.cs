using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Kernel.Eventual;

namespace Atoll.Kernel.Paxos;

/// <summary>An update of a partition, at the ballot at which it was proposed.</summary>
/// <param name="Ballot">Where it stands in the order of what was decided.</param>
/// <param name="Original">
/// Whose it is: the ballot of its operation's first proposal. It stays when somebody else finishes it under a ballot of its own, so that
/// the operation's coordinator recognises it, and never lets it happen twice.
/// </param>
/// <param name="Judged">
/// The ballot at which its condition was judged, and which its update's times are taken from; it stays, too. Its time is the decree's stamp
/// (<see cref="RangeHorizon"/>).
/// </param>
/// <param name="Previous">
/// The ballot of the partition's last decree before this one, or none when all replicas are known to have everything: a replica that
/// lacks it knows that something is missing.
/// </param>
/// <param name="Update">What is to be merged into the partition; opaque here.</param>
public readonly record struct PaxosDecree(
    Ballot Ballot, Ballot Original, Ballot Judged, Ballot Previous, ReadOnlyMemory<byte> Update)
{
    /// <summary>Nothing.</summary>
    public static readonly PaxosDecree None;

    /// <summary>Whether there is nothing.</summary>
    public bool IsNone => Ballot == Ballot.None;

    /// <summary>The same, without the bytes.</summary>
    public PaxosDecree WithoutUpdate() => this with { Update = default };

    /// <summary>For traces.</summary>
    public override string ToString() => IsNone ? "none" : $"{Ballot} of {Original} after {Previous}, {Update.Length} bytes";

    internal void Write(WireWriter writer)
    {
        Ballot.Write(writer);
        if (!IsNone)
        {
            Original.Write(writer);
            Judged.Write(writer);
            Previous.Write(writer);
            writer.WriteBytes(Update.Span);
        }
    }

    internal static PaxosDecree Read(ref WireReader reader)
    {
        var ballot = Ballot.Read(ref reader);
        if (ballot == Ballot.None)
        {
            return None;
        }

        var decree = new PaxosDecree(
            ballot, Ballot.Read(ref reader), Ballot.Read(ref reader), Ballot.Read(ref reader), reader.ReadBytes());
        if (decree.Original == Ballot.None || decree.Original > decree.Judged || decree.Judged > ballot || decree.Previous >= ballot
            || decree.Update.Length > Limits.EntryBytesMax)
        {
            reader.Fail();
        }

        return reader.Ok ? decree : None;
    }
}
