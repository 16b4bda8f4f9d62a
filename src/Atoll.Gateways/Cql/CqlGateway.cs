using System.Net;
using Atoll.Gateways.Cql.Connections;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Statements;
using Atoll.Services.Tables;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Cql;

/// <summary>
/// The native protocol of CQL on a Kestrel endpoint: one <see cref="CqlConnection"/> for each connection. Add it to an endpoint with
/// <c>UseConnectionHandler&lt;CqlGateway&gt;()</c>.
/// </summary>
public sealed partial class CqlGateway : ConnectionHandler, IDisposable
{
    private readonly CqlGatewayOptions _options;
    private readonly ILogger<CqlGateway> _logger;
    private readonly StatementServer _statements;
    private readonly StatementTraces _traces;
    private readonly CqlSubscribers _subscribers = new();
    private readonly IDisposable _schemaChanges;
    private int _connections;

    /// <summary>A gateway to tables.</summary>
    public CqlGateway(
        ITables tables, PreparedStatements prepared, StatementTraces traces, CqlGatewayOptions options, ILogger<CqlGateway> logger)
    {
        _traces = traces;
        _options = options;
        _logger = logger;
        _statements = new StatementServer(tables, prepared);
        _schemaChanges = tables.Subscribe(change => _subscribers.Push(new SchemaChangeEvent(change)));
    }

    /// <summary>Tells all clients that registered for such events.</summary>
    public void Push(CqlEvent happened) => _subscribers.Push(happened);

    /// <inheritdoc />
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        using var client = new CqlConnection(
            connection.Transport, (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None, _statements, _traces, _options,
            _logger);
        using var aborting = connection.ConnectionClosed.UnsafeRegister(static state => ((CqlConnection)state!).Abort(), client);
        using var leaving = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            .UnsafeRegister(static state => ((CqlConnection)state!).GoAway(), client) ?? default;

        // Kestrel's own heartbeat (once a second) finds clients that are too slow, without a timer for each.
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static state => ((CqlConnection)state).CheckPace(), client);

        var isFull = Interlocked.Increment(ref _connections) > _options.ConnectionsMax;
        _subscribers.Add(client);
        try
        {
            var end = await client.RunAsync(isFull).ConfigureAwait(false);
            if (end.Length > 0)
            {
                LogClosed(_logger, connection.RemoteEndPoint?.ToString() ?? "?", client.ClientName, end);
            }
        }
        finally
        {
            _subscribers.Remove(client);
            Interlocked.Decrement(ref _connections);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _schemaChanges.Dispose();

    [LoggerMessage(EventId = 4101, Level = LogLevel.Information, Message = "Closed the CQL connection from {Remote} ({Client}): {Reason}")]
    private static partial void LogClosed(ILogger logger, string remote, string client, string reason);
}
