using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Rows;
using CounterValue = Atoll.StateMachines.Rows.CounterValue;

namespace Atoll.Simulation.Workloads;

/// <summary>One operation of a write: what is done, and to which cells.</summary>
/// <param name="Operation">The operation, without a timestamp.</param>
/// <param name="Cells">The cells, by <see cref="EventualRecorder.CellOf"/>.</param>
/// <param name="Number">The number of the value; 0 for a deletion.</param>
internal readonly record struct EventualPart(RowOperation Operation, IReadOnlyList<string> Cells, long Number);

/// <summary>
/// Does a client's operations on rows of an eventual space, at any consistency level, and has what the client saw checked: cell by cell,
/// by timestamps.
/// </summary>
internal sealed class EventualRecorder(SpaceId space, int replicas)
{
    private const uint SmallColumn = 1;
    private const uint LargeColumn = 2;
    private const uint SingleColumn = 3;
    private const uint CounterColumn = 7;
    private const uint ExpiringColumn = 8;
    private const string CounterPartition = "counters";

    private static readonly uint[] Columns = [SmallColumn, LargeColumn, SingleColumn];

    private long _lastNumber;

    public CellChecker Cells { get; } = new(replicas);

    public BitCounterChecker Counters { get; } = new();

    public long Succeeded { get; private set; }

    /// <summary>Whether all replicas are known to have the same: every read sees all that was ever acknowledged.</summary>
    public bool IsConverged { get; private set; }

    /// <summary>All replicas have the same.</summary>
    /// <param name="hintsThrough">Hints of writes through this time have been delivered; zero when some may have been lost.</param>
    public void Converged(HybridTime hintsThrough)
    {
        IsConverged = true;
        Cells.Delivered(hintsThrough);
    }

    public long NewNumber() => ++_lastNumber;

    /// <summary>A cell's name.</summary>
    public static string CellOf(string partition, string row, uint column) => $"{partition}/{row}/{column}";

    /// <summary>All cells of a row.</summary>
    public static IEnumerable<string> CellsOf(string partition, string row) => Columns.Select(column => CellOf(partition, row, column));

    /// <summary>Writes two cells of a row, which nobody must ever see parted.</summary>
    public EventualPart WriteRow(string partition, string row, int bytes)
    {
        var number = NewNumber();
        IReadOnlyList<CellWrite> cells =
        [
            CellWrite.Put(SmallColumn, NumberedValue.Make(number, bytes)),
            CellWrite.Put(LargeColumn, NumberedValue.Make(long.MaxValue - number, bytes)),
        ];
        var operation = IsStatic(row)
            ? RowOperation.UpsertStatic(cells)
            : RowOperation.Upsert(RowsRequests.Bytes(row), cells, writesMarker: number % 2 == 0);
        return new EventualPart(operation, [CellOf(partition, row, SmallColumn), CellOf(partition, row, LargeColumn)], number);
    }

    /// <summary>Writes one cell of a row.</summary>
    public EventualPart WriteCell(string partition, string row, int bytes)
    {
        var number = NewNumber();
        IReadOnlyList<CellWrite> cells = [CellWrite.Put(SingleColumn, NumberedValue.Make(number, bytes))];
        return new EventualPart(
            IsStatic(row) ? RowOperation.UpsertStatic(cells) : RowOperation.Upsert(RowsRequests.Bytes(row), cells),
            [CellOf(partition, row, SingleColumn)],
            number);
    }

    /// <summary>Deletes one cell of a row.</summary>
    public static EventualPart DeleteCell(string partition, string row)
    {
        IReadOnlyList<CellWrite> cells = [CellWrite.Delete(SingleColumn)];
        return new EventualPart(
            IsStatic(row) ? RowOperation.UpsertStatic(cells) : RowOperation.Upsert(RowsRequests.Bytes(row), cells),
            [CellOf(partition, row, SingleColumn)],
            0);
    }

    /// <summary>Deletes a row.</summary>
    public static EventualPart DeleteRow(string partition, string row) => new(
        IsStatic(row) ? RowOperation.DeleteStatic() : RowOperation.DeleteRow(RowsRequests.Bytes(row)), [.. CellsOf(partition, row)], 0);

    /// <summary>Deletes a range of rows, or all of the partition.</summary>
    public static EventualPart DeleteMany(string partition, RowOperation deletion, IReadOnlyList<string> rows) =>
        new(deletion, [.. rows.SelectMany(row => CellsOf(partition, row))], 0);

