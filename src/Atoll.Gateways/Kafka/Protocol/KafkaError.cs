namespace Atoll.Gateways.Kafka.Protocol;

/// <summary>What became of a call, as the Kafka protocol numbers it. Clients decide by the number whether and how to try again.</summary>
public enum KafkaError : short
{
    /// <summary>The broker failed in a way that has no number of its own.</summary>
    UnknownServerError = -1,

    /// <summary>It was done.</summary>
    None = 0,

    /// <summary>The partition does not have this offset, or not any more.</summary>
    OffsetOutOfRange = 1,

    /// <summary>A batch's checksum or form is wrong.</summary>
    CorruptMessage = 2,

    /// <summary>There is no such topic or partition here; clients ask for metadata again.</summary>
    UnknownTopicOrPartition = 3,

    /// <summary>The partition has no leader at the moment.</summary>
    LeaderNotAvailable = 5,

    /// <summary>This broker does not have the partition, or does not lead it; clients ask for metadata again.</summary>
    NotLeaderOrFollower = 6,

    /// <summary>Not done in time; it may be done yet.</summary>
    RequestTimedOut = 7,

    /// <summary>There is no such broker.</summary>
    BrokerNotAvailable = 8,

    /// <summary>The replica asked for is not there.</summary>
    ReplicaNotAvailable = 9,

    /// <summary>A batch is over the limit.</summary>
    MessageTooLarge = 10,

    /// <summary>The text with a committed offset is too long.</summary>
    OffsetMetadataTooLarge = 12,

    /// <summary>The coordinator is not ready yet.</summary>
    CoordinatorLoadInProgress = 14,

    /// <summary>There is no coordinator at the moment.</summary>
    CoordinatorNotAvailable = 15,

    /// <summary>Another broker is the coordinator.</summary>
    NotCoordinator = 16,

    /// <summary>A topic may not have this name, or not be used so.</summary>
    InvalidTopic = 17,

    /// <summary>More records than a segment takes.</summary>
    RecordListTooLarge = 18,

    /// <summary>Too few replicas to write.</summary>
    NotEnoughReplicas = 19,

    /// <summary>The number of acknowledgements is none of -1, 0, 1.</summary>
    InvalidRequiredAcks = 21,

    /// <summary>The group has another generation.</summary>
    IllegalGeneration = 22,

    /// <summary>The group and the member have no protocol in common.</summary>
    InconsistentGroupProtocol = 23,

    /// <summary>A group may not have this name.</summary>
    InvalidGroupId = 24,

    /// <summary>The group does not have this member.</summary>
    UnknownMemberId = 25,

    /// <summary>The session's time is not within the bounds.</summary>
    InvalidSessionTimeout = 26,

    /// <summary>The group is in a rebalance: join again.</summary>
    RebalanceInProgress = 27,

    /// <summary>Not allowed on this topic.</summary>
    TopicAuthorizationFailed = 29,

    /// <summary>Not allowed on this group.</summary>
    GroupAuthorizationFailed = 30,

    /// <summary>Not allowed on this cluster.</summary>
    ClusterAuthorizationFailed = 31,

    /// <summary>A record's timestamp is outside of the bounds.</summary>
    InvalidTimestamp = 32,

    /// <summary>The way to authenticate is not one of those offered.</summary>
    UnsupportedSaslMechanism = 33,

    /// <summary>Not the message that is due in the exchange.</summary>
    IllegalSaslState = 34,

    /// <summary>This version of the call is not there.</summary>
    UnsupportedVersion = 35,

    /// <summary>There is a topic of this name.</summary>
    TopicAlreadyExists = 36,

    /// <summary>The number of partitions is not possible.</summary>
    InvalidPartitions = 37,

    /// <summary>The number of replicas is not possible.</summary>
    InvalidReplicationFactor = 38,

    /// <summary>The nodes for the replicas are not possible.</summary>
    InvalidReplicaAssignment = 39,

    /// <summary>A setting is not possible.</summary>
    InvalidConfig = 40,

    /// <summary>Another broker takes such calls.</summary>
    NotController = 41,

    /// <summary>The request makes no sense.</summary>
    InvalidRequest = 42,

    /// <summary>Batches of this format cannot do this.</summary>
    UnsupportedForMessageFormat = 43,

    /// <summary>A policy of the cluster is against it.</summary>
    PolicyViolation = 44,

    /// <summary>A batch of the producer is missing before this one.</summary>
    OutOfOrderSequenceNumber = 45,

    /// <summary>The batch is there already, and it is not known any more at which offset.</summary>
    DuplicateSequenceNumber = 46,

