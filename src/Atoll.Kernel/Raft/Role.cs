namespace Atoll.Kernel.Raft;

/// <summary>What a replica is in its term (dissertation, figure 3.3; the pre-candidate is from section 9.6).</summary>
public enum Role : byte
{
    /// <summary>Takes what a leader sends, and votes. Learners are followers too: <see cref="Membership"/> tells them apart.</summary>
    Follower = 0,

    /// <summary>Asks whether an election could be won, without raising its term.</summary>
    PreCandidate = 1,

    /// <summary>Has raised its term, has voted for itself and asks for votes.</summary>
    Candidate = 2,

    /// <summary>The one replica that takes proposals in its term.</summary>
    Leader = 3,
}
