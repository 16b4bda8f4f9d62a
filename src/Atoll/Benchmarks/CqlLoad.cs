using System.Buffers.Binary;
using System.Globalization;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Wire;
using Atoll.Output;
using Atoll.Services.Tables;

namespace Atoll.Benchmarks;

/// <summary>What callers of CQL do.</summary>
internal enum CqlLoadKind
{
    /// <summary>Only writes.</summary>
    Write,

    /// <summary>Only reads.</summary>
    Read,

    /// <summary>95 reads for 5 writes.</summary>
    Mix,

    /// <summary>Conditional writes: UPDATE ... IF EXISTS, SERIAL; the level is that of the commit.</summary>
    Lwt,
}

/// <summary>
/// Rows of one partition each, written and read by prepared statements over several connections to each node. The client is so thin that
/// what is measured is the server.
/// </summary>
internal sealed class CqlLoad : IAsyncDisposable
{
    private const int FillClients = 256;

    private readonly List<CqlLink> _links = [];
    private readonly string _table;
    private readonly int _keys;
    private readonly byte[] _value;
    private ReadOnlyMemory<byte> _write;
    private ReadOnlyMemory<byte> _read;
    private ReadOnlyMemory<byte> _lwt;
    private int _errorsTold;

    private CqlLoad(string table, int keys, int valueBytes)
    {
        (_table, _keys) = (table, keys);
        _value = new byte[valueBytes];
        new Random(1).NextBytes(_value);
    }

