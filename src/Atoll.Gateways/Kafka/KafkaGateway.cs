using System.Net;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Requests;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Kafka;

/// <summary>
/// The Kafka protocol on a Kestrel endpoint: one <see cref="KafkaConnection"/> for each connection. Add it to an endpoint with
/// <c>UseConnectionHandler&lt;KafkaGateway&gt;()</c>.
/// </summary>
public sealed partial class KafkaGateway(KafkaRequestTable requests, KafkaGatewayOptions options, ILogger<KafkaGateway> logger)
    : ConnectionHandler
{
    private readonly ByteBudget _budget = new(options.RequestBytesTotalMax);
    private int _connections;

    /// <inheritdoc />
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        if (Interlocked.Increment(ref _connections) > options.ConnectionsMax)
        {
            // The protocol has no answer to nothing: the client tries another broker, or again.
            Interlocked.Decrement(ref _connections);
            LogClosed(logger, connection.RemoteEndPoint?.ToString() ?? "?", "", $"there are {options.ConnectionsMax} connections already");
            return;
        }

        using var client = new KafkaConnection(
            connection.Transport, (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None, requests, options, _budget, logger);
        using var aborting = connection.ConnectionClosed.UnsafeRegister(static state => ((KafkaConnection)state!).Leave(), client);
        using var leaving = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            .UnsafeRegister(static state => ((KafkaConnection)state!).GoAway(), client) ?? default;

        // Kestrel's own heartbeat (once a second) finds clients that are too slow, without a timer for each.
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static state => ((KafkaConnection)state).CheckPace(), client);
        try
        {
            var end = await client.RunAsync().ConfigureAwait(false);
            if (end.Length > 0)
            {
                LogClosed(logger, connection.RemoteEndPoint?.ToString() ?? "?", client.Client.Name, end);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    [LoggerMessage(
        EventId = 4302, Level = LogLevel.Information, Message = "Closed the Kafka connection from {Remote} ({Client}): {Reason}")]
    private static partial void LogClosed(ILogger logger, string remote, string client, string reason);
}
