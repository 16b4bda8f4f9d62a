using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines.Groups;

namespace Atoll.Simulation.Clients;

/// <summary>The requests of consumers in groups.</summary>
public static class GroupsRequests
{
    /// <summary>A command of a group.</summary>
    /// <param name="space">The space of groups.</param>
    /// <param name="group">The group.</param>
    /// <param name="write">Writes the command (<see cref="GroupCommand"/>).</param>
    public static Request Write(SpaceId space, string group, Action<WireWriter> write) =>
        KeyedRequests.Of(RequestKind.Write, space, GroupCommand.HashOf(group), write);

    /// <summary>A query of a group, which may wait while its answer is not there yet.</summary>
    /// <param name="space">The space of groups.</param>
    /// <param name="group">The group.</param>
    /// <param name="write">Writes the query (<see cref="GroupQuery"/>).</param>
    /// <param name="linger">How long it may wait.</param>
    public static Request Read(SpaceId space, string group, Action<WireWriter> write, Duration linger = default) =>
        KeyedRequests.Of(RequestKind.Read, space, GroupCommand.HashOf(group), write) with { Linger = linger };
}
