using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Kernel.Eventual;

namespace Atoll.Node.Requests;

/// <summary>Why a request to an eventual space did not get the answers that its consistency level asks for.</summary>
/// <param name="Outcome">Unavailable (nothing was sent), timed out or failed; never Done.</param>
/// <param name="Received">Answers that came; for Unavailable, replicas that are up.</param>
/// <param name="Required">Answers that were needed.</param>
/// <param name="Failures">Replicas that refused.</param>
/// <param name="IsDataPresent">Of a read: whether a replica sent the data itself.</param>
/// <param name="Write">Of a write: what kind it was.</param>
public readonly record struct QuorumShortfall(
    EventualOutcome Outcome, int Received, int Required, int Failures = 0, bool IsDataPresent = false, WriteKind Write = WriteKind.Simple)
{
    internal void WriteTo(WireWriter writer)
    {
        writer.WriteByte((byte)Outcome);
        writer.WriteVarint((ulong)Received);
        writer.WriteVarint((ulong)Required);
        writer.WriteVarint((ulong)Failures);
        writer.WriteBool(IsDataPresent);
        writer.WriteByte((byte)Write);
    }

    internal static QuorumShortfall Read(ref WireReader reader)
    {
        var shortfall = new QuorumShortfall(
            (EventualOutcome)reader.ReadByte(),
            reader.ReadCount(Limits.NodesMax),
            reader.ReadCount(Limits.NodesMax),
            reader.ReadCount(Limits.NodesMax),
            reader.ReadBool(),
            (WriteKind)reader.ReadByte());
        if (shortfall.Outcome is < EventualOutcome.Unavailable or > EventualOutcome.Failed || shortfall.Write > WriteKind.CompareAndSet)
        {
            reader.Fail();
        }

        return shortfall;
    }
}
