using Atoll.Foundation.Bytes;
using Atoll.Node.Loops;

namespace Atoll.Fuzz.Targets;

/// <summary>A loop's state, as a node tells it.</summary>
public sealed class LoopStatusTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "loop-status";

    /// <inheritdoc />
    public override string About => "LoopStatus: read or refused; what is read is written and read as the same";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } = [Bytes(Sample.Write)];

    private static LoopStatus Sample => new(
        new(1), 0, 7,
        [new(new(2), ReplicaRole.Leader, new(3), new(1), new(9), new(8), new(7), 100, 5_000, false, "")],
        [new(new(2), true, 4)],
        1, 2, 3, 4, 5, "");

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        if (!LoopStatus.TryRead(input, out var status) || status is null)
        {
            outcome = "refused";
            return false;
        }

        outcome = $"{Math.Min(3, status.Replicas.Length)} replicas, {Math.Min(3, status.Peers.Length)} peers";
        BrokenPromiseException.Unless(
            status.RequestsServed >= 0 && status.JournalBytes >= 0 && status.DiskFreeBytes >= 0 && status.JournalSyncs >= 0
            && status.Replicas.All(replica => replica.Records >= 0 && replica.StateBytes >= 0)
            && status.Peers.All(peer => peer.SilentMilliseconds >= 0),
            "counts are not negative");
        status.Write(again);
        return true;
    }
}
