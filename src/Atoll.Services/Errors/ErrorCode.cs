using Atoll.Node.Requests;

namespace Atoll.Services.Errors;

/// <summary>
/// What went wrong, in one word that programs can compare. The names are public: they are the <c>code</c> of HTTP problem details and
/// of the command line's JSON, and never change.
/// </summary>
public enum ErrorCode
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>The request is malformed or breaks a rule.</summary>
    Invalid = 1,

    /// <summary>There is no such space.</summary>
    UnknownSpace = 2,

    /// <summary>There is a space of that name with other options.</summary>
    SpaceExists = 3,

    /// <summary>A key, value or batch is over its limit.</summary>
    TooLarge = 4,

    /// <summary>A condition on a version did not hold. Nothing was changed.</summary>
    Conflict = 5,

    /// <summary>A queue is full, or too many retries are under way: refused early.</summary>
    Overloaded = 6,

    /// <summary>Nobody who could answer was reached before the deadline. A write had no effect.</summary>
    Unavailable = 7,

    /// <summary>The write may or may not have taken effect, and the time to find out is over.</summary>
    OutcomeUnknown = 8,

    /// <summary>The disk of the shard's replicas is full: writes are refused, reads go on.</summary>
    DiskFull = 9,

    /// <summary>The request identity is older than the time for which answers are remembered.</summary>
    RequestExpired = 10,

    /// <summary>A watch cannot resume: the changes after its position are no longer kept. Read anew, then watch from there.</summary>
    Compacted = 11,

    /// <summary>The caller has no valid credentials, or the node has none that the caller trusts.</summary>
    Unauthenticated = 12,

    /// <summary>The other side does not know this operation or version.</summary>
    Unsupported = 13,

    /// <summary>A replica stopped itself because its disk or state cannot be trusted.</summary>
    Faulted = 14,

    /// <summary>There is no such thing (a node, a shard) as the request names.</summary>
    NotFound = 15,

    /// <summary>The other side broke the protocol: an answer that cannot be decoded.</summary>
    Protocol = 16,

    /// <summary>A read at a time that the replica's state has not reached.</summary>
    TimeAhead = 17,

    /// <summary>A read at a time whose versions may have been collected: they are kept for a window only.</summary>
    TimeCollected = 18,
}

/// <summary>What follows from each error.</summary>
public static class ErrorCodeExtensions
{
    /// <summary>
    /// Whether the same request may be tried again with a chance to succeed. <see cref="ErrorCode.OutcomeUnknown"/> is not: only a
    /// retry with the same request identity is safe then, and the service has already made those.
    /// </summary>
    public static bool IsRetryable(this ErrorCode code) =>
        code is ErrorCode.Overloaded or ErrorCode.Unavailable or ErrorCode.DiskFull;

    /// <summary>The error that a node's answer means when there is no time or no point to try again.</summary>
    public static ErrorCode ToErrorCode(this ResponseStatus status) => status switch
    {
        ResponseStatus.Ok => ErrorCode.None,
        ResponseStatus.NotLeader or ResponseStatus.StaleRoute or ResponseStatus.Unavailable => ErrorCode.Unavailable,
        ResponseStatus.Overloaded => ErrorCode.Overloaded,
        ResponseStatus.DiskFull => ErrorCode.DiskFull,
        ResponseStatus.OutcomeUnknown => ErrorCode.OutcomeUnknown,
        ResponseStatus.Invalid => ErrorCode.Invalid,
        ResponseStatus.UnknownSpace => ErrorCode.UnknownSpace,
        ResponseStatus.TooLarge => ErrorCode.TooLarge,
        ResponseStatus.RequestExpired => ErrorCode.RequestExpired,
        ResponseStatus.Unsupported => ErrorCode.Unsupported,
        ResponseStatus.Unauthenticated => ErrorCode.Unauthenticated,
        ResponseStatus.Faulted => ErrorCode.Faulted,
        _ => ErrorCode.Protocol,
    };
}
