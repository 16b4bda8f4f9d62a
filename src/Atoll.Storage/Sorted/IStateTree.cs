using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Storage.Sorted;

/// <summary>
/// One shard's place in a store: sorted stores by number (its sections), written and made durable together, and how far the shard's log
/// is in them. There is no log here: what was not made durable is replayed from the shard's own.
/// </summary>
public interface IStateTree
{
    /// <summary>Entries of the shard's log up to this one are in the sections; the owner says so after each that it applies.</summary>
    LogIndex Applied { get; set; }

    /// <summary>Entries of the shard's log up to this one are durable in the sections: replay starts behind it.</summary>
    LogIndex DurableApplied { get; }

    /// <summary>False while memory that waits for the disk is full: nothing more should be applied.</summary>
    bool TakesWrites { get; }

    /// <summary>
    /// Called right before what was written so far begins its way to the disk, never in the middle of a command: the owner writes what it
    /// keeps beside the sections, so that it becomes durable together with <see cref="Applied"/>.
    /// </summary>
    Action? Freezing { get; set; }

    /// <summary>
    /// Of versions up to this one only the newest is kept, from the next merge on. <see cref="HybridTime.Max"/>, the default, keeps no
    /// history; the owner moves it along behind its clock to keep a window.
    /// </summary>
    HybridTime Horizon { get; set; }

    /// <summary>One of the tree's sorted stores; the same object each time.</summary>
    /// <param name="section">Its number. Sections lie in the order of their numbers.</param>
    ISortedStore Section(byte section);

    /// <summary>Begins to build all sections anew beside those in use.</summary>
    IStateLoad BeginLoad();
}

/// <summary>
/// Builds a tree anew from records in the order of sections and keys. The tree changes over in one step, when the load is durable.
/// </summary>
public interface IStateLoad
{
    /// <summary>Calls back, now or later on the same loop, as soon as the disk has taken most of what came: who loads much waits.</summary>
    void WhenDrained(Action ready);

    /// <summary>What went wrong; null as long as nothing did.</summary>
    string? Error { get; }

    /// <summary>Takes the next record: behind the one before it, by section, then by key. Copied.</summary>
    void Put(byte section, ReadOnlySpan<byte> key, in StoredRecord record);

    /// <summary>Makes it the tree's contents.</summary>
    /// <param name="applied">Entries of the shard's log up to this one are in it.</param>
    /// <param name="at">The time that the records are of.</param>
    /// <param name="done">The end: Ok once it is durable and in use; else nothing has changed.</param>
    void Finish(LogIndex applied, HybridTime at, Action<DiskResult> done);

    /// <summary>Gives up; what was written goes.</summary>
    void Abandon();
}