    /// <summary>Writes and deletes in one partition.</summary>
    /// <param name="client">Who.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="parts">What; no cell twice.</param>
    /// <param name="level">How many replicas must have it.</param>
    /// <param name="timestampMicros">The client's own timestamp, or null for the coordinator's.</param>
    /// <param name="done">The end; gets the timestamp when it was acknowledged.</param>
    public void Write(
        SimClient client, string partition, IReadOnlyList<EventualPart> parts, ConsistencyLevel level, long? timestampMicros,
        Action<long?> done)
    {
        var attempts = parts.Select(part => Cells.Invoke(part.Cells, part.Number, timestampMicros)).ToList();
        var operations = parts.Select(part => part.Operation with { TimestampMicros = timestampMicros }).ToList();
        client.Call(At(RowsRequests.Mutate(space, partition, operations, [], RowsMutation.GraceSecondsDefault), level), result =>
        {
            long? acknowledged = null;
            if (EndsWell(result))
            {
                var stamp = ParseMutation(result).Version;
                acknowledged = timestampMicros ?? MicrosOf(stamp);
                foreach (var attempt in attempts)
                {
                    Cells.Acknowledge(attempt, CopiesOf(level), acknowledged.Value, stamp, isOnly: result.Attempts == 1);
                }
            }
            else
            {
                attempts.ForEach(attempt => attempt.IsRefused = !result.MayHaveTakenEffect);
            }

            done(acknowledged);
        });
    }

    /// <summary>Reads rows of a partition, page by page.</summary>
    /// <param name="client">Who.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="range">The rows.</param>
    /// <param name="rows">Their names, in order, the static row's last.</param>
    /// <param name="level">How many replicas are asked.</param>
    /// <param name="pageRows">Rows of a page; 0 for as many as there are.</param>
    /// <param name="done">The end; gets the highest timestamp of the last page, long.MinValue for none.</param>
    public void Read(
        SimClient client, string partition, ClusteringRange range, IReadOnlyList<string> rows, ConsistencyLevel level, int pageRows,
        Action<CallResult, long> done)
    {
        var copies = CopiesOf(level);
        NextPage(rows, default);

        void NextPage(IReadOnlyList<string> left, ReadOnlyMemory<byte> resumeAfter)
        {
            var least = left.SelectMany(row => CellsOf(partition, row))
                .ToDictionary(cell => cell, cell => Cells.Least(cell, IsConverged ? replicas : copies), StringComparer.Ordinal);
            var selection = new RowsSelection { Range = range, RowsMax = pageRows, ResumeAfter = resumeAfter };
            client.Call(At(RowsRequests.Read(space, partition, selection), level), result =>
            {
                if (!EndsWell(result))
                {
                    done(result, long.MinValue);
                    return;
                }

                var page = ParsePage(result);
                var notYet = CheckPage(page, partition, left, copies, least, $"client {client.Id:x}, at {level},");
                if (page.HasMore)
                {
                    NextPage(notYet, page.ResumeAfter);
                }
                else
                {
                    done(result, page.Partitions.SelectMany(static part => part.Rows)
                        .Select(static row => row.Row.HighestTimestampMicros).DefaultIfEmpty(long.MinValue).Max());
                }
            });
        }
    }

    /// <summary>Adds the next power of two to a counter; false when it has had all.</summary>
    public bool TryIncrement(SimClient client, string name, ConsistencyLevel level, Action done)
    {
        var delta = Counters.Invoke(name);
        if (delta == 0)
        {
            return false;
        }

        var operation = RowOperation.Upsert(RowsRequests.Bytes(name), [CellWrite.Increment(CounterColumn, delta)]);
        var request = RowsRequests.Mutate(space, CounterPartition, [operation], [], RowsMutation.GraceSecondsDefault);
        client.Call(At(request, level), result =>
        {
            if (EndsWell(result))
            {
                ParseMutation(result);
                Counters.Acknowledge(name, delta, IsQuorum(level));
            }
            else if (!result.MayHaveTakenEffect)
            {
                Counters.Refuse(name, delta);
            }

            done();
        });
        return true;
    }

    /// <summary>Reads a counter.</summary>
    public void ReadCounter(SimClient client, string name, ConsistencyLevel level, Action<CallResult> done)
    {
        var isQuorum = IsQuorum(level);
        var least = Counters.Least(name, isQuorum, IsConverged);
        var range = ClusteringRange.Of(RowsRequests.Bytes(name));
        client.Call(At(RowsRequests.Read(space, CounterPartition, range), level), result =>
        {
            if (EndsWell(result))
            {
                var sum = ParsePage(result).Partitions.SelectMany(static partition => partition.Rows)
                    .Sum(static row => row.Row.TryGetCell(CounterColumn, default, out var cell) ? CounterValue.Sum(cell.Value) : 0);
                Counters.Check(name, sum, least, isQuorum);
            }

            done(result);
        });
    }

    /// <summary>A write with a time to live, and a look at it.</summary>
    public void ExpiringPut(
        SimClient client, string row, int timeToLiveSeconds, ConsistencyLevel level, ConsistencyLevel readLevel, Action done)
    {
        var value = NumberedValue.Make(NewNumber(), 20);
        var operation = RowOperation.Upsert(RowsRequests.Bytes(row), [CellWrite.Put(ExpiringColumn, value, timeToLiveSeconds)]);
        client.Call(At(RowsRequests.Mutate(space, "expiring", [operation], [], RowsMutation.GraceSecondsDefault), level), _ =>
            client.Call(At(RowsRequests.Read(space, "expiring", ClusteringRange.All), readLevel), result =>
            {
                if (EndsWell(result))
                {
                    CheckUnexpired(ParsePage(result));
                }

                done();
            }));
    }

