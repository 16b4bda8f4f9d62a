using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Requests;

/// <summary>
/// The bounds of a request table. They decide which requests are refused, so they must be the same on every replica of a shard; a snapshot
/// of a state with others is refused.
/// </summary>
public sealed record RequestTableOptions
{
    /// <summary>How long an answer is remembered, measured in the state's time from when the request was issued.</summary>
    public Duration Window { get; init; } = Duration.FromSeconds(600);

    /// <summary>Answers remembered for all clients together.</summary>
    public int AnswersMax { get; init; } = Limits.RequestsRememberedMax;

    /// <summary>Answers remembered for one client.</summary>
    public int AnswersPerClientMax { get; init; } = Limits.ClientRequestsInFlightMax;

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }
}
