using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>How a snapshot operation ended.</summary>
public enum SnapshotStatus : byte
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>There is no such snapshot (any more).</summary>
    NotFound = 1,

    /// <summary>The file is damaged.</summary>
    Corrupt = 2,

    /// <summary>A newer version of the program has written it.</summary>
    NewerVersion = 3,

    /// <summary>The disk refused (full, no access, device failure).</summary>
    Failed = 4,
}

/// <summary>The end of <see cref="SnapshotStore.Open"/>.</summary>
/// <param name="Status">Ok, Failed or NewerVersion.</param>
/// <param name="Store">The store; null unless Ok.</param>
/// <param name="Damaged">
/// Snapshots that are on disk and cannot be used; they are left there. An owner that has no other copy must report it.
/// </param>
/// <param name="DiskResult">What the disk said; meaningful when Failed.</param>
/// <param name="Detail">For people; null when Ok.</param>
public sealed record SnapshotStoreOpening(
    SnapshotStatus Status,
    SnapshotStore? Store,
    IReadOnlyList<StorageCorruption> Damaged,
    DiskResult DiskResult = default,
    string? Detail = null);

/// <summary>The end of <see cref="SnapshotWriter.Finish"/>.</summary>
/// <param name="Status">Ok or Failed.</param>
/// <param name="Snapshot">The snapshot, durable under its name; null unless Ok.</param>
/// <param name="DiskResult">What the disk said; meaningful when Failed.</param>
public readonly record struct SnapshotFinished(SnapshotStatus Status, SnapshotInfo? Snapshot, DiskResult DiskResult = default);

/// <summary>The end of a read.</summary>
/// <param name="Status">Ok, NotFound, Corrupt or Failed.</param>
/// <param name="Bytes">Bytes read: all that were asked for, or fewer at the end of the content.</param>
/// <param name="Corruption">What is damaged; null unless Corrupt.</param>
/// <param name="DiskResult">What the disk said; meaningful when Failed.</param>
public readonly record struct SnapshotRead(
    SnapshotStatus Status,
    int Bytes = 0,
    StorageCorruption? Corruption = null,
    DiskResult DiskResult = default);
