namespace Atoll.StateMachines.Groups;

/// <summary>Bounds of groups, each with the reason for its number.</summary>
public static class GroupLimits
{
    /// <summary>The name of the space that holds the groups of a cluster.</summary>
    public const string SpaceName = "atoll.groups";

    /// <summary>Length of a group's id in UTF-8 bytes: as of other names, twice over for prefixes.</summary>
    public const int GroupIdBytesMax = 512;

    /// <summary>Length of the ids of clients and static members in characters, as of other names.</summary>
    public const int NameCharactersMax = 255;

    /// <summary>
    /// The shortest session in milliseconds, as with Kafka's brokers: several heartbeats and a change of coordinator fit in.
    /// </summary>
    public const int SessionMillisecondsMin = 6_000;

    /// <summary>The longest session in milliseconds; as with Kafka's brokers.</summary>
    public const int SessionMillisecondsMax = 1_800_000;

    /// <summary>Members of a group: its leader gets what all of them say of themselves in one answer.</summary>
    public const int MembersMax = 4_096;

    /// <summary>Protocols that one member offers; clients have up to five.</summary>
    public const int ProtocolsMax = 64;

    /// <summary>
    /// The session of a member whose partitions the coordinator chooses, in milliseconds; as with Kafka's brokers, clients cannot choose
    /// it.
    /// </summary>
    public const int AssignedSessionMilliseconds = 45_000;

    /// <summary>How often such a member is to say that it is there, in milliseconds; as with Kafka's brokers.</summary>
    public const int AssignedHeartbeatMilliseconds = 5_000;

    /// <summary>
    /// How long such a member may take to let go of partitions when it does not say, in milliseconds; as with Kafka's clients.
    /// </summary>
    public const int AssignedRebalanceMilliseconds = 300_000;

    /// <summary>Topics that one such member reads.</summary>
    public const int TopicsPerMemberMax = 10_000;

    /// <summary>Topics that the members of such a group read.</summary>
    public const int TopicsPerGroupMax = 10_000;

    /// <summary>Length of an expression that names of topics match, in characters.</summary>
    public const int PatternCharactersMax = 1_000;

    /// <summary>Bytes that one member says of itself, over all protocols: subscriptions to thousands of topics.</summary>
    public const int MemberBytesMax = 1024 * 1024;

    /// <summary>Offsets of one command; a log entry has room for some more.</summary>
    public const int OffsetsPerCommandMax = 100_000;

    /// <summary>Offsets that one group keeps.</summary>
    public const int OffsetsPerGroupMax = 250_000;

    /// <summary>Producers that commit offsets of one group in transactions; a member has one, or one for each partition.</summary>
    public const int ProducersPerGroupMax = 16 * 1024;

    /// <summary>
    /// How long it is remembered which transaction of a producer ended last, in milliseconds: no request is under way so long.
    /// </summary>
    public const long ProducerIdleMilliseconds = 60L * 60 * 1000;

    /// <summary>Groups of one shard: all are in memory.</summary>
    public const int GroupsPerShardMax = 100_000;

    /// <summary>Length of the text with an offset in UTF-8 bytes; as with Kafka's brokers.</summary>
    public const int OffsetMetadataBytesMax = 4_096;

    /// <summary>How long a group without members keeps its offsets, in milliseconds: seven days, as with Kafka's brokers.</summary>
    public const long OffsetRetentionMilliseconds = 7L * 24 * 60 * 60 * 1000;

    /// <summary>How long a group with neither members nor offsets can be seen, in milliseconds.</summary>
    public const long EmptyGroupMilliseconds = 10L * 60 * 1000;

    /// <summary>Groups of one command that removes what nobody uses any more, and of one page of a list.</summary>
    public const int GroupsPerCommandMax = 1_000;
}
