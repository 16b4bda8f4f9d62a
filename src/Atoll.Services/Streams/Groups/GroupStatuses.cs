using Atoll.Services.Errors;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>What a group's refusals mean for who reads or acknowledges as a member.</summary>
public static class GroupStatuses
{
    /// <summary>Whether the member's generation is over: it joins again, or is none any more.</summary>
    public static bool IsOver(GroupStatus status) => status is GroupStatus.UnknownMember or GroupStatus.IllegalGeneration
        or GroupStatus.RebalanceInProgress or GroupStatus.FencedInstance;

    /// <summary>Throws what a refusal means.</summary>
    /// <exception cref="AtollException">It is one.</exception>
    public static void ThrowUnlessOk(string group, GroupStatus status)
    {
        if (status != GroupStatus.Ok)
        {
            throw status switch
            {
                GroupStatus.InvalidGroup => new InvalidGroupException(),
                GroupStatus.UnknownGroup => new AtollException(ErrorCode.NotFound, $"there is no group \"{group}\""),
                GroupStatus.InconsistentProtocol => new InvalidRequestException(
                    $"the members of group \"{group}\" share partitions in a way that is not known here: it offers {GroupReader.Protocol}"),
                GroupStatus.GroupFull or GroupStatus.TooMany => new OverloadedException(
                    $"group \"{group}\" is as large as it may be, or there are as many as there may be", TimeSpan.FromSeconds(5)),
                _ => new AtollException(ErrorCode.Conflict, $"group \"{group}\": {status}"),
            };
        }
    }
}
