using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// Who decides about a partition, in one version of the placement. A change of voters goes through a version in which the majorities of
/// both sets must agree, as in Raft's joint consensus, so that the decisions of neighbouring versions meet in a replica (museum, row 26:
/// a conditional write that was split in two by a change of topology).
/// </summary>
/// <param name="Epoch">The version, ascending. Replicas answer attempts of their own version only.</param>
/// <param name="Voters">Those whose majority decides; sorted, nobody twice, at least one.</param>
/// <param name="OutgoingVoters">While a change is under way, the voters before it; else empty.</param>
/// <param name="Learners">Those that receive decrees and have no say: for LOCAL_SERIAL the replicas of the other regions.</param>
/// <param name="Gone">
/// Those that are dead for good: as voters they count, but they are neither asked nor told, and nothing waits for what they have. Default:
/// none.
/// </param>
public sealed record PaxosMembership(
    ulong Epoch, ImmutableArray<NodeId> Voters, ImmutableArray<NodeId> OutgoingVoters, ImmutableArray<NodeId> Learners,
    ImmutableArray<NodeId> Gone = default)
{
    /// <summary>A membership of these voters.</summary>
    public static PaxosMembership Of(ulong epoch, params IEnumerable<NodeId> voters) => new(epoch, [.. voters.Distinct().Order()], [], []);

    /// <summary>Voters of both sets, sorted: those who are asked.</summary>
    public ImmutableArray<NodeId> Electors { get; } =
        [.. Voters.Concat(OutgoingVoters).Except(Gone.IsDefault ? [] : Gone).Order()];

    /// <summary>Everyone who keeps the partition, sorted: those who are told.</summary>
    public ImmutableArray<NodeId> Everyone { get; } =
        [.. Voters.Concat(OutgoingVoters).Concat(Learners).Except(Gone.IsDefault ? [] : Gone).Order()];

    internal VoteTally NewTally(int lacking) => new(Voters, OutgoingVoters) { Lacking = lacking };
}
