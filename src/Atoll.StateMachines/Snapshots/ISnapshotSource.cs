using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// A state at one moment, read in slices of at most about <see cref="Foundation.Limits.SnapshotChunkBytes"/>. Dispose of it: it may keep
/// files.
/// </summary>
public interface ISnapshotSource : IDisposable
{
    /// <summary>True when the next slice needs what is not in memory: <see cref="Load"/> brings it.</summary>
    bool IsWaiting { get; }

    /// <summary>Why the state cannot be read to its end; null as long as it can.</summary>
    string? Error { get; }

    /// <summary>Writes the next slice behind what is in the writer.</summary>
    /// <returns>False when nothing was written: there is none left, it has to wait, or it has failed.</returns>
    bool TryNext(WireWriter slice);

    /// <summary>Brings into memory what the next slice waits for.</summary>
    /// <param name="ready">Called once, now or later on the same loop.</param>
    void Load(Action ready);
}
