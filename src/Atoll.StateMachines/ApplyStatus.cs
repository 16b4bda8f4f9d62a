namespace Atoll.StateMachines;

/// <summary>What became of an entry when it was applied.</summary>
public enum ApplyStatus : byte
{
    /// <summary>The entry is not for the machine (an empty one, a membership).</summary>
    NoCommand = 0,

    /// <summary>The command was applied now; the result is the machine's.</summary>
    Applied = 1,

    /// <summary>The command was applied before; the result is the remembered one, and nothing changed.</summary>
    Repeated = 2,

    /// <summary>
    /// The request is older than what is remembered (or issued further ahead of the state's time than the window), so that it may have been
    /// applied already: it was not applied now. On a first attempt this means no effect; on a retry the outcome is unknown.
    /// </summary>
    Expired = 3,

    /// <summary>The table of answers is full: not applied. The same request may be sent again later.</summary>
    Overloaded = 4,

    /// <summary>The payload is not a command envelope: not applied.</summary>
    Invalid = 5,

    /// <summary>What the command needs was lost on this disk, and there is no other replica to get it from: not applied.</summary>
    Unreadable = 6,
}

/// <summary>What the request table knows about a request.</summary>
public enum RequestLookup : byte
{
    /// <summary>Nothing: it was never applied, and may be proposed.</summary>
    Unknown = 0,

    /// <summary>It was applied; the remembered result was written.</summary>
    Remembered = 1,

    /// <summary>It is older than what is remembered: see <see cref="ApplyStatus.Expired"/>.</summary>
    Expired = 2,
}
