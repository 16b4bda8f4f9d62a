using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;

namespace Atoll.Node.Loops;

/// <summary>The hints that a loop keeps for a node.</summary>
/// <param name="Peer">The node.</param>
/// <param name="Hints">Writes kept for it.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="HandedOff">Hints that it took since the loop started.</param>
/// <param name="Dropped">Writes that it missed and that were not kept: exchanges bring them.</param>
public readonly record struct HintsStatus(NodeId Peer, long Hints, long Bytes, long HandedOff, long Dropped);

/// <summary>What a loop does for shards without leaders, at a moment.</summary>
public sealed record EventualStatus
{
    /// <summary>A loop without such shards.</summary>
    public static readonly EventualStatus None = new();

    /// <summary>Replicas that take part.</summary>
    public int Replicas { get; init; }

    /// <summary>Replicas that were damaged, begin anew, and have not everything back yet.</summary>
    public int Rejoining { get; init; }

    /// <summary>Reads and writes that the loop coordinates at the moment.</summary>
    public int Coordinated { get; init; }

    /// <summary>Exchanges with other replicas under way.</summary>
    public int Exchanges { get; init; }

    /// <summary>Exchanges that went well since the loop started.</summary>
    public long ExchangesDone { get; init; }

    /// <summary>Records that exchanges brought here or sent from here since the loop started.</summary>
    public long RecordsExchanged { get; init; }

    /// <summary>
    /// How long ago the pair of replicas that was compared least recently was, in milliseconds; -1 while there is one that never was.
    /// </summary>
    public long ExchangeLagMilliseconds { get; init; }

    /// <summary>
    /// How far behind the present the range lies, in milliseconds, that forgets deletions last; -1 while there is one that forgets none.
    /// </summary>
    public long HorizonLagMilliseconds { get; init; }

    /// <summary>The hints, by node.</summary>
    public ImmutableArray<HintsStatus> Hints { get; init; } = [];

    internal void Write(WireWriter writer)
    {
        writer.WriteVarint((ulong)Replicas);
        writer.WriteVarint((ulong)Rejoining);
        writer.WriteVarint((ulong)Coordinated);
        writer.WriteVarint((ulong)Exchanges);
        writer.WriteVarint((ulong)ExchangesDone);
        writer.WriteVarint((ulong)RecordsExchanged);
        writer.WriteVarint((ulong)(ExchangeLagMilliseconds + 1));
        writer.WriteVarint((ulong)(HorizonLagMilliseconds + 1));
        writer.WriteVarint((ulong)Hints.Length);
        foreach (var hints in Hints)
        {
            writer.WriteUInt32(hints.Peer.Value);
            writer.WriteVarint((ulong)hints.Hints);
            writer.WriteVarint((ulong)hints.Bytes);
            writer.WriteVarint((ulong)hints.HandedOff);
            writer.WriteVarint((ulong)hints.Dropped);
        }
    }

    internal static EventualStatus Read(ref WireReader reader)
    {
        var status = new EventualStatus
        {
            Replicas = reader.ReadCount(int.MaxValue),
            Rejoining = reader.ReadCount(int.MaxValue),
            Coordinated = reader.ReadCount(int.MaxValue),
            Exchanges = reader.ReadCount(int.MaxValue),
            ExchangesDone = LoopStatus.ReadSize(ref reader),
            RecordsExchanged = LoopStatus.ReadSize(ref reader),
            ExchangeLagMilliseconds = LoopStatus.ReadSize(ref reader) - 1,
            HorizonLagMilliseconds = LoopStatus.ReadSize(ref reader) - 1,
        };
        var hints = ImmutableArray.CreateBuilder<HintsStatus>();
        for (var left = reader.ReadCount(Limits.NodesMax); left > 0 && reader.Ok; left--)
        {
            hints.Add(new HintsStatus(
                new NodeId(reader.ReadUInt32()), LoopStatus.ReadSize(ref reader), LoopStatus.ReadSize(ref reader),
                LoopStatus.ReadSize(ref reader), LoopStatus.ReadSize(ref reader)));
        }

        return status with { Hints = hints.ToImmutable() };
    }
}