    /// <summary>Sees to it that a timestamp that a read showed is below that of a write which the same node takes after it.</summary>
    public static void CheckLater(long readMicros, long writtenMicros, SimNode node)
    {
        if (writtenMicros <= readMicros)
        {
            throw new SafetyViolationException(
                $"n{node.Id} had shown a value of {readMicros} us, and gave a later write {writtenMicros} us: it is hidden");
        }
    }

    /// <summary>How many replicas an operation at a level reaches at least.</summary>
    public int CopiesOf(ConsistencyLevel level) => level switch
    {
        ConsistencyLevel.All => replicas,
        ConsistencyLevel.Quorum or ConsistencyLevel.LocalQuorum or ConsistencyLevel.EachQuorum => (replicas / 2) + 1,
        ConsistencyLevel.Two => 2,
        ConsistencyLevel.Three => 3,
        ConsistencyLevel.Any => 0, // a hint is none, and is lost with its disk
        _ => 1,
    };

    private bool IsQuorum(ConsistencyLevel level) => CopiesOf(level) * 2 > replicas;

    private static bool IsStatic(string row) => row == RowsRecorder.StaticRow;

    private static Request At(Request request, ConsistencyLevel level) => request with { Consistency = new RequestConsistency(level) };

    // A coordinator's timestamps order as its hybrid times do.
    private static long MicrosOf(HybridTime version) => (version.UnixMilliseconds * 1000) + Math.Min(version.Logical, 999);

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

    // Returns the rows that later pages may have.
    private List<string> CheckPage(
        RowsPage page, string partition, IReadOnlyList<string> rows, int copies, Dictionary<string, CellChecker.Floor> least, string who)
    {
        var found = page.Partitions.SelectMany(static part => part.Rows).ToDictionary(
            static row => Encoding.UTF8.GetString(row.Clustering.Span), static row => row.Row, StringComparer.Ordinal);

        // A page may end behind rows that it does not show.
        var last = found.Keys.Append(LastLookedAt(page)).Max(StringComparer.Ordinal);
        var notYet = new List<string>();
        foreach (var row in rows)
        {
            var isPast = !page.HasMore || (IsStatic(row) ? page.Partitions.Count > 0 : string.CompareOrdinal(row, last) <= 0);
            if (!isPast)
            {
                notYet.Add(row);
                continue;
            }

            var data = IsStatic(row)
                ? page.Partitions.Count > 0 ? page.Partitions[0].Static : RowData.Empty
                : found.GetValueOrDefault(row) ?? RowData.Empty;
            foreach (var column in Columns)
            {
                var cell = CellOf(partition, row, column);
                Cells.Check(cell, copies, least[cell], SeenIn(data, column), who);
            }

            CheckIsolation(data, CellOf(partition, row, SmallColumn), who);
        }

        if (found.Keys.Except(rows).FirstOrDefault() is { } unknown)
        {
            throw new SafetyViolationException($"{who} was shown row {unknown} of {partition}, which is not of this page, or nobody wrote");
        }

        return notYet;
    }

    // The row behind which the next page begins; null when that is before all rows.
    private static string? LastLookedAt(RowsPage page) =>
        RowsResume.TryRead(page.ResumeAfter, out var resume) && resume.TryGetRow(out var clustering)
            ? Encoding.UTF8.GetString(clustering.Span)
            : null;

    private static SeenCell? SeenIn(RowData row, uint column)
    {
        if (!row.TryGetCell(column, default, out var cell))
        {
            return null;
        }

        // The larger column's values descend as the other's ascend, so that a tie is not won by the same write in both.
        var number = NumberedValue.Read(cell.Value.Span);
        return new SeenCell(column == LargeColumn ? long.MaxValue - number : number, cell.TimestampMicros);
    }

    // Museum, row 27: the two cells that are always written together are of one write.
    private static void CheckIsolation(RowData row, string cell, string who)
    {
        var (small, large) = (SeenIn(row, SmallColumn), SeenIn(row, LargeColumn));
        if (small?.Number != large?.Number || (small is null && !row.Liveness.IsNone))
        {
            throw new SafetyViolationException(
                $"{who} read a row of which one write did only a part: {cell} is {small?.Number}, its neighbour {large?.Number}");
        }
    }

    private static RowsPage ParsePage(CallResult result) =>
        RowsResultCodec.TryReadPage(result.Response.Body, out var page) && page.Status == RowsStatus.Ok
            ? page
            : throw new SafetyViolationException($"a read has an answer that cannot be read ({page.Status}: {page.Detail})");

    private static MutationResult ParseMutation(CallResult result) =>
        RowsResultCodec.TryReadMutation(result.Response.Body, out var mutation) && mutation.Status == RowsStatus.Ok
            ? mutation
            : throw new SafetyViolationException($"a valid command was answered {mutation.Status}: {mutation.Detail}");

    private bool EndsWell(CallResult result)
    {
        var isSuccess = ProvingCalls.IsSuccess(result);
        Succeeded += isSuccess ? 1 : 0;
        return isSuccess;
    }
}
