namespace Atoll.StateMachines;

/// <summary>Something with a name of which a <see cref="MemoryStateMachine{T}"/> keeps many.</summary>
public interface INamedState
{
    /// <summary>Its name.</summary>
    string Id { get; }

    /// <summary>When it is over, in milliseconds since 1970 of the state's time; null while it is in the middle of something.</summary>
    long? DueAt { get; }
}
