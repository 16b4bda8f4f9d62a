using Atoll.Foundation.Time;
using Atoll.Simulation.Linearizability;

namespace Atoll.Simulation.Tests.Linearizability;

/// <summary>Writes histories down shortly: one operation after the other, or interleaved by Begin and End.</summary>
internal sealed class HistoryBuilder
{
    private long _now;

    public History History { get; } = new();

    public LinearizabilityResult Check() => LinearizabilityChecker.Check(History);

    public Operation Begin(params Step[] steps) => History.Invoke(1, Tick(), steps);

    public void End(Operation operation, OperationOutcome outcome = OperationOutcome.Ok, ulong version = 0) =>
        History.Return(operation, Tick(), outcome, version);

    public void EndGet(Operation operation, long value, ulong version = 0) =>
        History.ReturnRead(operation, Tick(), new Observation(value, version));

    public void Put(string key, long value, ulong version = 0) =>
        End(Begin(new Step(StepKind.Put, key, value)), OperationOutcome.Ok, version);

    public void Get(string key, long value, ulong version = 0) => EndGet(Begin(new Step(StepKind.Get, key)), value, version);

    public void Delete(string key, bool found) =>
        End(Begin(new Step(StepKind.Delete, key)), found ? OperationOutcome.Ok : OperationOutcome.NotFound);

    public void CompareAndSet(string key, ulong expected, long value, bool succeeds, ulong version = 0) =>
        End(
            Begin(new Step(StepKind.Put, key, value, expected)),
            succeeds ? OperationOutcome.Ok : OperationOutcome.Conflict,
            version);

    private Instant Tick() => Instant.FromMilliseconds(_now++);
}
