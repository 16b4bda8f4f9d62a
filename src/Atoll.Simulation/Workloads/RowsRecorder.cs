using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.StateMachines.Rows;

namespace Atoll.Simulation.Workloads;

/// <summary>What a client does to one row.</summary>
/// <param name="Kind">Put or blind delete.</param>
/// <param name="Row">The row; <see cref="RowsRecorder.StaticRow"/> for the static one.</param>
/// <param name="Bytes">Put: the size of the value.</param>
/// <param name="ExpectedValue">The condition: the value that must be there, 0 for none; null for no condition.</param>
/// <param name="TimestampMicros">Put: the client's own timestamp, or null.</param>
internal readonly record struct RowStep(
    StepKind Kind, string Row, int Bytes = 0, long? ExpectedValue = null, long? TimestampMicros = null);

/// <summary>
/// Does a client's operations on rows and writes down what the client saw: into the history, where a row is a record, a deleted range or
/// partition the deletion of all its rows, and a condition on a column one on the record's value; and into the checker of counters.
/// </summary>
internal sealed class RowsRecorder(SimCluster cluster, SpaceId space, int graceSeconds)
{
    /// <summary>The name of a partition's static row.</summary>
    public const string StaticRow = "static";

    /// <summary>The names of partitions that several clients write begin with it.</summary>
    public const string SharedPrefix = "p.";

    /// <summary>The names of partitions that one client writes begin with it.</summary>
    public const string OwnPrefix = "own";

    /// <summary>The number of the client that reads when everything has ended.</summary>
    public const int LastReader = -1;

    private const uint ValueColumn = 1;
    private const uint CounterColumn = 7;
    private const uint ExpiringColumn = 8;
    private const string CounterPartition = "counters";

    private readonly SortedDictionary<string, long> _lastSeen = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _lastRead = new(StringComparer.Ordinal);
    private long _lastNumber;
    private long _aheadMicros;

    public History History { get; } = new();

    public CounterChecker Counters { get; } = new();

    public long Succeeded { get; private set; }

    /// <summary>
    /// In an eventual space: how its conditional writes and SERIAL reads are judged and kept. The versions of its answers are no order.
    /// </summary>
    public RequestConsistency? Consistency { get; set; }

    private Instant Now => cluster.Scheduler.Now;

    public long NewNumber() => ++_lastNumber;

    /// <summary>The value that any client last saw in a row, or wrote; 0 for none.</summary>
    public long LastValueSeen(string partition, string row) => _lastSeen.GetValueOrDefault(KeyOf(partition, row));

    /// <summary>The value that <see cref="LastReader"/> saw in a row, 0 for none; false when it has not read it.</summary>
    internal bool TryGetLastRead(string key, out long value) => _lastRead.TryGetValue(key, out value);

    /// <summary>
    /// A timestamp an hour ahead of everything that clients have seen of the shards' time, and far enough above all such ones before that
    /// later writes without a timestamp, which the shard puts right above those, stay below it.
    /// </summary>
    public long NextAheadMicros() => _aheadMicros += 1_000_000;

    /// <summary>Writes and deletes of rows of one partition, in one step.</summary>
    public void Write(SimClient client, int number, string partition, IReadOnlyList<RowStep> steps, Action done)
    {
        var history = new List<Step>();
        var operations = new List<RowOperation>();
        var conditions = new List<RowCondition>();
        var conditional = new List<int>();
        foreach (var step in steps)
        {
            var value = step.Kind == StepKind.Put ? NewNumber() : 0;
            if (step.ExpectedValue is { } expected)
            {
                conditional.Add(history.Count);
                conditions.Add(ConditionOf(step, expected));
            }

            history.Add(new Step(step.Kind, KeyOf(partition, step.Row), value, ExpectedValue: step.ExpectedValue));
            operations.Add(OperationOf(step, value));
        }

        Send(client, number, partition, history, operations, conditions, conditional, done);
    }

    /// <summary>Deletes a range of rows, or the whole partition.</summary>
    public void DeleteMany(
        SimClient client, int number, string partition, RowOperation deletion, IReadOnlyList<string> rows, Action done) =>
        Send(
            client, number, partition, [.. rows.Select(row => new Step(StepKind.BlindDelete, KeyOf(partition, row)))], [deletion], [], [],
            done);

