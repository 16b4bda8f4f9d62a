using System.Globalization;
using System.Text;
using Atoll.Foundation.Time;

namespace Atoll.Simulation.Linearizability;

/// <summary>What a step of an operation does to one key.</summary>
public enum StepKind : byte
{
    /// <summary>Reads the record.</summary>
    Get = 1,

    /// <summary>Writes the record.</summary>
    Put = 2,

    /// <summary>Removes the record.</summary>
    Delete = 3,

    /// <summary>Removes the record and does not tell whether there was one.</summary>
    BlindDelete = 4,
}

/// <summary>How an operation ended, as its client saw it.</summary>
public enum OperationOutcome : byte
{
    /// <summary>No answer, or "outcome unknown": it took effect once at some time after its invocation, or will, or never does.</summary>
    Unknown = 0,

    /// <summary>Done. A get found the record.</summary>
    Ok = 1,

    /// <summary>There was no record to read or to delete.</summary>
    NotFound = 2,

    /// <summary>A condition did not hold; nothing was changed.</summary>
    Conflict = 3,

    /// <summary>Refused for good, and certainly without any effect.</summary>
    Refused = 4,
}

/// <summary>One key's part in an operation.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">Put: the number that stands for the value, unique in the whole history and not 0.</param>
/// <param name="ExpectedVersion">The condition: the version that the record must have, 0 for "no record"; null for none.</param>
/// <param name="ExpectedValue">The condition: the value that the record must have, 0 for "no record"; null for none.</param>
public readonly record struct Step(
    StepKind Kind, string Key, long Value = 0, ulong? ExpectedVersion = null, long? ExpectedValue = null);

/// <summary>What a get saw of one key.</summary>
/// <param name="Value">The number that stands for the value; 0 when there was no record.</param>
/// <param name="Version">The record's version; 0 when there was no record, or when it is not known.</param>
public readonly record struct Observation(long Value, ulong Version = 0);

/// <summary>An operation of a history. All its steps happen at once.</summary>
public sealed class Operation
{
    /// <summary>The moment of operations that never returned.</summary>
    public const long NeverReturned = long.MaxValue;

    internal Operation(int number, int client, long invoked, Instant invokedAt, IReadOnlyList<Step> steps)
    {
        Number = number;
        Client = client;
        Invoked = invoked;
        InvokedAt = invokedAt;
        Steps = steps;
    }

    /// <summary>Its position in the history.</summary>
    public int Number { get; }

    /// <summary>Who asked.</summary>
    public int Client { get; }

    /// <summary>The invocation's place in the order of all invocations and returns.</summary>
    public long Invoked { get; }

    /// <summary>The return's place in that order, or <see cref="NeverReturned"/>.</summary>
    public long Returned { get; internal set; } = NeverReturned;

    /// <summary>When it was invoked, for people.</summary>
    public Instant InvokedAt { get; }

    /// <summary>When it returned, for people.</summary>
    public Instant ReturnedAt { get; internal set; } = Instant.Never;

    /// <summary>What it does.</summary>
    public IReadOnlyList<Step> Steps { get; }

    /// <summary>How it ended.</summary>
    public OperationOutcome Outcome { get; internal set; }

    /// <summary>Ok: the version that it wrote. Conflict: the version found instead. 0 when not known.</summary>
    public ulong Version { get; internal set; }

    /// <summary>Conflict: which step's condition did not hold.</summary>
    public int FailedStep { get; internal set; }

    /// <summary>Conflict: the value that was there instead, 0 for no record; null when that is not known.</summary>
    public long? FoundValue { get; internal set; }

    /// <summary>What each get step saw, in the order of the steps; empty for writes.</summary>
    public IReadOnlyList<Observation> Observations { get; internal set; } = [];

    /// <summary>True when it only reads.</summary>
    public bool IsRead => Steps.All(step => step.Kind == StepKind.Get);

    /// <summary>One line: who, what, how it ended, from when to when.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"#{Number,-5} client {Client,-3} [{InvokedAt} .. {ReturnedAt}] ");
        for (var i = 0; i < Steps.Count; i++)
        {
            var step = Steps[i];
            var expected = step.ExpectedVersion is { } version ? $" if {version}"
                : step.ExpectedValue is { } value ? $" if it is {value}" : "";
            text.Append(i == 0 ? "" : "; ").Append(step.Kind switch
            {
                StepKind.Get => $"get {step.Key}{Seen(i)}",
                StepKind.Put => $"put {step.Key} = {step.Value}{expected}",
                _ => $"delete {step.Key}{expected}",
            });
        }

        text.Append(" -> ").Append(Outcome);
        if (Version != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" at version {Version}");
        }

        return text.ToString();
    }

    private string Seen(int step) =>
        step >= Observations.Count ? ""
        : Observations[step].Value == 0 ? " saw nothing"
        : $" saw {Observations[step].Value} (version {Observations[step].Version})";
}
