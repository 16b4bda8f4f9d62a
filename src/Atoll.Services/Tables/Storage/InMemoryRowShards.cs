using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.StateMachines;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Storage;

/// <summary>
/// Tables in the memory of this process, one shard each, behind the same state machine as those of a cluster: for tests of what is executed
/// against rows. Thread-safe.
/// </summary>
/// <param name="time">The clock that rows expire by.</param>
public sealed class InMemoryRowShards(TimeProvider time) : IRowShards
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Table> _tables = new(StringComparer.Ordinal);

    /// <inheritdoc />
    public ValueTask CreateAsync(RowSpaceOptions options, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_tables.TryGetValue(options.Table, out var known) && known.Options != options)
            {
                throw new AtollException(ErrorCode.SpaceExists, $"a space '{options.Table}' exists with other options");
            }

            _tables.TryAdd(options.Table, new Table(options));
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask<bool> DropAsync(string table, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return new ValueTask<bool>(_tables.Remove(table));
        }
    }

    /// <inheritdoc />
    public ValueTask TruncateAsync(string table, CancellationToken cancellationToken)
    {
        Apply(table, RowsCommand.WriteTruncate);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask<MutationResult> MutateAsync(
        string table, RowsMutation mutation, RowCallOptions options, CancellationToken cancellationToken) =>
        new(RowResponses.Mutation(Apply(table, writer => RowsCommand.WriteMutate(writer, mutation))));

    /// <inheritdoc />
    public ValueTask<RowsPage> ReadPartitionAsync(
        string table, PartitionRead read, RowCallOptions options, CancellationToken cancellationToken) =>
        new(RowResponses.Page(Read(table, writer => RowsQuery.WritePartition(writer, read))));

    /// <inheritdoc />
    public ValueTask<RowsPage> ReadRangeAsync(
        string table, TokenRangeRead read, RowCallOptions options, CancellationToken cancellationToken) =>
        new(RowResponses.Page(Read(table, writer => RowsQuery.WriteTokenRange(writer, read))));

    /// <inheritdoc />
    public ValueTask<RowsStats> CountAsync(string table, CancellationToken cancellationToken) =>
        new(RowResponses.Stats(Read(table, RowsQuery.WriteStats)));

    private byte[] Apply(string table, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        var command = writer.ToArray();
        var fault = RowsCommand.Validate(command, 0, ulong.MaxValue, new RecordLimits(Limits.KeyBytesMax, Limits.ValueBytesMax));
        if (!fault.IsNone)
        {
            throw fault.Kind == CommandFaultKind.TooLarge ? new TooLargeException(fault.Detail) : new InvalidRequestException(fault.Detail);
        }

        lock (_lock)
        {
            var result = new WireWriter();
            Find(table).Apply(command, time.GetUtcNow().ToUnixTimeMilliseconds(), result);
            return result.ToArray();
        }
    }

    private byte[] Read(string table, Action<WireWriter> write)
    {
        var query = new WireWriter();
        write(query);
        lock (_lock)
        {
            var result = new WireWriter();
            Find(table).Read(query.ToArray(), time.GetUtcNow().ToUnixTimeMilliseconds(), result);
            return result.ToArray();
        }
    }

    private Table Find(string table) =>
        _tables.TryGetValue(table, out var found) ? found : throw new UnknownSpaceException($"there is no space \"{table}\"");

    private sealed class Table(RowSpaceOptions options)
    {
        private readonly RowsStateMachine _machine = new();
        private HybridTime _now;
        private LogIndex _index;

        public RowSpaceOptions Options { get; } = options;

        public void Apply(byte[] command, long unixMilliseconds, WireWriter result)
        {
            GoOn(unixMilliseconds);
            _index = _index.Next;
            _machine.Apply(new CommandContext(_now, _index), command, result);
        }

        public void Read(byte[] query, long unixMilliseconds, WireWriter result)
        {
            GoOn(unixMilliseconds);
            _machine.TryRead(query, _now, result);
        }

        private void GoOn(long unixMilliseconds)
        {
            var clock = HybridTime.FromUnixMilliseconds(unixMilliseconds);
            _now = clock > _now ? clock : new HybridTime(_now.Value + 1);
        }
    }
}
