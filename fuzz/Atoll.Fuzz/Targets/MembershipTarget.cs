using Atoll.Foundation.Bytes;
using Atoll.Kernel.Raft;

namespace Atoll.Fuzz.Targets;

/// <summary>The replica set of a shard, as entries and snapshots carry it.</summary>
public sealed class MembershipTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "membership";

    /// <inheritdoc />
    public override string About => "Membership.TryDecode: refused, or well formed and encoded as the same";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Membership.Empty.ToBytes(),
        Membership.Of([new(1), new(2), new(3)], [new(4)]).ToBytes(),
        new Membership([new(3), new(4)], [new(1), new(3)], [new(1), new(300)]).ToBytes(),
    ];

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        if (!Membership.TryDecode(input, out var membership))
        {
            outcome = "refused";
            return false;
        }

        outcome = membership.IsJoint ? "joint" : membership.Learners.IsEmpty ? "simple" : "with learners";
        BrokenPromiseException.Unless(membership.IsWellFormed, "a membership that is accepted is well formed");
        membership.Encode(again);
        return true;
    }
}
