namespace Atoll.Simulation.Checkers;

/// <summary>A promise of the system was broken, as seen from outside.</summary>
public sealed class SafetyViolationException : Exception
{
    /// <summary>A violation, in words.</summary>
    public SafetyViolationException(string message) : base(message)
    {
    }

    /// <summary>A violation without words.</summary>
    public SafetyViolationException()
    {
    }

    /// <summary>A violation with a cause.</summary>
    public SafetyViolationException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

/// <summary>The cluster did not come back to work although nothing hindered it any more.</summary>
public sealed class StalledException : Exception
{
    /// <summary>A stall, in words.</summary>
    public StalledException(string message) : base(message)
    {
    }

    /// <summary>A stall without words.</summary>
    public StalledException()
    {
    }

    /// <summary>A stall with a cause.</summary>
    public StalledException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
