namespace Atoll.Node.Requests;

/// <summary>How fresh a read must be, from the dearest to the cheapest.</summary>
public enum ReadLevel : byte
{
    /// <summary>Sees every write that was acknowledged before the read began: the leader asks a quorum first.</summary>
    Linearizable = 0,

    /// <summary>Sees at least what its own session has written and read: any replica that has applied that much.</summary>
    Session = 1,

    /// <summary>Sees everything that is older than the stated staleness: any replica that heard from its leader so recently.</summary>
    Bounded = 2,

    /// <summary>Sees some state that once was: the nearest replica, at once.</summary>
    Any = 3,
}
