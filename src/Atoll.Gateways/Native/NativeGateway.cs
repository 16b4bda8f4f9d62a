using Atoll.Gateways.Metrics;
using Atoll.Node.Requests;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Native;

/// <summary>
/// The native protocol on a Kestrel endpoint: one <see cref="NativeConnection"/> for each connection. Add it to an endpoint with
/// <c>UseConnectionHandler&lt;NativeGateway&gt;()</c>.
/// </summary>
public sealed partial class NativeGateway : ConnectionHandler
{
    private readonly IRequestPort _port;
    private readonly NativeGatewayOptions _options;
    private readonly RequestMetrics _metrics;
    private readonly ILogger<NativeGateway> _logger;
    private int _connections;

    /// <summary>A gateway to a node.</summary>
    public NativeGateway(IRequestPort port, NativeGatewayOptions options, RequestMetrics metrics, ILogger<NativeGateway> logger)
    {
        _port = port;
        _options = options;
        _metrics = metrics;
        _logger = logger;
    }

    /// <inheritdoc />
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var native = new NativeConnection(connection.Transport, _port, _options, _metrics);
        using var aborting = connection.ConnectionClosed.UnsafeRegister(static state => ((NativeConnection)state!).Abort(), native);
        using var leaving = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            .UnsafeRegister(static state => ((NativeConnection)state!).GoAway(), native) ?? default;

        // Kestrel's own heartbeat (once a second) finds clients that are too slow, without a timer for each.
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(
            static state => ((NativeConnection)state).CheckPace(), native);

        var isFull = Interlocked.Increment(ref _connections) > _options.ConnectionsMax;
        try
        {
            var end = await native.RunAsync(isFull).ConfigureAwait(false);
            if (end.Length > 0)
            {
                LogClosed(_logger, connection.RemoteEndPoint?.ToString() ?? "?", native.ClientName, end);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    [LoggerMessage(EventId = 4001, Level = LogLevel.Information, Message = "Closed the connection from {Remote} ({Client}): {Reason}")]
    private static partial void LogClosed(ILogger logger, string remote, string client, string reason);
}
