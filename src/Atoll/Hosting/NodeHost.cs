using System.Globalization;
using System.Net;
using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Commands;
using Atoll.Foundation.Time;
using Atoll.Gateways;
using Atoll.Gateways.Cql;
using Atoll.Gateways.Cql.Security;
using Atoll.Gateways.Cql.Topology;
using Atoll.Gateways.Http;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Kafka.Topology;
using Atoll.Gateways.Native;
using Atoll.Gateways.Webhooks;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Cluster;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Compaction;
using Atoll.Services.Streams.Feeds;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging;

namespace Atoll.Hosting;

/// <summary>A running node with its gateways.</summary>
internal sealed partial class NodeHost : IAsyncDisposable
{
    private readonly GatewayServer _gateways;
    private readonly RemotePort? _others;
    private readonly NodeTables? _tables;
    private readonly TransactionFinisher _finisher;
    private readonly FeedDriver _feeds;
    private readonly WebhookGateway _webhooks;
    private readonly TopicCompactor _compactor;

    private NodeHost(
        EmbeddedNode node, GatewayServer gateways, RemotePort? others, NodeTables? tables, TransactionFinisher finisher,
        FeedDriver feeds, WebhookGateway webhooks, TopicCompactor compactor)
    {
        _feeds = feeds;
        _compactor = compactor;
        _webhooks = webhooks;
        _finisher = finisher;
        Node = node;
        _gateways = gateways;
        _others = others;
        _tables = tables;
    }

    public EmbeddedNode Node { get; }

    /// <summary>Where the gateways listen, as URLs.</summary>
    public IReadOnlyList<string> Addresses => _gateways.Addresses;

    /// <summary>Ends, with the reason, when the node has stopped by itself.</summary>
    public Task<string> Failure => Node.Live.Failure;