    /// <summary>A linearizable read of rows of a partition, at one moment.</summary>
    public void Read(
        SimClient client, int number, string partition, ClusteringRange range, IReadOnlyList<string> rows, Action<CallResult> done)
    {
        var operation = History.Invoke(number, Now, [.. rows.Select(row => new Step(StepKind.Get, KeyOf(partition, row)))]);
        client.Call(RowsRequests.Read(space, partition, range) with { Consistency = Consistency }, result =>
        {
            // A page that was cut short is not one moment; values this large are rare.
            if (EndsWell(result) && ParsePage(result) is { HasMore: false } page)
            {
                var seen = rows.Select(row => new Observation(ValueOf(page, row))).ToArray();
                for (var i = 0; i < rows.Count; i++)
                {
                    _lastSeen[KeyOf(partition, rows[i])] = seen[i].Value;
                    if (number == LastReader)
                    {
                        _lastRead[KeyOf(partition, rows[i])] = seen[i].Value;
                    }
                }

                History.ReturnRead(operation, Now, seen);
            }

            done(result);
        });
    }

    /// <summary>Adds to a counter.</summary>
    public void Increment(SimClient client, string name, long delta, Action done)
    {
        Counters.Invoke(name, delta);
        var operation = RowOperation.Upsert(RowsRequests.Bytes(name), [CellWrite.Increment(CounterColumn, delta)]);
        client.Call(RowsRequests.Mutate(space, CounterPartition, [operation], [], graceSeconds), result =>
        {
            if (EndsWell(result) && ParseMutation(result).IsApplied)
            {
                Counters.Acknowledge(name, delta);
            }
            else if (!result.MayHaveTakenEffect)
            {
                Counters.Refuse(name, delta);
            }

            done();
        });
    }

    /// <summary>Reads a counter.</summary>
    public void ReadCounter(SimClient client, string name, Action<CallResult> done)
    {
        var least = Counters.LeastNow(name);
        client.Call(RowsRequests.Read(space, CounterPartition, ClusteringRange.Of(RowsRequests.Bytes(name))), result =>
        {
            if (EndsWell(result))
            {
                var sum = ParsePage(result).Partitions.SelectMany(static partition => partition.Rows)
                    .Sum(static row => row.Row.TryGetCell(CounterColumn, default, out var cell) ? CounterValue.Sum(cell.Value) : 0);
                Counters.Check(name, sum, least);
            }

            done(result);
        });
    }

    /// <summary>A write with a time to live, and a look at it.</summary>
    public void ExpiringPut(SimClient client, string row, int timeToLiveSeconds, Action done)
    {
        var value = NumberedValue.Make(NewNumber(), 20);
        var operation = RowOperation.Upsert(RowsRequests.Bytes(row), [CellWrite.Put(ExpiringColumn, value, timeToLiveSeconds)]);
        client.Call(RowsRequests.Mutate(space, "expiring", [operation], [], graceSeconds), _ =>
            client.Call(RowsRequests.Read(space, "expiring", ClusteringRange.All), result =>
            {
                if (EndsWell(result))
                {
                    CheckUnexpired(ParsePage(result));
                }

                done();
            }));
    }

    private static void CheckUnexpired(RowsPage page)
    {
        foreach (var cell in page.Partitions.SelectMany(static p => p.Rows).SelectMany(static row => row.Row.Cells))
        {
            NumberedValue.Read(cell.Value.Span);
            if (cell.Kind != CellKind.Expiring || cell.TimeMilliseconds <= page.AsOf.UnixMilliseconds)
            {
                throw new SafetyViolationException($"a cell was read at {page.AsOf} although it expired at {cell.TimeMilliseconds} ms");
            }
        }
    }

    /// <summary>The name of a row in the history; null for one that the history does not look at.</summary>
    internal static string? NameOf(RowImage row)
    {
        var partition = Encoding.UTF8.GetString(row.PartitionKey.Span);
        return partition.StartsWith(OwnPrefix, StringComparison.Ordinal) || partition.StartsWith(SharedPrefix, StringComparison.Ordinal)
            ? KeyOf(partition, row.IsStatic ? StaticRow : Encoding.UTF8.GetString(row.Clustering.Span)) : null;
    }

    /// <summary>The partition of a row of the history.</summary>
    internal static string PartitionOf(string name) => name[..name.IndexOf('/', StringComparison.Ordinal)];

    /// <summary>Whether a client writes the row with timestamps of its own.</summary>
    internal static bool MayBeAhead(string name) => name.StartsWith(OwnPrefix, StringComparison.Ordinal);

    private static string KeyOf(string partition, string row) => $"{partition}/{row}";

    private static RowCondition ConditionOf(in RowStep step, long expected)
    {
        var isStatic = step.Row == StaticRow;
        var clustering = isStatic ? default(ReadOnlyMemory<byte>) : RowsRequests.Bytes(step.Row);
        if (expected == 0)
        {
            return RowCondition.NotExists(clustering) with { IsStatic = isStatic };
        }

        // The number stands at the beginning of the value, and what follows from it may be of any length.
        return RowCondition.Cell(
            clustering, ValueColumn, CellComparison.Equal, [NumberedValue.Make(expected, NumberedValue.BytesMin)]) with
        {
            IsStatic = isStatic,
            Path = NumberPath,
        };
    }

