namespace Atoll.Simulation.Campaigns;

/// <summary>A bug put into a run on purpose: the checkers must find it, or they are worth nothing.</summary>
public enum PlantedBug
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>All disks say "synced" at once and make it so much later (museum, row 1).</summary>
    LyingDisks = 1,

    /// <summary>Followers acknowledge entries that they have not got, so that a quorum is one copy smaller than it says.</summary>
    SmallerQuorum = 2,

    /// <summary>Refused votes arrive as granted ones: a node votes twice in a term (museum, row 2).</summary>
    ForgedVotes = 3,
}