    public static async Task<NodeHost> StartAsync(NodeHostOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var node = await EmbeddedNode.StartAsync(options.Node, loggers, cancellation).ConfigureAwait(false);
        RemotePort? others = null;
        NodeTables? tables = null;
        try
        {
            var clock = new ServerClock(TimeProvider.System);
            others = Others(options, clock);
            var client = new AtollClient(
                node.Live, new CallerOptions { Clock = clock, GathersWrites = true }, new NodePorts(node, others));
            node.Live.DirectoryChanged = client.ObserveDirectory;
            tables = options.CqlEndPoint is null ? null : new NodeTables(client, node.ClusterId);
            var leaders = new PartitionLeaders(node.Live, node.Live.LoopCount, TimeProvider.System);
            var gateways = await GatewayServer.StartAsync(
                node.Live, client, clock, Gateways(options, node, tables, client, leaders), loggers, cancellation).ConfigureAwait(false);
            var background = loggers.CreateLogger<NodeHost>();
            var finisher = new TransactionFinisher(
                client.Transactions, leaders, TimeProvider.System, failure => LogFailed(background, "ending transactions", failure));
            var logger = loggers.CreateLogger<FeedDriver>();
            var feeds = new FeedDriver(client, leaders, TimeProvider.System, news => Log(logger, news));
            var webhooks = new WebhookGateway(
                client, $"node-{node.Id}", TimeProvider.System, loggers.CreateLogger<WebhookGateway>());
            var compactor = new TopicCompactor(
                client.Streams, leaders, CompactionPace.Default, TimeProvider.System, loggers.CreateLogger<TopicCompactor>());
            return new NodeHost(node, gateways, others, tables, finisher, feeds, webhooks, compactor);
        }
        catch
        {
            if (tables is not null)
            {
                await tables.DisposeAsync().ConfigureAwait(false);
            }

            if (others is not null)
            {
                await others.DisposeAsync().ConfigureAwait(false);
            }

            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The doors first: what is under way is still answered by the node behind them.
        await _gateways.DisposeAsync().ConfigureAwait(false);
        await _webhooks.DisposeAsync().ConfigureAwait(false);
        await _compactor.DisposeAsync().ConfigureAwait(false);
        await _feeds.DisposeAsync().ConfigureAwait(false);
        await _finisher.DisposeAsync().ConfigureAwait(false);

        if (_tables is not null)
        {
            await _tables.DisposeAsync().ConfigureAwait(false);
        }

        if (_others is not null)
        {
            await _others.DisposeAsync().ConfigureAwait(false);
        }

        await Node.DisposeAsync().ConfigureAwait(false);
    }

    private static GatewayServerOptions Gateways(
        NodeHostOptions options, EmbeddedNode node, NodeTables? tables, AtollClient client, PartitionLeaders leaders) => new()
    {
        KafkaEndPoint = options.KafkaEndPoint,
        Kafka = new KafkaGatewayOptions { Tokens = options.Tokens },
        KafkaSources = options.KafkaEndPoint is { } kafka ? KafkaSourcesOf(options, node, tables, client, leaders, kafka) : null,
        CqlEndPoint = options.CqlEndPoint,
        CqlSources = tables is null ? null : new CqlSources(tables.Service, () => node.Live.Directory, SelfOf(options, node)),
        Cql = new CqlGatewayOptions
        {
            Authenticator = tables is null ? OpenAuthenticator.Instance : new CqlAuthenticator(options.Tokens, tables.Service.Roles),
        },
        NativeEndPoint = options.NativeEndPoint,
        HttpEndPoint = options.HttpEndPoint,
        Certificate = options.Certificate,
        Native = new NativeGatewayOptions { ClusterId = node.ClusterId, Node = node.Id, Tokens = options.Tokens },
        Http = new HttpGatewayOptions
        {
            Tokens = options.Tokens, Node = node.Id, Readiness = cancellation => ReadinessAsync(node, cancellation),
        },
        InlineScheduling = options.InlineScheduling,
    };

    private static CqlSelf SelfOf(NodeHostOptions options, EmbeddedNode node) =>
        new(node.Id, options.CqlAdvertised ?? options.CqlEndPoint!, ClientPortOf(options));

    private static KafkaSources KafkaSourcesOf(
        NodeHostOptions options, EmbeddedNode node, NodeTables? tables, AtollClient client, PartitionLeaders leaders,
        IPEndPoint kafka) => new(
        client.Streams,
        leaders,
        new KafkaSelf(node.Id, options.KafkaAdvertised ?? kafka.Address.ToString(), kafka.Port, ClientPortOf(options)))
    {
        Groups = client.Groups,
        Transactions = client.Transactions,
        Roles = tables?.Service.Roles,
        Quotas = client.Quotas,
        Cluster = client.Cluster,
    };

    private static int ClientPortOf(NodeHostOptions options)
    {
        var client = options.Node.ClientAddress;
        return int.Parse(client.AsSpan(client.LastIndexOf(':') + 1), NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static async ValueTask<string?> ReadinessAsync(EmbeddedNode node, CancellationToken cancellation)
    {
        if (node.Live.Failure.IsCompleted)
        {
            return await node.Live.Failure.ConfigureAwait(false);
        }

        if (!node.Live.Ready.IsCompletedSuccessfully)
        {
            return "the node still reads back what is on its disk";
        }

        if (node.Live.Directory.ClusterId == 0)
        {
            return "the node does not know the cluster's directory yet";
        }

        // The directory's leader answers: the node reaches a majority.
        var caller = new Caller(node.Live, new CallerOptions { Retries = new RetryPolicy { AttemptsMax = 1 } });
        var writer = new Foundation.Bytes.WireWriter(16);
        DirectoryQuery.WriteView(writer, HybridTime.Max);
        var request = new Request { Kind = RequestKind.Read, Shard = Foundation.Identity.ShardId.Directory, Payload = writer.ToArray() };
        try
        {
            await caller.Invoke(request, TimeSpan.FromSeconds(1), null, static (in Response _) => true, cancellation).ConfigureAwait(false);
            return null;
        }
        catch (Services.Errors.AtollException error)
        {
            return $"the directory does not answer: {error.Message}";
        }
    }

    private static RemotePort? Others(NodeHostOptions options, ServerClock clock) => options.Node.ClientAddress.Length == 0 ? null
        : new RemotePort(
        new RemoteOptions
        {
            Nodes = [options.Node.ClientAddress],
            Token = options.OwnToken,
            Tls = ClientOptions.ReadTls(options.AuthorityFile),
            ClientName = $"node {options.Node.ClientAddress}",
            Discover = false,
        },
        clock);

    private static void Log(ILogger logger, FeedNews news)
    {
        switch (news.Kind)
        {
            case FeedNewsKind.Begins:
                LogBegins(logger, news.Feed, news.Shard, news.Detail);
                break;
            case FeedNewsKind.Behind:
                LogBehind(logger, news.Feed, news.Shard, news.Detail);
                break;
            case FeedNewsKind.Waits:
                LogWaits(logger, news.Feed, news.Shard, news.Detail);
                break;
            case FeedNewsKind.Fails:
                LogFails(logger, news.Feed, news.Shard, news.Detail);
                break;
            default:
                break; // it works
        }
    }

    [LoggerMessage(
        EventId = 4501, Level = LogLevel.Information, Message = "feed {Feed}: this node copies shard {Shard}, {Position}")]
    private static partial void LogBegins(ILogger logger, string feed, Foundation.Identity.ShardId shard, string position);

    [LoggerMessage(
        EventId = 4502, Level = LogLevel.Warning, Message = "feed {Feed} takes a snapshot of shard {Shard} again: {Reason}")]
    private static partial void LogBehind(ILogger logger, string feed, Foundation.Identity.ShardId shard, string reason);

    [LoggerMessage(EventId = 4504, Level = LogLevel.Error, Message = "A round of {Work} failed; it is tried again")]
    private static partial void LogFailed(ILogger logger, string work, Exception failure);

    [LoggerMessage(EventId = 4503, Level = LogLevel.Warning, Message = "feed {Feed} waits in shard {Shard}: {Reason}")]
    private static partial void LogWaits(ILogger logger, string feed, Foundation.Identity.ShardId shard, string reason);

    [LoggerMessage(EventId = 4505, Level = LogLevel.Error, Message = "feed {Feed} failed in shard {Shard}, and tries again: {Failure}")]
    private static partial void LogFails(ILogger logger, string feed, Foundation.Identity.ShardId shard, string failure);

    private sealed class NodePorts(EmbeddedNode own, RemotePort? others) : INodePorts
    {
        public IRequestPort? PortOf(NodeInfo node) => node.Id == own.Id ? own.Live : others?.PortOf(node);
    }
}
