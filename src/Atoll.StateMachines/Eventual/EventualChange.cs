using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Eventual;

/// <summary>Something that the owner of a replica keeps beside the rows; not part of the data that replicas compare.</summary>
/// <param name="Key">Its key; at most <see cref="Foundation.Limits.KeyBytesMax"/> bytes, at least one.</param>
/// <param name="Value">Its value; empty removes it.</param>
public readonly record struct Note(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);

/// <summary>
/// One step of an eventual replica: all of it happens, and becomes durable, together. In this order: everything goes if it is a truncation;
/// the horizon moves on; the version is merged; the notes are kept.
/// </summary>
public readonly record struct EventualChange
{
    /// <summary>A step that does nothing.</summary>
    public EventualChange()
    {
    }

    /// <summary>What is merged into the rows; empty for nothing. It may not be cut (<see cref="RowsVersion.IsComplete"/>).</summary>
    public ReadOnlyMemory<byte> Version { get; init; }

    /// <summary>
    /// Where the horizon moves when it is later than where it is. What it allows to drop goes in the time after; deletions in the version
    /// that it allows to drop are ignored.
    /// </summary>
    public HybridTime Horizon { get; init; }

    /// <summary>Notes to keep or to remove, the later of one key counting.</summary>
    public IReadOnlyList<Note> Notes { get; init; } = [];

    /// <summary>Every row goes, whatever its timestamp. Notes and horizon stay.</summary>
    public bool Truncates { get; init; }
}
