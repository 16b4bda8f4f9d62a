using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Linearizability;

namespace Atoll.Simulation.Tests.Linearizability;

/// <summary>
/// Histories of clients working at once on a real (simple, sequential) map: each operation takes effect at one moment between its
/// invocation and its return, so every history is linearizable, unless an answer is falsified.
/// </summary>
internal static class RandomHistory
{
    public static History Generate(
        ulong seed, int operations, int keys, int clients, int unknownPartsPerMillion, int falsifiedPartsPerMillion = 0)
    {
        var prng = new Prng(seed);
        var history = new History();
        var map = new Dictionary<string, (long Value, ulong Version)>(StringComparer.Ordinal);
        var busy = new (Operation Operation, bool IsApplied, OperationOutcome Outcome, ulong Version, Observation Seen)?[clients];
        var late = new List<Operation>();
        ulong version = 0;
        long value = 0;
        var begun = 0;
        for (long now = 0; begun < operations || Array.Exists(busy, item => item is not null); now++)
        {
            var at = Instant.FromMilliseconds(now);
            var client = prng.NextInt(0, clients - 1);
            if (late.Count > 0 && prng.Chance(50_000))
            {
                Apply(late[^1]);
                late.RemoveAt(late.Count - 1);
            }

            if (busy[client] is not { } current)
            {
                if (begun < operations)
                {
                    begun++;
                    var key = $"k{prng.NextInt(0, keys - 1)}";
                    var known = map.TryGetValue(key, out var record) ? record.Version : 0;
                    Step step = prng.NextInt(0, 9) switch
                    {
                        < 4 => new(StepKind.Get, key),
                        < 8 => new(StepKind.Put, key, ++value),
                        8 => new(StepKind.Put, key, ++value, known),
                        _ => new(StepKind.Delete, key),
                    };
                    busy[client] = (history.Invoke(client, at, step), false, default, 0, default);
                }
            }
            else if (!current.IsApplied)
            {
                if (prng.Chance(unknownPartsPerMillion))
                {
                    history.Return(current.Operation, at, OperationOutcome.Unknown);
                    if (prng.Chance(500_000))
                    {
                        late.Add(current.Operation);
                    }

                    busy[client] = null;
                    continue;
                }

                var (outcome, written, seen) = Apply(current.Operation);
                busy[client] = (current.Operation, true, outcome, written, seen);
            }
            else
            {
                if (current.Operation.IsRead)
                {
                    var seen = prng.Chance(falsifiedPartsPerMillion)
                        ? new Observation(prng.NextInt(0, (int)Math.Max(1, value)))
                        : current.Seen;
                    history.ReturnRead(current.Operation, at, seen);
                }
                else
                {
                    history.Return(current.Operation, at, current.Outcome, current.Version);
                }

                busy[client] = null;
            }
        }

        return history;

        (OperationOutcome Outcome, ulong Version, Observation Seen) Apply(Operation operation)
        {
            var step = operation.Steps[0];
            var exists = map.TryGetValue(step.Key, out var record);
            if (step.Kind == StepKind.Get)
            {
                return (default, 0, new Observation(record.Value, record.Version));
            }

            if (step.ExpectedVersion is { } expected && expected != record.Version)
            {
                return (OperationOutcome.Conflict, record.Version, default);
            }

            version++;
            if (step.Kind == StepKind.Put)
            {
                map[step.Key] = (step.Value, version);
                return (OperationOutcome.Ok, version, default);
            }

            map.Remove(step.Key);
            return (exists ? OperationOutcome.Ok : OperationOutcome.NotFound, exists ? version : 0, default);
        }
    }
}
