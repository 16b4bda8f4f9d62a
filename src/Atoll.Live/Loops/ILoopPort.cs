namespace Atoll.Live.Loops;

/// <summary>A part of the world that belongs to one loop and takes part in its rhythm.</summary>
internal interface ILoopPort
{
    /// <summary>True when nothing is under way: a loop that stops waits for this, so that its last writes and messages leave.</summary>
    bool IsQuiet { get; }

    /// <summary>A batch of events has been handled: what was gathered meanwhile may leave.</summary>
    void EndBatch();
}
