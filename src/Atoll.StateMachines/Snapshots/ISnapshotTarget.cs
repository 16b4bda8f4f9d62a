namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// Builds a state from the slices of a snapshot, beside the state in use, which goes on as it is until <see cref="Finish"/> succeeds.
/// Slices may be garbage: they are refused, never half taken. A target that refused once refuses everything after.
/// </summary>
public interface ISnapshotTarget
{
    /// <summary>Why the snapshot was refused; null while all is well.</summary>
    string? Error { get; }

    /// <summary>Takes the next slice, in order.</summary>
    /// <param name="slice">The bytes; only read during the call, nothing refers to them afterwards.</param>
    /// <returns>False when the snapshot is not one.</returns>
    bool Accept(ReadOnlyMemory<byte> slice);

    /// <summary>All slices were given: verifies that the snapshot is complete and makes it the state, at once.</summary>
    /// <returns>False when it is not complete or not valid; the state in use is then untouched.</returns>
    bool Finish();
}
