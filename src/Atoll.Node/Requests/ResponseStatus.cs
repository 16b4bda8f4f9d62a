namespace Atoll.Node.Requests;

/// <summary>How a request ended. The number is on the wire.</summary>
public enum ResponseStatus : byte
{
    /// <summary>Done; the body holds the state machine's result (which may itself say "conflict" or "not found").</summary>
    Ok = 0,

    // Retryable: the request had no effect.

    /// <summary>This replica does not lead the shard; the leader hint, where present, does.</summary>
    NotLeader = 1,

    /// <summary>The node does not keep that shard, or the key is not in it: the sender's view of the directory is old.</summary>
    StaleRoute = 2,

    /// <summary>A queue is full: refused early, to be tried again after the stated time.</summary>
    Overloaded = 3,

    /// <summary>No replica that could answer was found before the deadline; the request had no effect.</summary>
    Unavailable = 4,

    /// <summary>The replica's disk is full: writes are refused until there is room, reads go on.</summary>
    DiskFull = 5,

    // Unknown: only a retry with the same identity can tell.

    /// <summary>
    /// The deadline passed, or a connection or a leader was lost, after the request may have taken effect. With the same request
    /// identity it may be tried again, and has one effect.
    /// </summary>
    OutcomeUnknown = 16,

    // Final: trying again cannot help.

    /// <summary>The request is malformed or breaks a rule; the detail says which.</summary>
    Invalid = 32,

    /// <summary>There is no such space.</summary>
    UnknownSpace = 33,

    /// <summary>A key, value or batch is over its limit; the detail names the limit.</summary>
    TooLarge = 34,

    /// <summary>
    /// The request is older than the time for which answers are remembered, or its client said that it has the answer. It was not
    /// applied now; whether it was before cannot be told.
    /// </summary>
    RequestExpired = 35,

    /// <summary>The node does not know the request's kind or version.</summary>
    Unsupported = 36,

    /// <summary>The caller has no valid credentials.</summary>
    Unauthenticated = 37,

    /// <summary>A replica stopped itself because its disk or its state cannot be trusted; the detail says where.</summary>
    Faulted = 38,
}

/// <summary>What may be done after each status.</summary>
public static class ResponseStatusExtensions
{
    /// <summary>The request certainly had no effect, and may be tried again as it is.</summary>
    public static bool IsRetryable(this ResponseStatus status) =>
        status is ResponseStatus.NotLeader or ResponseStatus.StaleRoute or ResponseStatus.Overloaded
            or ResponseStatus.Unavailable or ResponseStatus.DiskFull;

    /// <summary>Trying again cannot help.</summary>
    public static bool IsFinal(this ResponseStatus status) => status >= ResponseStatus.Invalid;
}
