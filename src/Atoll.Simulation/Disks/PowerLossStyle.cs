namespace Atoll.Simulation.Disks;

/// <summary>What a power loss does to writes that were not synced.</summary>
public enum PowerLossStyle
{
    /// <summary>All of them are lost.</summary>
    KeepNothing = 0,

    /// <summary>All of them are kept.</summary>
    KeepAll = 1,

    /// <summary>Each page is found as it was at any moment since the last sync: writes lost and reordered.</summary>
    WholePages = 2,

    /// <summary>Each sector is found as it was at any moment since the last sync: writes lost, reordered and torn.</summary>
    TornSectors = 3,
}
