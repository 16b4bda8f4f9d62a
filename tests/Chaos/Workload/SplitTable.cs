using System.Buffers.Binary;
using System.Globalization;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Foundation.Randomness;
using Atoll.Gateways.Cql.Messages;
using Atoll.Services.Tables;

namespace Atoll.Chaos.Tests.Workload;

/// <summary>A cell of the table.</summary>
/// <param name="Partition">Its partition.</param>
/// <param name="Row">Its row in the partition.</param>
/// <param name="Column">Its column.</param>
internal readonly record struct CellName(int Partition, int Row, char Column);

/// <summary>
/// An eventual table, and clients of single nodes that write at ONE: rows of their own, rows that others write too, deletions. What was
/// acknowledged is written down.
/// </summary>
internal sealed class SplitTable(ChaosCluster cluster) : IAsyncDisposable
{
    private const string Name = "split.cells";
    private const int SharedPartitions = 8;
    private const int SharedRows = 16;
    private const int DoomedPartition = 50;
    private const int DoomedRows = 400;
    private const int OwnPartitions = 100; // and upwards: one for each client
    private const int PageSize = 5_000;

    private static readonly char[] Columns = ['a', 'b'];
    private static readonly TimeSpan ThinkTime = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan MadeBound = TimeSpan.FromSeconds(30);

    private readonly Dictionary<CellName, CellHistory> _cells = [];
    private readonly SortedDictionary<string, int> _problems = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly List<Task> _clients = [];
    private long _lastTimestamp;
    private int _lastValue;
    private volatile bool _isStopping;

    /// <summary>Statements that were acknowledged, by the node that took them.</summary>
    public SortedDictionary<int, int> Acknowledged { get; } = [];

    /// <summary>Statements whose end nobody knows.</summary>
    public int Unknown { get; private set; }

    /// <summary>Cells whose last acknowledged write is a deletion.</summary>
    public int Deleted => _cells.Values.Count(cell => cell.IsDeleted);

    /// <summary>What went wrong, and how often.</summary>
    public IReadOnlyDictionary<string, int> Problems => _problems;

    /// <summary>Statements that a node has acknowledged.</summary>
    public int AcknowledgedBy(int node)
    {
        lock (_lock)
        {
            return Acknowledged.GetValueOrDefault(node);
        }
    }

    /// <summary>Makes the table, and fills the rows that will be deleted.</summary>
    public async Task MakeAsync()
    {
        using var caller = new CqlCaller(cluster.Nodes[0].CqlAddress);
        await SucceedsAsync(caller, "CREATE KEYSPACE IF NOT EXISTS split WITH replication = "
            + "{'class': 'SimpleStrategy', 'replication_factor': 3} AND fault_model = 'eventual'");
        await SucceedsAsync(caller, $"CREATE TABLE IF NOT EXISTS {Name} (p int, c int, a int, b int, PRIMARY KEY (p, c))");
        for (var row = 0; row < DoomedRows; row++)
        {
            var (at, timestamp) = (row, NextTimestamp());
            await Eventually.HoldsAsync("a row is written everywhere", MadeBound, async () =>
                (await WriteAsync(caller, 0, Update(DoomedPartition, at, 'a', at, timestamp), CqlConsistency.All,
                    [(new CellName(DoomedPartition, at, 'a'), at)], timestamp)) == CallOutcome.Done);
        }
    }

    /// <summary>Starts clients that write to a node and to no other, until <see cref="StopAsync"/>.</summary>
    /// <param name="node">The node, from 0.</param>
    /// <param name="clients">How many.</param>
    /// <param name="side">Of those rows that are deleted by one side only, which are deleted here: 0 or 1.</param>
    /// <param name="prng">What they do.</param>
    public void StartClients(int node, int clients, int side, Prng prng)
    {
        for (var i = 0; i < clients; i++)
        {
            var (number, own) = (OwnPartitions + _clients.Count, prng.Fork());
            _clients.Add(Task.Run(() => RunAsync(node, number, side, own)));
        }
    }

