namespace Atoll.Node.Replicas;

/// <summary>Why a state or a replica could not be brought back.</summary>
/// <param name="Why">For people.</param>
/// <param name="IsOutOfSpace">Whether only room is missing: what is on the disk is good, and the same may work later.</param>
internal sealed record RecoveryFailure(string Why, bool IsOutOfSpace = false)
{
    public static implicit operator RecoveryFailure(string why) => new(why);
}
