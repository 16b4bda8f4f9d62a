using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>How opening a store ended.</summary>
public enum LsmOpeningStatus : byte
{
    /// <summary>It is open.</summary>
    Ok = 0,

    /// <summary>The manifest is damaged or missing; nothing was changed.</summary>
    Corrupt = 1,

    /// <summary>A newer program wrote it; nothing was changed.</summary>
    NewerVersion = 2,

    /// <summary>The disk failed or is full.</summary>
    Failed = 3,
}

/// <summary>The end of an opening.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Store">The store, when Ok.</param>
/// <param name="Corruption">What is damaged, when Corrupt or NewerVersion.</param>
/// <param name="DiskResult">What the disk said.</param>
/// <param name="Missing">
/// Files that the manifest names and that are gone or have another length: the store is open, and reads of their keys answer the fault.
/// </param>
public sealed record LsmOpening(
    LsmOpeningStatus Status, LsmStore? Store, StorageCorruption? Corruption, DiskResult DiskResult, IReadOnlyList<StoreFault> Missing);

/// <summary>Whether a store can write.</summary>
public enum LsmState : byte
{
    /// <summary>It can.</summary>
    Ready = 0,

    /// <summary>
    /// The disk is full: memtables wait, nothing is lost, reads go on, and it becomes Ready by itself when there is space.
    /// </summary>
    Full = 1,

    /// <summary>
    /// A write or sync failed: nothing is written any more, reads go on; opening the store again starts from what is on disk.
    /// </summary>
    Failed = 2,
}

/// <summary>What the store asks of those who write.</summary>
public enum WritePressure : byte
{
    /// <summary>Write on.</summary>
    None = 0,

    /// <summary>Merges fall behind: fewer writes, please, and more time for <see cref="LsmStore.Maintain"/>.</summary>
    Slow = 1,

    /// <summary>Write nothing until this has passed: memory or level 0 is full.</summary>
    Stop = 2,
}