    /// <summary>Connects, and makes a table of a keyspace of its own.</summary>
    /// <param name="addresses">CQL addresses of the nodes to connect to.</param>
    /// <param name="connections">Connections to each of them.</param>
    /// <param name="keyspace">The keyspace's name.</param>
    /// <param name="faultModel">Its fault model.</param>
    /// <param name="replicas">Its replication factor.</param>
    /// <param name="keys">Different keys.</param>
    /// <param name="valueBytes">Bytes of a value.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<CqlLoad> CreateAsync(
        IReadOnlyList<string> addresses, int connections, string keyspace, string faultModel, int replicas, int keys, int valueBytes,
        CancellationToken cancellation)
    {
        var load = new CqlLoad(keyspace + ".rows", keys, valueBytes);
        try
        {
            for (var i = 0; i < addresses.Count * connections; i++)
            {
                load._links.Add(await CqlLink.ConnectAsync(addresses[i % addresses.Count], cancellation).ConfigureAwait(false));
            }

            var call = load._links[0].NewCall();
            await call.AskAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': {replicas}}} "
                + $"AND fault_model = '{faultModel}'")).ConfigureAwait(false);
            await call.AskAsync($"CREATE TABLE {load._table} (k bigint PRIMARY KEY, v blob)").ConfigureAwait(false);
            for (var i = 0; i < addresses.Count; i++)
            {
                await load.PrepareAsync(load._links[i].NewCall()).ConfigureAwait(false);
            }

            return load;
        }
        catch
        {
            await load.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Writes every key once, at QUORUM, in no order.</summary>
    public Task<LoadResult> FillAsync(MeasuredServers servers, Action<long> progress)
    {
        var step = FillOrder.Step(_keys);
        var calls = NewCalls(FillClients);
        return LoadMeter.FillAsync(
            FillClients, _keys,
            async (caller, i) =>
            {
                // A table that was just made may not have found its leaders.
                for (var tries = 1; !await WriteAsync(calls[caller], i * step % _keys, CqlConsistency.Quorum).ConfigureAwait(false);)
                {
                    if (++tries > 10)
                    {
                        throw new CommandException("the table cannot be filled");
                    }
                }
            },
            servers, progress);
    }

    /// <summary>Runs so many callers for so long.</summary>
    public Task<LoadResult> RunAsync(
        CqlLoadKind kind, CqlConsistency consistency, int clients, TimeSpan warmUp, TimeSpan duration, MeasuredServers servers,
        LatencyTimeline? timeline, CancellationToken cancellation) =>
        LoadMeter.RunAsync(
            kind.ToString().ToLowerInvariant(),
            [.. NewCalls(clients).Select((call, number) => Caller(call, kind, consistency, new Random(number)))], warmUp, duration,
            servers, timeline, cancellation);

    /// <summary>Drops the keyspace.</summary>
    public async Task DropAsync() =>
        await _links[0].NewCall().AskAsync($"DROP KEYSPACE {_table.Split('.')[0]}").ConfigureAwait(false);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
        {
            await link.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task PrepareAsync(CqlCall call)
    {
        _write = await IdAsync($"INSERT INTO {_table} (k, v) VALUES (?, ?)").ConfigureAwait(false);
        _read = await IdAsync($"SELECT v FROM {_table} WHERE k = ?").ConfigureAwait(false);
        _lwt = await IdAsync($"UPDATE {_table} SET v = ? WHERE k = ? IF EXISTS").ConfigureAwait(false);

        async Task<ReadOnlyMemory<byte>> IdAsync(string query) =>
            ((PreparedResponse)await call.AskAsync(new PrepareRequest(query, null)).ConfigureAwait(false)).Id;
    }

    private CqlCall[] NewCalls(int clients) => [.. Enumerable.Range(0, clients).Select(i => _links[i % _links.Count].NewCall())];

    private Func<ValueTask<bool>> Caller(CqlCall call, CqlLoadKind kind, CqlConsistency consistency, Random random) => () =>
    {
        var key = random.Next(_keys);
        return kind switch
        {
            CqlLoadKind.Write => WriteAsync(call, key, consistency),
            CqlLoadKind.Lwt => LwtAsync(call, key, consistency),
            CqlLoadKind.Mix when random.Next(100) < 5 => WriteAsync(call, key, consistency),
            _ => ReadAsync(call, key, consistency),
        };
    };

    private ValueTask<bool> WriteAsync(CqlCall call, long key, CqlConsistency consistency) =>
        ExecuteAsync(call, _write, consistency, [CqlValue.Of(Key(key)), CqlValue.Of(_value)], hasRow: false);

    private ValueTask<bool> ReadAsync(CqlCall call, long key, CqlConsistency consistency) =>
        ExecuteAsync(call, _read, consistency, [CqlValue.Of(Key(key))], hasRow: true);

    private ValueTask<bool> LwtAsync(CqlCall call, long key, CqlConsistency consistency) =>
        ExecuteAsync(call, _lwt, consistency, [CqlValue.Of(_value), CqlValue.Of(Key(key))], hasRow: false);

    private async ValueTask<bool> ExecuteAsync(
        CqlCall call, ReadOnlyMemory<byte> id, CqlConsistency consistency, CqlValue[] values, bool hasRow)
    {
        var options = StatementOptions.Default with { Consistency = consistency, Values = values };
        CqlFrame frame;
        try
        {
            frame = await call.SendAsync(new ExecuteRequest(id, default, options, SkipMetadata: true)).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw new CommandException($"a node has gone: {error.InnerException?.Message}");
        }

        if (frame.Header.Opcode == CqlOpcode.Result && (!hasRow || HasRow(frame.Body.Span)))
        {
            return true;
        }

        Tell(frame);
        return false;
    }

    // Kind, flags and number of columns, which are known; number of rows.
    private static bool HasRow(ReadOnlySpan<byte> body)
    {
        const int rowsAt = 12;
        return body.Length >= rowsAt + sizeof(int) && BinaryPrimitives.ReadInt32BigEndian(body[rowsAt..]) == 1;
    }

    private static byte[] Key(long key)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, key);
        return bytes;
    }

    private void Tell(in CqlFrame frame)
    {
        const int errorsToTell = 5;
        if (Interlocked.Increment(ref _errorsTold) <= errorsToTell)
        {
            Printer.Remark(ResponseDecoder.TryDecode(frame, [], out var response) && response is ErrorResponse error
                ? $"{error.Code}: {error.Message}" : "a row is missing");
        }
    }
}