    /// <summary>Ends all clients.</summary>
    public async Task StopAsync()
    {
        _isStopping = true;
        await Task.WhenAll(_clients);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync() => await StopAsync();

    /// <summary>All cells that have a value, as one node answers; null when it does not.</summary>
    public async Task<Dictionary<CellName, int>?> ReadAsync(int node, CqlConsistency consistency)
    {
        using var caller = new CqlCaller(cluster.Nodes[node].CqlAddress);
        var cells = new Dictionary<CellName, int>();
        ReadOnlyMemory<byte> place = default;
        do
        {
            var result = await caller.AskAsync($"SELECT p, c, a, b FROM {Name}", consistency, PageSize, place);
            if (result.Response is not RowsResponse rows)
            {
                Count($"reading at {consistency}: {result.Problem}");
                return null;
            }

            foreach (var row in rows.Rows)
            {
                for (var column = 0; column < Columns.Length; column++)
                {
                    if (row[2 + column] is { } value)
                    {
                        cells.Add(new CellName(Number(row[0]), Number(row[1]), Columns[column]), Number(value));
                    }
                }
            }

            place = rows.PagingState;
        }
        while (!place.IsEmpty);
        return cells;
    }

    /// <summary>
    /// What is not as it must be: acknowledged writes that are not there, deletions that are undone, values out of nowhere.
    /// </summary>
    public IReadOnlyList<string> Judge(IReadOnlyDictionary<CellName, int> found)
    {
        int? Found(CellName name) => found.TryGetValue(name, out var value) ? value : null;
        return
        [
            .. _cells.Where(cell => !cell.Value.Allows(Found(cell.Key)))
                .Select(cell => $"{cell.Key} is {Found(cell.Key)}: {cell.Value}"),
            .. found.Keys.Where(name => !_cells.ContainsKey(name)).Select(name => $"{name} was never written"),
        ];
    }

    private static int Number(ReadOnlyMemory<byte>? bytes) => BinaryPrimitives.ReadInt32BigEndian(bytes!.Value.Span);

    private static string Update(int partition, int row, char column, int? value, long timestamp) => string.Create(
        CultureInfo.InvariantCulture,
        $"UPDATE {Name} USING TIMESTAMP {timestamp} SET {column} = {(value is { } some ? $"{some}" : "null")} "
        + $"WHERE p = {partition} AND c = {row}");

    private static string Delete(int partition, int row, long timestamp) =>
        string.Create(CultureInfo.InvariantCulture, $"DELETE FROM {Name} USING TIMESTAMP {timestamp} WHERE p = {partition} AND c = {row}");

    private static async Task SucceedsAsync(CqlCaller caller, string statement) => await Eventually.HoldsAsync(
        statement, MadeBound, async () => (await caller.AskAsync(statement, CqlConsistency.Quorum)).Outcome == CallOutcome.Done);

    private async Task RunAsync(int node, int own, int side, Prng prng)
    {
        using var caller = new CqlCaller(cluster.Nodes[node].CqlAddress);
        using var pace = new PeriodicTimer(ThinkTime);
        for (var ownRow = 0; !_isStopping; ownRow++)
        {
            await pace.WaitForNextTickAsync();
            var (partition, row) = (prng.NextInt(0, SharedPartitions - 1), prng.NextInt(0, SharedRows - 1));
            var column = prng.Pick(Columns);
            var timestamp = NextTimestamp();
            switch (prng.NextInt(0, 99))
            {
                case < 50:
                    await SetAsync(own, ownRow, column, Interlocked.Increment(ref _lastValue));
                    break;
                case < 80:
                    await SetAsync(partition, row, column, Interlocked.Increment(ref _lastValue));
                    break;
                case < 85:
                    await SetAsync(partition, row, column, null);
                    break;
                case < 90:
                    await DeleteAsync(partition, row);
                    break;
                case < 95:
                    await DeleteAsync(own, prng.NextInt(0, ownRow)); // it may be there, or never have been
                    break;
                default:
                    await DeleteAsync(DoomedPartition, (prng.NextInt(0, DoomedRows - 1) & ~1) + side);
                    break;
            }

            async Task SetAsync(int inPartition, int at, char of, int? value) => await WriteAsync(
                caller, node, Update(inPartition, at, of, value, timestamp), CqlConsistency.One,
                [(new CellName(inPartition, at, of), value)], timestamp);

            async Task DeleteAsync(int inPartition, int at) => await WriteAsync(
                caller, node, Delete(inPartition, at, timestamp), CqlConsistency.One,
                [.. Columns.Select(of => (new CellName(inPartition, at, of), default(int?)))], timestamp);
        }
    }

    private async Task<CallOutcome> WriteAsync(
        CqlCaller caller, int node, string statement, CqlConsistency consistency, (CellName Name, int? Value)[] writes, long timestamp)
    {
        var (outcome, _, problem) = await caller.AskAsync(statement, consistency);
        if (problem.Length > 0)
        {
            Count(problem);
            if (outcome == CallOutcome.Unknown)
            {
                cluster.Nodes[node].Note($"answers {statement} with {problem}");
            }
        }

        lock (_lock)
        {
            Acknowledged[node] = Acknowledged.GetValueOrDefault(node) + (outcome == CallOutcome.Done ? 1 : 0);
            Unknown += outcome == CallOutcome.Unknown ? 1 : 0;
            foreach (var (name, value) in outcome == CallOutcome.Refused ? [] : writes)
            {
                var cell = _cells.TryGetValue(name, out var known) ? known : _cells[name] = new CellHistory();
                if (outcome == CallOutcome.Done)
                {
                    cell.Acknowledged(timestamp, value);
                }
                else
                {
                    cell.Unknown(timestamp, value);
                }
            }
        }

        return outcome;
    }

    private void Count(string problem)
    {
        lock (_lock)
        {
            _problems[problem] = _problems.GetValueOrDefault(problem) + 1;
        }
    }

    // No two statements have the same, so that it is certain which of two is the later one.
    private long NextTimestamp()
    {
        lock (_lock)
        {
            var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000;
            return _lastTimestamp = Math.Max(now, _lastTimestamp + 1);
        }
    }
}
