namespace Atoll.StateMachines.Snapshots;

/// <summary>
/// Builds a state from the slices of a snapshot, beside the state in use, which goes on as it is until <see cref="Finish"/> succeeds.
/// Slices may be garbage: they are refused, never half taken. A target that refused once refuses everything after.
/// </summary>
public interface ISnapshotTarget
{
    /// <summary>Why the snapshot was refused; null while all is well.</summary>
    string? Error { get; }

    /// <summary>Whether the only thing wrong is that the disk has no room: the same snapshot may be taken later.</summary>
    bool IsOutOfSpace { get; }

    /// <summary>Takes the next slice, in order.</summary>
    /// <param name="slice">The bytes; only read during the call, nothing refers to them afterwards.</param>
    /// <returns>False when the snapshot is not one.</returns>
    bool Accept(ReadOnlyMemory<byte> slice);

    /// <summary>Calls back, now or later on the same loop, as soon as there is room for the next slice.</summary>
    void WhenDrained(Action ready);

    /// <summary>
    /// All slices were given: verifies that the snapshot is complete and makes it the state, at once. Nothing may be applied to the state
    /// until the end.
    /// </summary>
    /// <param name="done">The end, now or later on the same loop: null, or why the state in use is as it was.</param>
    void Finish(Action<string?> done);

    /// <summary>Gives up: the state in use stays, and what was built goes.</summary>
    void Abandon();
}

/// <summary>A machine's part of a <see cref="ISnapshotTarget"/>.</summary>
public interface IMachineTarget
{
    /// <summary>Why the snapshot was refused; null while all is well.</summary>
    string? Error { get; }

    /// <summary>Takes the next slice of the machine's own; see <see cref="ISnapshotTarget.Accept"/>.</summary>
    bool Accept(ReadOnlyMemory<byte> slice);

    /// <summary>All slices were given: verifies them, and puts the rest of what belongs into the tree into the load.</summary>
    /// <returns>False when they are not a whole state.</returns>
    bool Complete();

    /// <summary>The machine's own record for its tree, once complete; empty for a machine without one.</summary>
    ReadOnlyMemory<byte> Meta { get; }

    /// <summary>What was completed becomes the machine's state. It cannot fail.</summary>
    void Install();
}
