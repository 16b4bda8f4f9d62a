namespace Atoll.Simulation.Linearizability;

/// <summary>
/// The operations on keys that no operation connects with other keys: linearizability holds for the whole exactly when it holds for each
/// partition (Herlihy and Wing, 1990: locality).
/// </summary>
internal sealed class HistoryPartition(IReadOnlyList<string> keys, IReadOnlyList<Operation> operations)
{
    private readonly Dictionary<string, int> _positions =
        keys.Select((key, position) => (key, position)).ToDictionary(item => item.key, item => item.position, StringComparer.Ordinal);

    public IReadOnlyList<string> Keys => keys;

    public IReadOnlyList<Operation> Operations => operations;

    public static List<HistoryPartition> Split(IReadOnlyList<Operation> operations)
    {
        var parent = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var operation in operations)
        {
            foreach (var step in operation.Steps)
            {
                parent.TryAdd(step.Key, step.Key);
                parent[Root(step.Key)] = Root(operation.Steps[0].Key);
            }
        }

        var keys = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var key in parent.Keys)
        {
            Group(keys, Root(key)).Add(key);
        }

        var members = new SortedDictionary<string, List<Operation>>(StringComparer.Ordinal);
        foreach (var operation in operations)
        {
            Group(members, Root(operation.Steps[0].Key)).Add(operation);
        }

        return [.. members.Select(item => new HistoryPartition(keys[item.Key], item.Value))];

        string Root(string key)
        {
            while (parent[key] != key)
            {
                key = parent[key];
            }

            return key;
        }

        static List<T> Group<T>(SortedDictionary<string, List<T>> groups, string root)
        {
            if (!groups.TryGetValue(root, out var group))
            {
                groups[root] = group = [];
            }

            return group;
        }
    }

    /// <summary>Whether an order exists for what had been invoked up to a moment; what returned later counts as not returned.</summary>
    public bool? IsLinearizable(long through, long statesMax, Func<Operation, bool>? leftOut, out long states)
    {
        var search = new PartitionSearch(Prepare(through, leftOut), keys.Count, statesMax);
        var result = search.Run();
        states = search.States;
        return result;
    }

    // Makes the search small: an unknown outcome whose value was seen has the version it was seen with; one that nobody can have noticed is
    // left out.
    private IEnumerable<ModelOperation> Prepare(long through, Func<Operation, bool>? leftOut)
    {
        var known = operations.Where(operation => operation.Invoked <= through && operation.Outcome != OperationOutcome.Refused
            && leftOut?.Invoke(operation) != true).ToList();
        var returnedOnes = known.Where(operation => operation.Returned <= through).ToList();
        var seen = new Dictionary<long, ulong>();
        foreach (var observation in returnedOnes.SelectMany(operation => operation.Observations).Where(saw => saw.Value != 0))
        {
            seen[observation.Value] = observation.Version;
        }

        // A condition that names a value, and an answer that names the one that was there instead, notice the write of it.
        foreach (var value in known.SelectMany(NoticedByConditions))
        {
            seen.TryAdd(value, 0);
        }

        var lastNotice = LastThatMayNoticeAnyWrite(known, returnedOnes, seen);
        foreach (var operation in known)
        {
            var returned = operation.Returned <= through && operation.Outcome != OperationOutcome.Unknown;
            if (!returned && (operation.IsRead || (operation.Invoked > lastNotice && IsUnnoticeable(operation, seen))))
            {
                continue;
            }

            yield return new ModelOperation
            {
                Source = operation,
                Outcome = returned ? operation.Outcome : OperationOutcome.Unknown,
                Version = returned ? operation.Version : VersionSeen(operation, seen),
                Returned = returned ? operation.Returned : Operation.NeverReturned,
                Steps =
                [
                    .. operation.Steps.Select(step => new ModelStep(
                        step.Kind,
                        _positions[step.Key],
                        step.Value,
                        step.ExpectedVersion,
                        step.ExpectedValue,
                        step.Kind == StepKind.Delete && operation.Steps.Count == 1)),
                ],
            };
        }
    }

    // A delete that found something, or a version in a conflict or condition that nobody is known to have written, may be due to any write.
    private static long LastThatMayNoticeAnyWrite(List<Operation> all, List<Operation> returned, Dictionary<long, ulong> seen)
    {
        var attributed = new HashSet<ulong>(seen.Values);
        attributed.UnionWith(returned.Where(operation => operation.Outcome == OperationOutcome.Ok).Select(operation => operation.Version));
        attributed.Remove(0);
        var byAnswer = returned.Where(operation =>
            (operation is { Outcome: OperationOutcome.Conflict, FoundValue: null } && !attributed.Contains(operation.Version))
            || (operation.Outcome == OperationOutcome.Ok && operation.Steps.Any(step => step.Kind == StepKind.Delete)));
        var byCondition = all.Where(operation =>
            operation.Steps.Any(step => step.ExpectedVersion is { } expected && expected != 0 && !attributed.Contains(expected)));
        return byAnswer.Concat(byCondition).Select(operation => operation.Returned).DefaultIfEmpty(-1).Max();
    }

    private static IEnumerable<long> NoticedByConditions(Operation operation) =>
        operation.Steps.Select(step => step.ExpectedValue ?? 0).Append(operation.FoundValue ?? 0).Where(value => value != 0);

    private static bool IsUnnoticeable(Operation operation, Dictionary<long, ulong> seen) =>
        operation.Steps.All(step => step.Kind == StepKind.Put && !seen.ContainsKey(step.Value));

    private static ulong VersionSeen(Operation operation, Dictionary<long, ulong> seen)
    {
        foreach (var step in operation.Steps)
        {
            if (step.Kind == StepKind.Put && seen.TryGetValue(step.Value, out var version))
            {
                return version;
            }
        }

        return 0;
    }
}
