using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Simulation.Tests.Linearizability;

/// <summary>The search must always agree with a deliberately simple twin that tries every order.</summary>
public sealed class SimpleTwinTests
{
    [Fact]
    public void The_search_agrees_with_trying_every_order()
    {
        var verdicts = new SortedDictionary<LinearizabilityVerdict, int>();
        for (ulong seed = 1; seed <= 1_500; seed++)
        {
            var history = RandomHistory.Generate(
                seed, 9, keys: seed % 3 == 0 ? 2 : 1, clients: 4, unknownPartsPerMillion: 150_000, falsifiedPartsPerMillion: 150_000);
            var result = LinearizabilityChecker.Check(history);
            var expected = SomeOrderExists(history) ? LinearizabilityVerdict.Linearizable : LinearizabilityVerdict.Violation;
            Assert.True(expected == result.Verdict, $"seed {seed}: {expected} but {result}\n{string.Join('\n', history.Operations)}");
            verdicts[expected] = verdicts.GetValueOrDefault(expected) + 1;
        }

        Assert.True(verdicts.Values.Min() > 100, string.Join(", ", verdicts));
    }

    [Fact]
    public void Unfalsified_histories_are_linearizable()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var history = RandomHistory.Generate(seed, operations: 400, keys: 3, clients: 6, unknownPartsPerMillion: 40_000);
            Assert.Equal(LinearizabilityVerdict.Linearizable, LinearizabilityChecker.Check(history).Verdict);
        }
    }

    private static bool SomeOrderExists(History history) =>
        history.Operations.GroupBy(operation => operation.Steps[0].Key).All(group => Explore([.. group], [], 0));

    // Takes any operation that no untaken one precedes in real time; operations that never returned may be left over.
    private static bool Explore(List<Operation> rest, Dictionary<string, (long Value, ulong Version)> map, ulong last)
    {
        if (rest.TrueForAll(operation => operation.Outcome == OperationOutcome.Unknown))
        {
            return true;
        }

        var firstReturn = rest.Min(operation => operation.Returned);
        foreach (var operation in rest.Where(operation => operation.Invoked < firstReturn))
        {
            var step = operation.Steps[0];
            var exists = map.TryGetValue(step.Key, out var record);
            var known = operation.Outcome != OperationOutcome.Unknown;
            var version = operation.Version;
            var others = rest.Where(other => other != operation).ToList();
            if (step.Kind == StepKind.Get)
            {
                var seen = known ? operation.Observations[0] : default;
                if (known && seen.Value == record.Value
                    && (seen.Version == 0 || record.Version == 0 || seen.Version == record.Version)
                    && Explore(others, Learned(map, step.Key, seen), Math.Max(last, seen.Version)))
                {
                    return true;
                }

                continue;
            }

            var mayHold = step.ExpectedVersion is not { } expected
                || (expected == 0 ? !exists : exists && (record.Version == 0 || record.Version == expected));
            var mayFail = step.ExpectedVersion is { } wanted && (wanted == 0 ? exists : !exists || record.Version != wanted);
            if (operation.Outcome == OperationOutcome.Conflict)
            {
                var mayBeIt = version == 0 || (exists && (record.Version == 0 || record.Version == version));
                if (mayFail && mayBeIt && Explore(others, map, last))
                {
                    return true;
                }
            }
            else if (operation.Outcome == OperationOutcome.NotFound)
            {
                if (!exists && Explore(others, map, last))
                {
                    return true;
                }
            }
            else if (mayHold && (!known || step.Kind != StepKind.Delete || exists) && (version == 0 || version > last))
            {
                var next = new Dictionary<string, (long, ulong)>(map, StringComparer.Ordinal);
                if (step.Kind == StepKind.Put)
                {
                    next[step.Key] = (step.Value, version);
                }
                else
                {
                    next.Remove(step.Key);
                }

                if (Explore(others, next, Math.Max(last, version)))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static Dictionary<string, (long Value, ulong Version)> Learned(
        Dictionary<string, (long Value, ulong Version)> map, string key, Observation seen) =>
        seen.Version == 0 ? map : new(map, StringComparer.Ordinal) { [key] = (seen.Value, seen.Version) };
}
