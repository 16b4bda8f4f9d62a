using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Stores;

namespace Atoll.StateMachines.Groups;

/// <summary>From one generation to the next: who joins is gathered, a protocol and a leader are chosen, the leader assigns.</summary>
internal static class GroupRebalance
{
    private static readonly Probe Left = Probe.Define("group: a generation began without a member that was too late");
    private static readonly Probe OnlyStatic = Probe.Define("group: nobody but absent static members is left to join");

    /// <summary>A member joins the next generation: a new one, or one that was there before.</summary>
    internal static ConsumerGroup MemberCame(ConsumerGroup group, GroupMember member, string protocolType)
    {
        var isFirst = group.Members.IsEmpty;
        var changed = group with
        {
            ProtocolType = isFirst ? protocolType : group.ProtocolType,
            Leader = isFirst ? member.Id : group.Leader,
            Members = group.Members.SetItem(member.Id, member),
        };
        changed = changed.State == GroupState.PreparingRebalance ? changed : Prepare(changed);
        return CompleteIfDone(changed.With(member with { IsJoining = true }));
    }

    /// <summary>Members, or ids that nobody had joined with yet, were taken out.</summary>
    /// <param name="before">The group with them.</param>
    /// <param name="after">The group without them.</param>
    internal static ConsumerGroup MembersWent(ConsumerGroup before, ConsumerGroup after)
    {
        if (before.Members.Count == after.Members.Count)
        {
            return after.State == GroupState.PreparingRebalance ? CompleteIfDone(after) : after;
        }

        var changed = after.Members.ContainsKey(after.Leader) ? after
            : after with { Leader = after.Members.IsEmpty ? "" : after.Members.Keys.First() };
        return CompleteIfDone(changed.State == GroupState.PreparingRebalance ? changed : Prepare(changed));
    }

    /// <summary>Who was too late for the phase goes, if it is one of those that can.</summary>
    internal static ConsumerGroup EndPhase(ConsumerGroup group)
    {
        if (group.State == GroupState.PreparingRebalance)
        {
            return Complete(group);
        }

        var late = group.Members.Values.Where(static member => !member.HasSynced).Select(static member => member.Id);
        return MembersWent(group, group with { Members = group.Members.RemoveRange(late) });
    }

    /// <summary>The leader has said who gets what.</summary>
    internal static ConsumerGroup Assign(ConsumerGroup group, IReadOnlyList<MemberAssignment> assignments)
    {
        Check.That(group.State == GroupState.CompletingRebalance);
        var members = group.Members.ToBuilder();
        foreach (var (id, assignment) in assignments)
        {
            if (members.TryGetValue(id, out var member))
            {
                members[id] = member with { Assignment = KeptBytes.Of(assignment) };
            }
        }

        return group with { State = GroupState.Stable, Members = members.ToImmutable() };
    }

    /// <summary>
    /// Of the protocols that every member offers, the one that most members like best; of several, the first by name.
    /// </summary>
    internal static string ChooseProtocol(ConsumerGroup group)
    {
        Check.That(!group.Members.IsEmpty);
        var votes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (_, member) in group.Members)
        {
            foreach (var offered in member.Protocols)
            {
                if (group.Members.Values.All(other => other.Offers(offered.Name)))
                {
                    votes[offered.Name] = votes.GetValueOrDefault(offered.Name) + 1;
                    break;
                }
            }
        }

        var most = votes.Values.Max();
        return votes.First(pair => pair.Value == most).Key;
    }

    private static ConsumerGroup Prepare(ConsumerGroup group) =>
        group.WithAll(static member => member with { IsJoining = false, HasSynced = false, Assignment = default }) with
        {
            State = GroupState.PreparingRebalance,
            Phase = group.Phase + 1,
            IsGathering = group.State == GroupState.Empty,
        };

    private static ConsumerGroup CompleteIfDone(ConsumerGroup group)
    {
        Check.That(group.State == GroupState.PreparingRebalance);
        var isDone = group.Members.IsEmpty
            || (!group.IsGathering && group.Pending.IsEmpty && group.Members.Values.All(static member => member.IsJoining));
        return isDone ? Complete(group) : group;
    }

    // Static members that have not come stay: they may be on their way, and their sessions tell when they are not.
    private static ConsumerGroup Complete(ConsumerGroup group)
    {
        var late = group.Members.Values.Where(static member => !member.IsJoining && member.Identity.InstanceId is null)
            .Select(static member => member.Id).ToArray();
        var members = late.Length == 0 ? group.Members : group.Members.RemoveRange(late);
        if (late.Length > 0)
        {
            Left.Hit();
        }

        if (members.IsEmpty)
        {
            return group with
            {
                State = GroupState.Empty, Generation = NextGeneration(group), Phase = group.Phase + 1, IsGathering = false,
                Members = members, Leader = "", Protocol = "",
            };
        }

        var leader = members.TryGetValue(group.Leader, out var former) && former.IsJoining ? former
            : members.Values.FirstOrDefault(static member => member.IsJoining);
        if (leader is null)
        {
            OnlyStatic.Hit();
            return group with { Phase = group.Phase + 1, IsGathering = false, Members = members, Leader = members.Keys.First() };
        }

        var next = group with { Members = members };
        return next.WithAll(static member => member with { IsJoining = false }) with
        {
            State = GroupState.CompletingRebalance,
            Generation = NextGeneration(group),
            Phase = group.Phase + 1,
            IsGathering = false,
            Leader = leader.Id,
            Protocol = ChooseProtocol(next),
        };
    }

    private static int NextGeneration(ConsumerGroup group) => group.Generation == int.MaxValue ? 1 : group.Generation + 1;
}
