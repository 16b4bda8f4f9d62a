using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Simulation.Linearizability;

/// <summary>
/// What clients did and saw, in the order in which it happened: each invocation and each return is a moment of its own. Not thread-safe.
/// </summary>
public sealed class History
{
    private readonly List<Operation> _operations = [];
    private long _moments;

    /// <summary>All operations, by invocation.</summary>
    public IReadOnlyList<Operation> Operations => _operations;

    /// <summary>A client asks for something.</summary>
    public Operation Invoke(int client, Instant at, params IReadOnlyList<Step> steps)
    {
        Check.That(steps.Count > 0);
        Check.That(steps.All(step => (step.Kind == StepKind.Put) == (step.Value != 0)));
        var operation = new Operation(_operations.Count, client, _moments++, at, steps);
        _operations.Add(operation);
        return operation;
    }

    /// <summary>A write ended.</summary>
    /// <param name="operation">The write.</param>
    /// <param name="at">When its client heard of it.</param>
    /// <param name="outcome">How.</param>
    /// <param name="version">The version written, or in conflict; 0 when not known.</param>
    /// <param name="failedStep">Conflict: which step's condition did not hold.</param>
    public void Return(Operation operation, Instant at, OperationOutcome outcome, ulong version = 0, int failedStep = 0)
    {
        Check.That(operation.Returned == Operation.NeverReturned);
        Check.That(failedStep >= 0 && failedStep < operation.Steps.Count);
        operation.ReturnedAt = at;
        operation.Outcome = outcome;
        operation.Version = version;
        operation.FailedStep = failedStep;
        if (outcome != OperationOutcome.Unknown)
        {
            operation.Returned = _moments++;
        }
    }

    /// <summary>A write ended without effect: a record had another value than the condition of a step says.</summary>
    /// <param name="operation">The write.</param>
    /// <param name="at">When its client heard of it.</param>
    /// <param name="failedStep">Which step's condition did not hold.</param>
    /// <param name="foundValue">The value that was there; 0 for no record.</param>
    public void ReturnConflict(Operation operation, Instant at, int failedStep, long foundValue)
    {
        operation.FoundValue = foundValue;
        Return(operation, at, OperationOutcome.Conflict, failedStep: failedStep);
    }

    /// <summary>A read ended.</summary>
    public void ReturnRead(Operation operation, Instant at, params IReadOnlyList<Observation> observations)
    {
        Check.That(operation.IsRead && observations.Count == operation.Steps.Count);
        operation.Observations = observations;
        Return(operation, at, observations.All(seen => seen.Value == 0) ? OperationOutcome.NotFound : OperationOutcome.Ok);
    }
}
