using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>ListGroups, DescribeGroups and DeleteGroups: groups as their operators see them.</summary>
internal sealed class GroupAdministration(IGroups groups) : IKafkaRequests
{
    private const string ClassicType = "classic";
    private const string ConsumerType = "consumer";

    // What is allowed is not told.
    private const int OperationsUnknown = int.MinValue;

    public IEnumerable<KafkaHandler> Handlers =>
    [
        KafkaHandler.Of<ListGroupsRequest>(KafkaApi.ListGroups, ListAsync),
        KafkaHandler.Of<DescribeGroupsRequest>(KafkaApi.DescribeGroups, DescribeAsync),
        KafkaHandler.Of<DeleteGroupsRequest>(KafkaApi.DeleteGroups, DeleteAsync),
    ];

    private static string NameOf(GroupState state) => state switch
    {
        GroupState.PreparingRebalance => "PreparingRebalance",
        GroupState.CompletingRebalance => "CompletingRebalance",
        GroupState.Stable => "Stable",
        _ => "Empty",
    };

    private static string TypeOf(ListedGroup group) => group.IsAssigned ? ConsumerType : ClassicType;

    private static string StateOf(ListedGroup group) =>
        group.IsAssigned ? ConsumerGroupRequests.NameOf(group.State) : NameOf(group.State);

    // Tools ask every broker: each tells of the groups of all, and they put the answers together by the groups' names.
    private ValueTask<IKafkaMessage?> ListAsync(KafkaExchange exchange, ListGroupsRequest request) => GroupErrors.AnswerAsync(
        async () =>
        {
            var all = await groups.ListAsync(exchange.Gone).ConfigureAwait(false);
            return new ListGroupsResponse
            {
                Groups =
                [
                    .. all.Where(group => IsWanted(request.StatesFilter, StateOf(group)) && IsWanted(request.TypesFilter, TypeOf(group)))
                        .Select(static group => new ListGroupsResponse.Group
                        {
                            GroupId = group.Group, ProtocolType = group.ProtocolType, GroupState = StateOf(group),
                            GroupType = TypeOf(group),
                        }),
                ],
            };
        },
        static error => new ListGroupsResponse { Error = error });

    private static bool IsWanted(IReadOnlyList<string> filter, string value) =>
        filter.Count == 0 || filter.Contains(value, StringComparer.OrdinalIgnoreCase);

    private async ValueTask<IKafkaMessage?> DescribeAsync(KafkaExchange exchange, DescribeGroupsRequest request) =>
        new DescribeGroupsResponse
        {
            Groups = await Task.WhenAll(request.Groups.Select(group => DescribeAsync(exchange, group))).ConfigureAwait(false),
        };

    private async Task<DescribeGroupsResponse.Group> DescribeAsync(KafkaExchange exchange, string group)
    {
        var answer = new DescribeGroupsResponse.Group
        {
            GroupId = group, GroupState = "", ProtocolType = "", ProtocolData = "", AuthorizedOperations = OperationsUnknown,
        };
        try
        {
            var found = await groups.DescribeAsync(group, exchange.Gone).ConfigureAwait(false);
            answer.GroupState = found.Status == GroupStatus.Ok ? NameOf(found.State) : "Dead"; // what there is not has this state
            answer.ProtocolType = found.ProtocolType;
            answer.ProtocolData = found.Protocol;
            answer.Members =
            [
                .. found.Members.Select(static member => new DescribeGroupsResponse.Member
                {
                    MemberId = member.Identity.MemberId, GroupInstanceId = member.Identity.InstanceId, ClientId = member.ClientId,
                    ClientHost = "/" + member.ClientHost, MemberMetadata = member.Metadata, MemberAssignment = member.Assignment,
                }),
            ];
        }
        catch (AtollException error)
        {
            answer.Error = GroupErrors.Of(error);
        }

        return answer;
    }

    private async ValueTask<IKafkaMessage?> DeleteAsync(KafkaExchange exchange, DeleteGroupsRequest request) => new DeleteGroupsResponse
    {
        Results = await Task.WhenAll(request.GroupIds.Select(async group => new DeleteGroupsResponse.Result
        {
            GroupId = group, Error = await DeleteAsync(exchange, group).ConfigureAwait(false),
        })).ConfigureAwait(false),
    };

    private async ValueTask<KafkaError> DeleteAsync(KafkaExchange exchange, string group)
    {
        try
        {
            return GroupErrors.Of(await groups.DeleteAsync(group, exchange.Gone).ConfigureAwait(false));
        }
        catch (AtollException error)
        {
            return GroupErrors.Of(error);
        }
    }
}
