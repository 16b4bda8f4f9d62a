namespace Atoll.StateMachines.Groups;

/// <summary>What a command comes to.</summary>
/// <param name="Result">Its answer.</param>
/// <param name="Changed">The group from now on; null when it stays as it was.</param>
internal readonly record struct GroupOutcome(GroupResult Result, ConsumerGroup? Changed)
{
    internal static GroupOutcome Refused(GroupStatus status) => new(new GroupResult(status), null);

    internal static GroupOutcome Done(ConsumerGroup changed, string memberId = "", bool skipsAssignment = false) =>
        new(new GroupResult(GroupStatus.Ok, memberId, skipsAssignment), changed);
}
