namespace Atoll.Simulation.World;

/// <summary>What kind of thing happens at an event; part of the trace, so numbers are never reused.</summary>
public enum SimEventKind : byte
{
    /// <summary>A step of a scenario or of the fault injector.</summary>
    Script = 1,

    /// <summary>A loop's tick.</summary>
    Tick = 2,

    /// <summary>A loop ends a batch of events.</summary>
    Flush = 3,

    /// <summary>A message arrives.</summary>
    Message = 4,

    /// <summary>A connection attempt ends.</summary>
    Connect = 5,

    /// <summary>A connection's death is noticed.</summary>
    Disconnect = 6,

    /// <summary>A disk operation ends.</summary>
    Disk = 7,

    /// <summary>A client does its next step.</summary>
    Client = 8,

    /// <summary>A request reaches a node, or its answer a client.</summary>
    Request = 9,

    /// <summary>A checker looks at the cluster.</summary>
    Check = 10,

    /// <summary>A node crashes; recorded, not scheduled.</summary>
    Crash = 11,

    /// <summary>A fault begins or ends; recorded, not scheduled.</summary>
    Fault = 12,
}

/// <summary>Something that happens at a moment of virtual time.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Node">The node that it happens to; 0 for the world.</param>
/// <param name="Argument">A number for the target; its meaning belongs to the target.</param>
/// <param name="PayloadHash">Stands for the payload in the trace: the same in every run of the same seed.</param>
/// <param name="Payload">An object for the target.</param>
public readonly record struct SimEvent(SimEventKind Kind, uint Node, long Argument, ulong PayloadHash, object? Payload);

/// <summary>Whom an event happens to.</summary>
public interface ISimEventTarget
{
    /// <summary>The event happens now.</summary>
    void Run(in SimEvent happening);
}
