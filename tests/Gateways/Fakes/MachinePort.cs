using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;

namespace Atoll.Gateways.Tests.Fakes;

/// <summary>
/// A cluster without consensus: the real state machines behind a port, applied at once, with a clock that counts. Watches linger until
/// something is written. <see cref="Disturb"/> may answer in a request's stead.
/// </summary>
internal sealed class MachinePort : IRequestPort
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ShardId, ReplicatedState> _states = [];
    private readonly Dictionary<ShardId, List<ReadOnlyMemory<byte>>> _logs = [];
    private readonly List<(Request Request, IResponseSink Sink)> _lingering = [];
    private readonly List<(Request Request, IResponseSink Sink)> _held = [];
    private readonly DirectoryStateMachine _directory = new();
    private HybridTime _now = HybridTime.FromUnixMilliseconds(1_767_225_600_000);

    /// <param name="hasZones">Whether its three nodes are in zones: z1, z2 and z3.</param>
    public MachinePort(bool hasZones = false)
    {
        var writer = new WireWriter();
        var nodes = Enumerable.Range(1, 3).Select(i => new NodeInfo(new NodeId((uint)i), new NodeDescription(
            $"n{i}", $"127.0.0.{i}:4601", $"127.0.0.{i}:4600", $"127.0.0.{i}:4680", 1, "", hasZones ? $"z{i}" : "", (ulong)i))).ToArray();
        DirectoryCommand.WriteInitCluster(writer, 42, nodes, [.. nodes.Select(node => node.Id)]);
        _states[ShardId.Directory] = new ReplicatedState(_directory, new RequestTableOptions());
        Apply(_states[ShardId.Directory], RequestIdentity.None, writer.ToArray());
    }

    /// <summary>
    /// Answers instead of the machines; the answer of null lets them. Told whether the request was applied before (in its place).
    /// </summary>
    public Func<Request, Response?>? Disturb { get; set; }

    /// <summary>Which requests wait for <see cref="Release"/>, as they do while nobody leads.</summary>
    public Func<Request, bool>? Holds { get; set; }

    /// <summary>What was asked, in order.</summary>
    public List<Request> Requests { get; } = [];

    /// <summary>The largest offset from which batches were asked for.</summary>
    public long FetchedUpTo
    {
        get
        {
            lock (_lock)
            {
                return Requests.Max(static request => request.Kind == RequestKind.Read
                    && PartitionQuery.TryReadFetch(request.Payload, out var fetch) ? fetch.Offset : 0);
            }
        }
    }

    /// <summary>The directory as it is now.</summary>
    public DirectoryView View => _directory.View;

    public HybridTime Now
    {
        get => _now;
        set => _now = value;
    }

    public void Submit(Request request, IResponseSink sink)
    {
        Response? response;
        List<(Request, IResponseSink, Response)> awakened = [];
        lock (_lock)
        {
            if (Holds?.Invoke(request) == true)
            {
                _held.Add((request, sink));
                return;
            }

            Requests.Add(request);
            response = Disturb?.Invoke(request) ?? Answer(request);
            if (request.Linger > Duration.Zero && response is { Status: ResponseStatus.Ok } quiet && IsNothing(quiet))
            {
                _lingering.Add((request, sink));
                response = null;
            }

            if (request.Kind == RequestKind.Write)
            {
                foreach (var (held, heldSink) in _lingering.ToArray())
                {
                    var news = Answer(held);
                    if (!IsNothing(news))
                    {
                        awakened.Add((held, heldSink, news));
                        _lingering.Remove((held, heldSink));
                    }
                }
            }
        }

        if (response is { } answer)
        {
            sink.Complete(request, answer);
        }

        foreach (var (held, heldSink, news) in awakened)
        {
            heldSink.Complete(held, news);
        }
    }

    /// <summary>Lets those go on that wait.</summary>
    public void Release()
    {
        Holds = null;
        foreach (var (request, sink) in _held)
        {
            Submit(request, sink);
        }

        _held.Clear();
    }

    /// <summary>Applies the request as if its answer had been lost.</summary>
    public Response Answer(Request request)
    {
        if (request.Kind == RequestKind.DirectoryView)
        {
            var writer = new WireWriter();
            _directory.View.Encode(writer);
            return new Response(ResponseStatus.Ok, writer.ToArray());
        }

        var shard = request.Shard;
        if (shard == ShardId.None)
        {
            if (!_directory.View.TryGetShard(request.Space, request.RoutingHash, out var found))
            {
                return new Response(ResponseStatus.UnknownSpace);
            }

            shard = found.Id;
        }

        if (shard != ShardId.Directory && !_directory.View.TryGetShard(shard, out _))
        {
            return new Response(ResponseStatus.UnknownSpace);
        }

        if (!_states.TryGetValue(shard, out var state))
        {
            state = _states[shard] = new ReplicatedState(
                KindOf(shard) switch
                {
                    SpaceKind.Rows => new RowsStateMachine(),
                    SpaceKind.Streams => new PartitionStateMachine(),
                    SpaceKind.Groups => new GroupsStateMachine(),
                    SpaceKind.Transactions => new TransactionsStateMachine(),
                    _ => new RecordsStateMachine(),
                },
                new RequestTableOptions());
        }

        var result = new WireWriter();
        if (request.Kind == RequestKind.Read)
        {
            _ = state.TryRead(request.Payload, result); // all of it is in memory
            var answer = state.Machine is PartitionStateMachine ? WithBatches(shard, request.Payload, result.ToArray()) : result.ToArray();
            return new Response(ResponseStatus.Ok, answer, AppliedVersion: state.Now, Shard: shard);
        }

        if (shard != ShardId.Directory && _directory.View.TryGetShard(shard, out var info)
            && Validate(request.Payload, info) is { IsNone: false } fault)
        {
            return new Response(
                fault.Kind == CommandFaultKind.TooLarge ? ResponseStatus.TooLarge : ResponseStatus.Invalid, Detail: fault.Detail);
        }

        if (state.Machine is PartitionStateMachine)
        {
            _logs.TryAdd(shard, []);
            _logs[shard].Add(PartitionCommand.BatchOf(request.Payload));
        }

        var (status, body) = Apply(state, request.Identity, request.Payload.ToArray());
        return status is ApplyStatus.Applied or ApplyStatus.Repeated
            ? new Response(ResponseStatus.Ok, body, AppliedVersion: state.Now, Shard: shard)
            : new Response(status == ApplyStatus.Expired ? ResponseStatus.RequestExpired : ResponseStatus.Invalid);
    }

    private SpaceKind KindOf(ShardId shard) =>
        _directory.View.TryGetShard(shard, out var info) && _directory.View.TryGetSpace(info.Space, out var space)
            ? space.Options.Kind : SpaceKind.Records;

    private CommandFault Validate(ReadOnlyMemory<byte> command, ShardInfo shard) => KindOf(shard.Id) switch
    {
        SpaceKind.Rows => RowsCommand.Validate(command, shard.HashLow, shard.HashHigh, RecordLimits.Default),
        SpaceKind.Streams => PartitionCommand.Validate(command),
        SpaceKind.Groups => GroupCommand.Validate(command, shard.HashLow, shard.HashHigh),
        SpaceKind.Transactions => TransactionCommand.Validate(command, shard.HashLow, shard.HashHigh),
        _ => RecordsCommand.Validate(command, shard.HashLow, shard.HashHigh, RecordLimits.Default),
    };

    // As a replica puts it together from its log.
    private byte[] WithBatches(ShardId shard, ReadOnlyMemory<byte> query, byte[] answer)
    {
        if (PartitionQuery.KindOf(query.Span) != PartitionQueryKind.Fetch || FetchPlaces.TryRead(answer) is not { } places)
        {
            return answer;
        }

        var body = new WireWriter();
        body.WriteBytes(answer);
        foreach (var place in places.Batches)
        {
            var batch = _logs[shard][(int)place.Index.Value - 1].ToArray();
            RecordBatchHeader.Place(batch, place.BaseOffset, place.LeaderEpoch);
            body.WriteRaw(batch);
        }

        return body.ToArray();
    }

    private static bool IsNothing(Response response) =>
        (RecordsResultCodec.TryReadChanges(response.Body, out var page)
            && page is { Status: RecordsStatus.Ok, Changes.Count: 0, More: false })
        || FetchedBatches.TryRead(response.Body) is { Places: { Status: PartitionStatus.Ok, Batches.Count: 0 } };

    private (ApplyStatus Status, byte[] Body) Apply(ReplicatedState state, RequestIdentity identity, byte[] command)
    {
        _now = _now.Add(Duration.FromMilliseconds(1));
        var payload = CommandEnvelope.Encode(_now, identity, command, new WireWriter());
        var result = new WireWriter();
        var status = state.Apply(
            new LogEntry(new LogIndex(state.AppliedIndex.Value + 1), new Term(1), EntryKind.Command, payload), result);
        return (status, result.ToArray());
    }
}
