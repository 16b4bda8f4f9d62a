namespace Atoll.Storage.Lsm;

/// <summary>What a cursor stands on.</summary>
internal enum CursorState : byte
{
    /// <summary>Nothing: not yet sought, or there is no such entry.</summary>
    Nowhere = 0,

    /// <summary>An entry.</summary>
    On = 1,

    /// <summary>Its last move needs a block that is not in memory: load, then resume.</summary>
    Waiting = 2,

    /// <summary>Its last move met a fault.</summary>
    Failed = 3,
}

/// <summary>
/// A position among entries, moving both ways. A move that needs what is not in memory leaves the cursor waiting; <see cref="Load"/>
/// brings it, and <see cref="Resume"/> ends the move.
/// </summary>
internal abstract class EntryCursor
{
    /// <summary>What it stands on.</summary>
    public CursorState State { get; protected set; }

    /// <summary>Why it failed.</summary>
    public StoreFault? Fault { get; protected set; }

    /// <summary>The key; valid until the next move.</summary>
    public abstract ReadOnlySpan<byte> Key { get; }

    /// <summary>The version.</summary>
    public abstract ulong Version { get; }

    /// <summary>What the entry says.</summary>
    public abstract EntryKind Kind { get; }

    /// <summary>When it expires, or 0.</summary>
    public abstract ulong ExpiresAt { get; }

    /// <summary>The value; immutable, for as long as anyone wants.</summary>
    public abstract ReadOnlyMemory<byte> Value { get; }

    /// <summary>The value; valid until the next move.</summary>
    public abstract ReadOnlySpan<byte> ValueSpan { get; }

    /// <summary>Goes to the first entry that does not come before the given one.</summary>
    public abstract void SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version);

    /// <summary>Goes to the last entry (the oldest version) of the last key before the given one.</summary>
    public abstract void SeekBefore(ReadOnlySpan<byte> key);

    /// <summary>Goes one entry on.</summary>
    public abstract void Next();

    /// <summary>Goes one entry back.</summary>
    public abstract void Previous();

    /// <summary>Brings into memory what the cursor waits for. Several ends may be one: then it still waits after resuming.</summary>
    public abstract void Load(Action done);

    /// <summary>Goes on with the move that waited.</summary>
    public abstract void Resume();

    /// <summary>Lets go of all blocks; it may not be used any more.</summary>
    public abstract void Leave();

    /// <summary>Loads and resumes until the move has ended.</summary>
    public void Complete(Action done)
    {
        if (State != CursorState.Waiting)
        {
            done();
            return;
        }

        Load(() =>
        {
            Resume();
            Complete(done);
        });
    }
}
