using Atoll.Foundation.Identity;

namespace Atoll.Kernel.Paxos;

/// <summary>What the answers of a quorum say together about a partition.</summary>
internal readonly ref struct PaxosFindings
{
    private PaxosFindings(PaxosDecree lastCommitted, PaxosDecree lastAccepted, Ballot settledThrough, Ballot forgottenThrough)
    {
        LastDecided = lastCommitted;
        LastCommitted = lastCommitted.Ballot > settledThrough ? lastCommitted : PaxosDecree.None;
        InProgress = lastAccepted.Ballot > Ballot.Max(lastCommitted.Ballot, settledThrough) ? lastAccepted : PaxosDecree.None;
        SettledThrough = settledThrough;
        ForgottenThrough = forgottenThrough;
    }

    /// <summary>The last decree that anybody knows to be decided, also when all replicas have it.</summary>
    internal PaxosDecree LastDecided { get; }

    /// <summary>The last decree that is decided and that some replica may lack; or none.</summary>
    internal PaxosDecree LastCommitted { get; }

    /// <summary>What is accepted somewhere and may be decided, or not: whoever sees it must finish it. Or none.</summary>
    internal PaxosDecree InProgress { get; }

    /// <summary>All replicas have everything through here.</summary>
    internal Ballot SettledThrough { get; }

    /// <summary>Somebody may have forgotten whose a decree through here was.</summary>
    internal Ballot ForgottenThrough { get; }

    internal static PaxosFindings Of(List<(NodeId From, PaxosMessage Message)> replies)
    {
        PaxosDecree committed = default, accepted = default;
        Ballot settled = default, forgotten = default;
        foreach (var (_, message) in replies)
        {
            if (message.LastCommitted.Ballot > committed.Ballot)
            {
                committed = message.LastCommitted;
            }

            if (message.Decree.Ballot > accepted.Ballot)
            {
                accepted = message.Decree;
            }

            forgotten = Ballot.Max(forgotten, message.Bound);
            settled = message.IsSettled ? Ballot.Max(settled, message.LastCommitted.Ballot) : settled;
        }

        return new PaxosFindings(committed, accepted, settled, forgotten);
    }

    /// <summary>Whether the answering replica lacks the last decree.</summary>
    internal bool IsBehind(in PaxosMessage reply) =>
        !LastCommitted.IsNone && Ballot.Max(reply.LastCommitted.Ballot, SettledThrough) < LastCommitted.Ballot;
}
