using Atoll.Node.Requests;

namespace Atoll.Services.Errors;

#pragma warning disable CA1032 // an Atoll error always has a code: the standard constructors would make ones without

/// <summary>
/// Something that was asked of the cluster did not succeed. <see cref="Code"/> says what, <see cref="IsRetryable"/> whether trying again
/// makes sense; classes of failure that callers treat apart have types of their own below.
/// </summary>
public class AtollException : Exception
{
    /// <summary>An error with its code and words for people.</summary>
    public AtollException(ErrorCode code, string message, Exception? innerException = null) : base(message, innerException) => Code = code;

    /// <summary>What went wrong.</summary>
    public ErrorCode Code { get; }

    /// <summary>Whether the same call may succeed later. A write that failed retryably had no effect.</summary>
    public bool IsRetryable => Code.IsRetryable();

    /// <summary>The exception for a node's answer that is not Ok.</summary>
    public static AtollException From(in Response response)
    {
        var code = response.Status.ToErrorCode();
        var detail = response.Detail;
        if (response.Shortfall is { } shortfall && code is ErrorCode.Unavailable or ErrorCode.OutcomeUnknown)
        {
            return new QuorumShortfallException(code, shortfall, detail);
        }

        return code switch
        {
            ErrorCode.Overloaded => new OverloadedException(
                detail ?? "the cluster is overloaded", TimeSpan.FromMilliseconds(response.RetryAfter.Milliseconds)),
            ErrorCode.Unavailable => new UnavailableException(detail ?? "no replica that could answer was reached in time"),
            ErrorCode.OutcomeUnknown => new OutcomeUnknownException(
                detail ?? "the time is over before an answer came: the write may or may not have taken effect"),
            ErrorCode.Invalid => new InvalidRequestException(detail ?? "the request is malformed"),
            ErrorCode.TooLarge => new TooLargeException(detail ?? "the request is too large"),
            ErrorCode.UnknownSpace => new UnknownSpaceException(detail ?? "there is no such space"),
            ErrorCode.Unauthenticated => new UnauthenticatedException(detail ?? "a valid access token is needed"),
            ErrorCode.RequestExpired => new AtollException(code, detail
                ?? "the request is older than the time for which answers are remembered; it was not applied now"),
            ErrorCode.DiskFull => new AtollException(code, detail ?? "the disk is full: writes are refused until there is room"),
            ErrorCode.Unsupported => new AtollException(code, detail ?? "the node does not know this operation"),
            ErrorCode.Faulted => new AtollException(code, detail ?? "the replica has stopped itself"),
            _ => new AtollException(ErrorCode.Protocol, detail ?? $"the node answered with an unknown status ({(byte)response.Status})"),
        };
    }
}

/// <summary>
/// The write may or may not have taken effect. It was retried with its request identity as long as the deadline allowed; what
/// became of it can now only be learnt by reading.
/// </summary>
public sealed class OutcomeUnknownException(string message) : AtollException(ErrorCode.OutcomeUnknown, message);

/// <summary>A queue was full: refused early, without effect.</summary>
public sealed class OverloadedException(string message, TimeSpan retryAfter) : AtollException(ErrorCode.Overloaded, message)
{
    /// <summary>How long to wait before trying again.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}

/// <summary>Nobody who could answer was reached before the deadline. A write had no effect.</summary>
public sealed class UnavailableException(string message, Exception? innerException = null)
    : AtollException(ErrorCode.Unavailable, message, innerException);

/// <summary>
/// Too few replicas of an eventual space took part. <see cref="ErrorCode.Unavailable"/>: a write had no effect;
/// <see cref="ErrorCode.OutcomeUnknown"/>: what one replica took is everywhere in the end. It was not tried again: whoever asked chose how
/// many replicas must answer, and decides what to do when they do not.
/// </summary>
public sealed class QuorumShortfallException(ErrorCode code, QuorumShortfall shortfall, string? message = null) : AtollException(
    code, message ?? $"{shortfall.Received} of {shortfall.Required} replicas answered, {shortfall.Failures} refused")
{
    /// <summary>How far it came.</summary>
    public QuorumShortfall Shortfall { get; } = shortfall;
}

/// <summary>The request is malformed or breaks a rule; trying again cannot help.</summary>
public sealed class InvalidRequestException(string message) : AtollException(ErrorCode.Invalid, message);

/// <summary>A key, value or batch is over its limit, which the message names.</summary>
public sealed class TooLargeException(string message) : AtollException(ErrorCode.TooLarge, message);

/// <summary>There is no such space.</summary>
public sealed class UnknownSpaceException(string message) : AtollException(ErrorCode.UnknownSpace, message);

/// <summary>The caller has no valid credentials.</summary>
public sealed class UnauthenticatedException(string message) : AtollException(ErrorCode.Unauthenticated, message);

/// <summary>The changes after a watch's position are no longer kept: read the records anew, and watch from there.</summary>
public sealed class WatchCompactedException(string message) : AtollException(ErrorCode.Compacted, message);

#pragma warning restore CA1032