    /// <summary>The producer's epoch is an old one.</summary>
    InvalidProducerEpoch = 47,

    /// <summary>Not possible in the state that the transaction is in.</summary>
    InvalidTransactionState = 48,

    /// <summary>The producer's id is not that of its transactional id.</summary>
    InvalidProducerIdMapping = 49,

    /// <summary>The transaction's time is not within the bounds.</summary>
    InvalidTransactionTimeout = 50,

    /// <summary>Another change of the same transaction is under way; try again.</summary>
    ConcurrentTransactions = 51,

    /// <summary>The marker comes from an old coordinator.</summary>
    TransactionCoordinatorFenced = 52,

    /// <summary>Not allowed with this transactional id.</summary>
    TransactionalIdAuthorizationFailed = 53,

    /// <summary>There is no security to change.</summary>
    SecurityDisabled = 54,

    /// <summary>Not tried, as something else in the request failed.</summary>
    OperationNotAttempted = 55,

    /// <summary>The broker's disk failed.</summary>
    StorageError = 56,

    /// <summary>The name or password is wrong.</summary>
    SaslAuthenticationFailed = 58,

    /// <summary>Nothing is known of the producer any more.</summary>
    UnknownProducerId = 59,

    /// <summary>The partition's replicas are being moved.</summary>
    ReassignmentInProgress = 60,

    /// <summary>The group has members.</summary>
    NonEmptyGroup = 68,

    /// <summary>There is no such group.</summary>
    GroupIdNotFound = 69,

    /// <summary>There is no such fetch session: begin a new one.</summary>
    FetchSessionIdNotFound = 70,

    /// <summary>The fetch session is at another epoch: begin a new one.</summary>
    InvalidFetchSessionEpoch = 71,

    /// <summary>The client knows an older leader: ask for metadata again.</summary>
    FencedLeaderEpoch = 74,

    /// <summary>The client knows a newer leader than this broker.</summary>
    UnknownLeaderEpoch = 75,

    /// <summary>This compression is not possible in this version.</summary>
    UnsupportedCompressionType = 76,

    /// <summary>The new leader does not know its high watermark yet.</summary>
    OffsetNotAvailable = 78,

    /// <summary>Join again with the id that comes with this answer.</summary>
    MemberIdRequired = 79,

    /// <summary>The replica that is to lead does not answer.</summary>
    PreferredLeaderNotAvailable = 80,

    /// <summary>The group is full.</summary>
    GroupMaxSizeReached = 81,

    /// <summary>Another member has taken over this static id.</summary>
    FencedInstanceId = 82,

    /// <summary>None of the replicas can lead.</summary>
    EligibleLeadersNotAvailable = 83,

    /// <summary>The right one leads already.</summary>
    ElectionNotNeeded = 84,

    /// <summary>The group is subscribed to the topic.</summary>
    GroupSubscribedToTopic = 86,

    /// <summary>A record within a batch is not possible.</summary>
    InvalidRecord = 87,

    /// <summary>A transaction with these offsets is open.</summary>
    UnstableOffsetCommit = 88,

    /// <summary>Too many changes; later.</summary>
    ThrottlingQuotaExceeded = 89,

    /// <summary>A newer producer has the same transactional id.</summary>
    ProducerFenced = 90,

    /// <summary>There is no such resource.</summary>
    ResourceNotFound = 91,

    /// <summary>The resource is named twice.</summary>
    DuplicateResource = 92,

    /// <summary>The credential is not possible.</summary>
    UnacceptableCredential = 93,

    /// <summary>There is no topic of this id.</summary>
    UnknownTopicId = 100,

    /// <summary>The topic's id is another one.</summary>
    InconsistentTopicId = 103,

    /// <summary>There is no such transactional id.</summary>
    TransactionalIdNotFound = 105,

    /// <summary>The session used names where ids are used now, or the other way round.</summary>
    FetchSessionTopicIdError = 106,

    /// <summary>The member's epoch is an old one.</summary>
    FencedMemberEpoch = 110,

    /// <summary>The static id belongs to another member.</summary>
    UnreleasedInstanceId = 111,

    /// <summary>There is no such assignor.</summary>
    UnsupportedAssignor = 112,

    /// <summary>The member has to learn its new epoch first.</summary>
    StaleMemberEpoch = 113,

    /// <summary>The transaction must be aborted; then the producer can go on.</summary>
    TransactionAbortable = 120,

    /// <summary>The pattern of topics is not a regular expression.</summary>
    InvalidRegularExpression = 128,
}
