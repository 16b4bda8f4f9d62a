using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Requests;

namespace Atoll.Node.Routing;

/// <summary>Where a request that a loop holds stands.</summary>
public enum PendingState : byte
{
    /// <summary>The slot is free.</summary>
    Free = 0,

    /// <summary>Waits for a leader, a newer directory or better luck; tried again by and by.</summary>
    Parked = 1,

    /// <summary>Passed on to another loop; its answer is awaited.</summary>
    Forwarded = 2,

    /// <summary>In a replica of this loop: proposed, or waiting for a read index or for state to be applied.</summary>
    InReplica = 3,
}

/// <summary>
/// A request that a loop has taken and not yet answered. Lives in a slot of <see cref="InFlightTable"/> and is used again
/// for later requests; <see cref="Number"/> tells the uses apart.
/// </summary>
public sealed class PendingRequest
{
    internal PendingRequest(int slot) => Slot = slot;

    /// <summary>The slot's number.</summary>
    public int Slot { get; }

    /// <summary>This use of the slot, unique in the loop's life: what the answer of another loop must quote.</summary>
    public ulong Number { get; internal set; }

    /// <summary>Where it stands.</summary>
    public PendingState State { get; set; }

    /// <summary>What is asked.</summary>
    public Request Request { get; set; } = null!;

    /// <summary>Who wants the answer; null when it came from another loop.</summary>
    public IResponseSink? Sink { get; set; }

    /// <summary>The loop that passed it on, when <see cref="Sink"/> is null.</summary>
    public LoopAddress Origin { get; set; }

    /// <summary>Its number there.</summary>
    public ulong OriginNumber { get; set; }

    /// <summary>When the asker stops waiting.</summary>
    public Instant Deadline { get; set; }

    /// <summary>When a parked request is tried again.</summary>
    public Instant RetryAt { get; set; }

    /// <summary>Where it was forwarded to.</summary>
    public LoopAddress ForwardedTo { get; set; }

    /// <summary>The number of the frame that it was forwarded in.</summary>
    public long Frame { get; set; }

    /// <summary>The shard that it was last routed to.</summary>
    public ShardId Shard { get; set; }

    /// <summary>
    /// Coordinated among replicas without a leader, or this loop's own: it is answered where it is, or at its deadline.
    /// </summary>
    public bool StaysHere { get; set; }

    /// <summary>How often it was passed on to another loop.</summary>
    public int Forwards { get; set; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; set; }

    /// <summary>A write that went somewhere from where no clear answer came: it may have taken effect.</summary>
    public bool MayHaveTakenEffect { get; set; }

    /// <summary>Why the last attempt failed, for the answer when time runs out.</summary>
    public string? LastProblem { get; set; }

    /// <summary>The span of this node's service, when the request is traced and another node passed it on.</summary>
    internal IRequestSpan? Span { get; set; }

    /// <summary>The span of the present attempt to have another node serve it, when the request is traced.</summary>
    internal IRequestSpan? AttemptSpan { get; set; }
}
