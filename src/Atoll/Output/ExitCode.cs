using Atoll.Services.Errors;

namespace Atoll.Output;

/// <summary>How the program ends; documented in docs/cli.md and in the help, and never renumbered.</summary>
public static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>Failed in a way that has no number of its own.</summary>
    public const int Failed = 1;

    /// <summary>The command line, or a file that it names, is wrong.</summary>
    public const int Usage = 2;

    /// <summary>A condition on a version did not hold; nothing was changed.</summary>
    public const int Conflict = 3;

    /// <summary>There is no such record, space, node or shard.</summary>
    public const int NotFound = 4;

    /// <summary>The cluster cannot be reached, or is overloaded: the same command may succeed later.</summary>
    public const int Unavailable = 5;

    /// <summary>A write may or may not have taken effect.</summary>
    public const int OutcomeUnknown = 6;

    /// <summary>The cluster refused the request for good.</summary>
    public const int Refused = 7;

    /// <summary>The access token is missing or wrong, or the node's certificate is not trusted.</summary>
    public const int Unauthenticated = 8;

    /// <summary>A bar that was asked for (of a benchmark or a check) was missed.</summary>
    public const int BarMissed = 9;

    /// <summary>Something in a data folder is damaged (10 to 13 are those of the simulator).</summary>
    public const int Damaged = 14;

    /// <summary>Interrupted by the user.</summary>
    public const int Interrupted = 130;

    /// <summary>The end that an error of the cluster means.</summary>
    public static int Of(AtollException error) => error.Code switch
    {
        ErrorCode.Conflict => Conflict,
        ErrorCode.UnknownSpace or ErrorCode.NotFound => NotFound,
        ErrorCode.Unavailable or ErrorCode.Overloaded => Unavailable,
        ErrorCode.OutcomeUnknown => OutcomeUnknown,
        ErrorCode.Unauthenticated => Unauthenticated,
        ErrorCode.Protocol => Failed,
        _ => Refused,
    };
}

/// <summary>A command ends with an error that is told in one line.</summary>
public sealed class CommandException : Exception
{
    /// <summary>An error with the program's exit code.</summary>
    public CommandException(int exitCode, string message) : base(message) => ExitCode = exitCode;

    /// <summary>An error of usage.</summary>
    public CommandException(string message) : this(Output.ExitCode.Usage, message)
    {
    }

    /// <summary>An error without words.</summary>
    public CommandException() : this("the command failed")
    {
    }

    /// <summary>An error with a cause.</summary>
    public CommandException(string message, Exception innerException) : base(message, innerException) => ExitCode = Output.ExitCode.Failed;

    /// <summary>How the program ends.</summary>
    public int ExitCode { get; }
}
