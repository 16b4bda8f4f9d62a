using System.Collections.Immutable;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>
/// A member's way from what it has to what it is to have. First it lets go of what it is not to have any more, and its epoch stays until
/// it has said that it did; then it gets what nobody else holds, and the rest as others let go of it.
/// </summary>
internal static class AssignedReconciliation
{
    private static readonly Probe Revoked = Probe.Define("groups: a member is to let go of partitions");
    private static readonly Probe Unreleased = Probe.Define("groups: a member waits for partitions that others have not let go of");

    /// <summary>The member's next step.</summary>
    /// <param name="group">Its group.</param>
    /// <param name="member">The member.</param>
    /// <param name="owned">What it says that it reads; null when it does not say.</param>
    /// <param name="phase">The phase that begins if it is to let go of something now.</param>
    internal static AssignedMember Step(AssignedGroup group, AssignedMember member, IReadOnlyList<PartitionId>? owned, long phase)
    {
        if (!member.Revoking.IsEmpty)
        {
            if (owned is null || owned.Any(member.Revoking.Contains))
            {
                return member;
            }

            member = member with { Revoking = [] };
        }

        if (member.Epoch == group.Epoch && member.Assigned.Count == member.Target.Count && member.Assigned.SetEquals(member.Target))
        {
            return member;
        }

        var kept = member.Assigned.Intersect(member.Target);
        var revoking = member.Assigned.Except(member.Target);
        if (!revoking.IsEmpty && (owned is null || owned.Any(revoking.Contains)))
        {
            Revoked.Hit();
            return member with { Assigned = kept, Revoking = revoking, RevokingSince = phase };
        }

        var held = new HashSet<PartitionId>();
        foreach (var (id, other) in group.Members)
        {
            if (id != member.Id)
            {
                held.UnionWith(other.Assigned);
                held.UnionWith(other.Revoking);
            }
        }

        var assigned = kept.Union(member.Target.Where(partition => !held.Contains(partition)));
        if (assigned.Count < member.Target.Count)
        {
            Unreleased.Hit();
        }

        return member with
        {
            Assigned = assigned,
            PreviousEpoch = member.Epoch == group.Epoch ? member.PreviousEpoch : member.Epoch,
            Epoch = group.Epoch,
        };
    }
}
