namespace Atoll.Live.Loops;

/// <summary>Something that ended on another thread and has to be told on the loop.</summary>
internal interface ILoopCompletion
{
    /// <summary>Called on the loop, once.</summary>
    void Complete();
}
