using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// A state at one moment, read in slices of about <see cref="Foundation.Limits.SnapshotChunkBytes"/>. The same state gives the same slices
/// on every replica.
/// </summary>
public interface ISnapshotSource
{
    /// <summary>Writes the next slice behind what is in the writer.</summary>
    /// <returns>False when there is none left, and nothing was written.</returns>
    bool TryNext(WireWriter slice);
}
