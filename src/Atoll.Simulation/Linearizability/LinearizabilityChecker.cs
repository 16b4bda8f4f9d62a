using System.Globalization;
using System.Text;

namespace Atoll.Simulation.Linearizability;

/// <summary>What a check of a history found.</summary>
public enum LinearizabilityVerdict
{
    /// <summary>Every answer can be explained by one order of the operations that respects real time.</summary>
    Linearizable = 0,

    /// <summary>No such order exists.</summary>
    Violation = 1,

    /// <summary>The search was given up.</summary>
    Undecided = 2,
}

/// <summary>The result of a check.</summary>
/// <param name="Verdict">What was found.</param>
/// <param name="Explanation">Violation: the operations that contradict each other, a line each. Else empty.</param>
/// <param name="Operations">Operations looked at.</param>
/// <param name="Partitions">Independent groups of keys.</param>
/// <param name="States">Configurations visited.</param>
public sealed record LinearizabilityResult(
    LinearizabilityVerdict Verdict, string Explanation, int Operations, int Partitions, long States);

/// <summary>
/// Decides whether a history of records operations is linearizable (Herlihy and Wing, 1990), partition by partition.
/// </summary>
public static class LinearizabilityChecker
{
    private const int LinesMax = 24;

    /// <summary>Checks a history.</summary>
    /// <param name="history">What clients did and saw.</param>
    /// <param name="statesMax">Configurations to visit in one partition before giving up.</param>
    public static LinearizabilityResult Check(History history, long statesMax = 5_000_000)
    {
        var partitions = HistoryPartition.Split(history.Operations);
        long states = 0;
        var undecided = false;
        foreach (var partition in partitions)
        {
            var verdict = partition.IsLinearizable(long.MaxValue - 1, statesMax, null, out var visited);
            states += visited;
            if (verdict == false)
            {
                return new LinearizabilityResult(
                    LinearizabilityVerdict.Violation, Explain(partition, statesMax), history.Operations.Count, partitions.Count, states);
            }

            undecided |= verdict is null;
        }

        return new LinearizabilityResult(
            undecided ? LinearizabilityVerdict.Undecided : LinearizabilityVerdict.Linearizable,
            "",
            history.Operations.Count,
            partitions.Count,
            states);
    }

    // The shortest prefix that has no order ends with the return of the operation whose answer cannot be explained; a prefix of a
    // linearizable history is linearizable, so it is found by halving. Reads that the contradiction does not need are left out.
    private static string Explain(HistoryPartition partition, long statesMax)
    {
        var returns = partition.Operations.Where(operation => operation.Returned != Operation.NeverReturned)
            .Select(operation => operation.Returned).Order().ToArray();
        int low = 0, high = returns.Length - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (partition.IsLinearizable(returns[middle], statesMax, null, out _) == false)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        var end = returns[low];
        var culprit = partition.Operations.Single(operation => operation.Returned == end);
        var leftOut = LeaveOutReads(partition, culprit, statesMax);
        var involved = partition.Operations.Where(operation => operation.Invoked < end && !leftOut.Contains(operation.Number)).ToList();
        var shown = involved.Where(operation => Concerns(operation, culprit))
            .Concat(involved.Where(IsWithoutSuccess).TakeLast(LinesMax / 2))
            .Concat(involved.TakeLast(LinesMax))
            .Append(culprit).Distinct().OrderBy(operation => operation.Invoked).ToList();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"not linearizable: no order of steps on {string.Join(", ", partition.Keys.Take(5))}");
        text.Append(CultureInfo.InvariantCulture, $" explains the answer marked >>> ({partition.Operations.Count} operations,");
        text.Append(CultureInfo.InvariantCulture, $" {shown.Count} shown; [invoked .. returned])\n");
        foreach (var operation in shown)
        {
            text.Append(ReferenceEquals(operation, culprit) ? ">>> " : "    ").Append(operation).Append('\n');
        }

        return text.ToString();
    }

    private static HashSet<int> LeaveOutReads(HistoryPartition partition, Operation culprit, long statesMax)
    {
        var reads = partition.Operations.Where(operation => operation.IsRead && operation != culprit).Select(operation => operation.Number)
            .ToList();
        var leftOut = new HashSet<int>();
        for (var size = reads.Count; size > 0; size /= 2)
        {
            for (var start = 0; start < reads.Count; start += size)
            {
                var candidate = leftOut.Union(reads.Skip(start).Take(size)).ToHashSet();
                if (candidate.Count > leftOut.Count
                    && partition.IsLinearizable(culprit.Returned, statesMax, read => candidate.Contains(read.Number), out _) == false)
                {
                    leftOut = candidate;
                }
            }

            if (reads.Count / size > 64)
            {
                break;
            }
        }

        return leftOut;
    }

    private static bool IsWithoutSuccess(Operation operation) =>
        !operation.IsRead && operation.Outcome is OperationOutcome.Unknown or OperationOutcome.Refused;

    // Whoever wrote what the culprit saw or expected.
    private static bool Concerns(Operation operation, Operation culprit) =>
        culprit.Observations.Any(seen => seen.Value != 0 && operation.Steps.Any(step => step.Value == seen.Value))
        || (operation.Version != 0 && operation.Outcome == OperationOutcome.Ok
            && (culprit.Steps.Any(step => step.ExpectedVersion == operation.Version) || culprit.Version == operation.Version));
}