    // A row's value is an element of a collection of two: the number alone, for conditions, and the numbered bytes, for their size.
    private static ReadOnlyMemory<byte> NumberPath { get; } = new byte[] { 1 };

    private static ReadOnlyMemory<byte> BytesPath { get; } = new byte[] { 2 };

    private static RowOperation OperationOf(in RowStep step, long value)
    {
        var isStatic = step.Row == StaticRow;
        var clustering = isStatic ? default(ReadOnlyMemory<byte>) : RowsRequests.Bytes(step.Row);
        if (step.Kind != StepKind.Put)
        {
            return isStatic ? RowOperation.DeleteStatic() : RowOperation.DeleteRow(clustering);
        }

        IReadOnlyList<CellWrite> cells =
        [
            CellWrite.Put(ValueColumn, NumberedValue.Make(value, NumberedValue.BytesMin), 0, NumberPath),
            CellWrite.Put(ValueColumn, NumberedValue.Make(value, step.Bytes), 0, BytesPath),
        ];
        var upsert = isStatic ? RowOperation.UpsertStatic(cells) : RowOperation.Upsert(clustering, cells, writesMarker: value % 2 == 0);
        return upsert with { TimestampMicros = step.TimestampMicros };
    }

    // The value of a row, whose two cells must be of one write: a row is written in one step.
    internal static long ValueOf(RowData row)
    {
        var hasNumber = row.TryGetCell(ValueColumn, NumberPath.Span, out var number);
        var hasBytes = row.TryGetCell(ValueColumn, BytesPath.Span, out var bytes);
        if (hasNumber != hasBytes || (!row.IsEmpty && !hasNumber)
            || (hasNumber && NumberedValue.Read(number.Value.Span) != NumberedValue.Read(bytes.Value.Span)))
        {
            throw new SafetyViolationException("a row was read of which one write did only a part");
        }

        return hasNumber ? NumberedValue.Read(number.Value.Span) : 0;
    }

    private static long ValueOf(RowsPage page, string row)
    {
        foreach (var partition in page.Partitions)
        {
            if (row == StaticRow)
            {
                return ValueOf(partition.Static);
            }

            foreach (var found in partition.Rows)
            {
                if (Encoding.UTF8.GetString(found.Clustering.Span) == row)
                {
                    return ValueOf(found.Row);
                }
            }
        }

        return 0;
    }

    private static RowsPage ParsePage(CallResult result) =>
        RowsResultCodec.TryReadPage(result.Response.Body, out var page) && page.Status == RowsStatus.Ok
            ? page
            : throw new SafetyViolationException($"a read has an answer that cannot be read ({page.Status}: {page.Detail})");

    private static MutationResult ParseMutation(CallResult result) =>
        RowsResultCodec.TryReadMutation(result.Response.Body, out var mutation)
            && mutation.Status is RowsStatus.Ok or RowsStatus.NotApplied
            ? mutation
            : throw new SafetyViolationException($"a valid command was answered {mutation.Status}: {mutation.Detail}");

    private void Send(
        SimClient client,
        int number,
        string partition,
        List<Step> history,
        List<RowOperation> operations,
        List<RowCondition> conditions,
        List<int> conditional,
        Action done)
    {
        var operation = History.Invoke(number, Now, history);
        var request = RowsRequests.Mutate(space, partition, operations, conditions, graceSeconds) with { Consistency = Consistency };
        client.Call(request, result =>
        {
            if (!EndsWell(result))
            {
                History.Return(operation, Now, result.MayHaveTakenEffect ? OperationOutcome.Unknown : OperationOutcome.Refused);
            }
            else if (ParseMutation(result) is { IsApplied: false } refused)
            {
                var failed = conditional[refused.FailedCondition];
                var condition = conditions[refused.FailedCondition];
                var found = refused.Current.First(row => row.IsStatic == condition.IsStatic
                    && row.Clustering.Span.SequenceEqual(condition.Clustering.Span));
                _lastSeen[history[failed].Key] = ValueOf(found.Row);
                History.ReturnConflict(operation, Now, failed, ValueOf(found.Row));
            }
            else
            {
                Written(operation, ParseMutation(result).Version);
            }

            done();
        });
    }

    private void Written(Operation operation, HybridTime version)
    {
        _aheadMicros = Math.Max(_aheadMicros, (version.UnixMilliseconds + 3_600_000) * 1000);
        foreach (var step in operation.Steps)
        {
            _lastSeen[step.Key] = step.Value;
        }

        History.Return(operation, Now, OperationOutcome.Ok, Consistency is null ? version.Value : 0);
    }

    private bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }
}
