using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>JoinGroup, SyncGroup, Heartbeat and LeaveGroup: the life of a member.</summary>
internal sealed class GroupRequests(IGroups groups) : IKafkaRequests
{
    // Who comes without an id has to come back with one.
    private const int KnownMemberFrom = 4;

    // A member that leads, and whose assignment holds, can be told so; older ones would make another one.
    private const int SkipsAssignmentFrom = 9;

    // Several members leave at once.
    private const int SeveralFrom = 3;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<JoinGroupRequest>(KafkaApi.JoinGroup, JoinAsync),
        KafkaHandler.Of<SyncGroupRequest>(KafkaApi.SyncGroup, SyncAsync),
        KafkaHandler.Of<HeartbeatRequest>(KafkaApi.Heartbeat, HeartbeatAsync),
        KafkaHandler.Of<LeaveGroupRequest>(KafkaApi.LeaveGroup, LeaveAsync),
    ];

    /// <summary>As much of a name as is kept.</summary>
    public static string Cut(string name) => name.Length <= GroupLimits.NameCharactersMax ? name : name[..GroupLimits.NameCharactersMax];

    private ValueTask<IKafkaMessage?> JoinAsync(KafkaExchange exchange, JoinGroupRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            var rebalance = request.RebalanceTimeoutMs < 0 ? request.SessionTimeoutMs : request.RebalanceTimeoutMs;
            var joined = await groups.JoinAsync(
                new JoinGroup(
                    request.GroupId, new MemberIdentity(request.MemberId, request.GroupInstanceId), exchange.Version >= KnownMemberFrom,
                    Cut(exchange.Client.Name), exchange.Client.Address.ToString(), request.SessionTimeoutMs, Math.Max(0, rebalance),
                    request.ProtocolType,
                    [.. request.Protocols.Select(static offered => new GroupProtocol(offered.Name, offered.Metadata))]),
                exchange.Gone).ConfigureAwait(false);
            if (joined.Generation is not { } generation)
            {
                return Refused(request, GroupErrors.Of(joined.Status), joined.MemberId);
            }

            // A client that cannot skip the assignment is told that somebody else leads: it then asks for the one that there is.
            var hidesLead = joined.SkipsAssignment && exchange.Version < SkipsAssignmentFrom;
            return new JoinGroupResponse
            {
                GenerationId = generation.Generation,
                ProtocolType = generation.ProtocolType,
                ProtocolName = generation.Protocol,
                Leader = hidesLead ? "" : generation.Leader,
                SkipAssignment = joined.SkipsAssignment,
                MemberId = joined.MemberId,
                Members = hidesLead ? [] :
                [
                    .. generation.Members.Select(static member => new JoinGroupResponse.Member
                    {
                        MemberId = member.Identity.MemberId, GroupInstanceId = member.Identity.InstanceId, Metadata = member.Metadata,
                    }),
                ],
            };
        },
        error => Refused(request, error, request.MemberId));

    private static JoinGroupResponse Refused(JoinGroupRequest request, KafkaError error, string memberId) => new()
    {
        Error = error, GenerationId = -1, ProtocolType = request.ProtocolType, ProtocolName = "", Leader = "", MemberId = memberId,
    };

    private ValueTask<IKafkaMessage?> SyncAsync(KafkaExchange exchange, SyncGroupRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            var synced = await groups.SyncAsync(
                new SyncGroup(
                    request.GroupId, new MemberIdentity(request.MemberId, request.GroupInstanceId), request.GenerationId,
                    request.ProtocolType, request.ProtocolName,
                    [.. request.Assignments.Select(static given => new MemberAssignment(given.MemberId, given.Data))]),
                exchange.Gone).ConfigureAwait(false);
            return new SyncGroupResponse
            {
                Error = GroupErrors.Of(synced.Status), ProtocolType = synced.ProtocolType, ProtocolName = synced.Protocol,
                Assignment = synced.Assignment,
            };
        },
        static error => new SyncGroupResponse { Error = error });

    private ValueTask<IKafkaMessage?> HeartbeatAsync(KafkaExchange exchange, HeartbeatRequest request) => GroupErrors.AnswerAsync(
        async () => new HeartbeatResponse
        {
            Error = GroupErrors.Of(await groups.HeartbeatAsync(
                request.GroupId, new MemberIdentity(request.MemberId, request.GroupInstanceId), request.GenerationId, exchange.Gone)
                .ConfigureAwait(false)),
        },
        static error => new HeartbeatResponse { Error = error });

    private ValueTask<IKafkaMessage?> LeaveAsync(KafkaExchange exchange, LeaveGroupRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            MemberIdentity[] leaving = exchange.Version < SeveralFrom ? [new MemberIdentity(request.MemberId, null)]
                : [.. request.Members.Select(static member => new MemberIdentity(member.MemberId, member.GroupInstanceId))];
            var left = await groups.LeaveAsync(new LeaveGroup(request.GroupId, leaving), exchange.Gone).ConfigureAwait(false);
            if (exchange.Version < SeveralFrom || left.Status != GroupStatus.Ok)
            {
                return new LeaveGroupResponse { Error = GroupErrors.Of(left.Parts.Count == 1 ? left.Parts[0] : left.Status) };
            }

            return new LeaveGroupResponse
            {
                Members =
                [
                    .. leaving.Zip(left.Parts, static (identity, status) => new LeaveGroupResponse.Member
                    {
                        MemberId = identity.MemberId, GroupInstanceId = identity.InstanceId, Error = GroupErrors.Of(status),
                    }),
                ],
            };
        },
        static error => new LeaveGroupResponse { Error = error });
}
