using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Groups;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>What became of a group's command, as Kafka's clients expect it: the number says whether to join again, and as whom.</summary>
internal static class GroupErrors
{
    /// <summary>What the group said.</summary>
    public static KafkaError Of(GroupStatus status) => status switch
    {
        GroupStatus.Ok => KafkaError.None,
        GroupStatus.Invalid => KafkaError.InvalidRequest,
        GroupStatus.UnknownMember => KafkaError.UnknownMemberId,
        GroupStatus.IllegalGeneration => KafkaError.IllegalGeneration,
        GroupStatus.RebalanceInProgress or GroupStatus.Waiting => KafkaError.RebalanceInProgress,
        GroupStatus.FencedInstance => KafkaError.FencedInstanceId,
        GroupStatus.MemberIdRequired => KafkaError.MemberIdRequired,
        GroupStatus.InconsistentProtocol => KafkaError.InconsistentGroupProtocol,
        GroupStatus.InvalidGroup => KafkaError.InvalidGroupId,
        GroupStatus.InvalidSessionTimeout => KafkaError.InvalidSessionTimeout,
        GroupStatus.GroupFull => KafkaError.GroupMaxSizeReached,
        GroupStatus.UnknownGroup => KafkaError.GroupIdNotFound,
        GroupStatus.NotEmpty => KafkaError.NonEmptyGroup,
        GroupStatus.SubscribedToTopic => KafkaError.GroupSubscribedToTopic,
        GroupStatus.MetadataTooLarge => KafkaError.OffsetMetadataTooLarge,
        GroupStatus.TooMany => KafkaError.PolicyViolation,
        GroupStatus.ProducerFenced => KafkaError.InvalidProducerEpoch,
        GroupStatus.InvalidTransactionState => KafkaError.InvalidTransactionState,
        GroupStatus.FencedEpoch => KafkaError.FencedMemberEpoch,
        GroupStatus.StaleEpoch => KafkaError.StaleMemberEpoch,
        GroupStatus.UnreleasedInstance => KafkaError.UnreleasedInstanceId,
        GroupStatus.UnsupportedAssignor => KafkaError.UnsupportedAssignor,
        _ => KafkaError.UnknownServerError,
    };

    /// <summary>
    /// Why nobody answered for the group: what may succeed later sends clients to look for the coordinator again, and to try again there.
    /// </summary>
    public static KafkaError Of(AtollException error) => error switch
    {
        InvalidGroupException => KafkaError.InvalidGroupId,
        InvalidTransactionalIdException => KafkaError.InvalidRequest,
        _ => error.Code switch
        {
            ErrorCode.Unavailable or ErrorCode.Overloaded or ErrorCode.OutcomeUnknown or ErrorCode.DiskFull or ErrorCode.Faulted
                or ErrorCode.UnknownSpace or ErrorCode.RequestExpired => KafkaError.CoordinatorNotAvailable,
            ErrorCode.Invalid => KafkaError.InvalidRequest,
            ErrorCode.TooLarge => KafkaError.MessageTooLarge,
            _ => KafkaError.UnknownServerError,
        },
    };

    /// <summary>Asks something of a group; why it failed is an answer, too.</summary>
    /// <param name="ask">Asks it.</param>
    /// <param name="refused">Makes the answer that says why it was not answered.</param>
    public static async ValueTask<IKafkaMessage?> AnswerAsync(Func<ValueTask<IKafkaMessage>> ask, Func<KafkaError, IKafkaMessage> refused)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            return refused(Of(error));
        }
    }
}
