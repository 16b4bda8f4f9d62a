namespace Atoll.StateMachines.Groups;

/// <summary>What became of a command or query of a group. The numbers are in answers.</summary>
public enum GroupStatus : byte
{
    /// <summary>It was done; of a query: the answer is whole.</summary>
    Ok = 0,

    /// <summary>The bytes are no command, or no query.</summary>
    Invalid = 1,

    /// <summary>A query's answer depends on what others have still to do.</summary>
    Waiting = 2,

    /// <summary>The group does not have this member.</summary>
    UnknownMember = 3,

    /// <summary>The group is at another generation.</summary>
    IllegalGeneration = 4,

    /// <summary>The members are about to join anew, or wait for their assignment.</summary>
    RebalanceInProgress = 5,

    /// <summary>Another member has taken over the static id.</summary>
    FencedInstance = 6,

    /// <summary>To be joined again, with the id that comes with this.</summary>
    MemberIdRequired = 7,

    /// <summary>There is no protocol that this member and the others have in common.</summary>
    InconsistentProtocol = 8,

    /// <summary>A group may not have this name.</summary>
    InvalidGroup = 9,

    /// <summary>The session's time is not within the bounds.</summary>
    InvalidSessionTimeout = 10,

    /// <summary>The group has as many members as it may.</summary>
    GroupFull = 11,

    /// <summary>There is no such group.</summary>
    UnknownGroup = 12,

    /// <summary>The group has members.</summary>
    NotEmpty = 13,

    /// <summary>A member is subscribed to the topic.</summary>
    SubscribedToTopic = 14,

    /// <summary>The text with an offset is too long.</summary>
    MetadataTooLarge = 15,

    /// <summary>The shard has as many groups, or the group as many offsets, as it may.</summary>
    TooMany = 16,

    /// <summary>The producer has a newer epoch.</summary>
    ProducerFenced = 17,

    /// <summary>The producer has no open transaction with this group, or the one that is meant has ended.</summary>
    InvalidTransactionState = 18,

    /// <summary>The member is at another epoch of the group: it is to let go of everything and to join again.</summary>
    FencedEpoch = 19,

    /// <summary>The member has come to another epoch of the group meanwhile: to be tried again behind its next heartbeat.</summary>
    StaleEpoch = 20,

    /// <summary>The static id is in use.</summary>
    UnreleasedInstance = 21,

    /// <summary>There is no such way of sharing out partitions.</summary>
    UnsupportedAssignor = 22,
}

/// <summary>Where a group is between two generations. The numbers are in states and answers.</summary>
public enum GroupState : byte
{
    /// <summary>It has no members; it may have offsets.</summary>
    Empty = 0,

    /// <summary>Its members are to join the next generation.</summary>
    PreparingRebalance = 1,

    /// <summary>The generation has begun; its leader has still to say who gets what.</summary>
    CompletingRebalance = 2,

    /// <summary>Every member can have its assignment.</summary>
    Stable = 3,
}
