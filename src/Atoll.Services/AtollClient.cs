using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Cluster;
using Atoll.Services.Directory;
using Atoll.Services.Records;
using Atoll.Services.Spaces;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Quotas;
using Atoll.Services.Streams.Subscriptions;
using Atoll.Services.Streams.Transactions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.StateMachines.Directory;

namespace Atoll.Services;

/// <summary>The services over any request port.</summary>
public sealed class AtollClient : IAtollClient
{
    private readonly Caller _caller;
    private readonly DirectoryCache _directory;
    private readonly IAsyncDisposable? _owned;
    private readonly SchemaCatalog _schema;
    private readonly FeedTables _fedTables;

    /// <summary>A client over a port.</summary>
    /// <param name="port">The way into the cluster.</param>
    /// <param name="options">Retries, clock, identity.</param>
    /// <param name="nodePorts">Ways to particular nodes; null: there are none, and nodes have no status.</param>
    /// <param name="owned">What is to be disposed with the client, or null.</param>
    public AtollClient(IRequestPort port, CallerOptions options, INodePorts? nodePorts = null, IAsyncDisposable? owned = null)
    {
        _caller = new Caller(port, options);
        _directory = new DirectoryCache(_caller);
        _owned = owned;
        Spaces = new SpacesService(_caller, _directory);
        Rows = new RowShards(_caller, _directory, Spaces);
        Schemas = new DirectoryDocuments(_caller, _directory, "keyspace:");
        Roles = new DirectoryDocuments(_caller, _directory, "cql:");
        Streams = new StreamsService(port, _caller, _directory, Spaces);
        Groups = new GroupsService(_caller, _directory, Spaces);
        Subscriptions = new SubscriptionsService(
            new DirectoryDocuments(_caller, _directory, SubscriptionsService.DocumentPrefix), Streams, Groups);
        Quotas = new QuotasService(_directory, new DirectoryDocuments(_caller, _directory, QuotasService.DocumentPrefix));
        _schema = new SchemaCatalog(Schemas);
        _fedTables = new FeedTables(_schema);
        Feeds = new FeedsService(
            new DirectoryDocuments(_caller, _directory, FeedsService.DocumentPrefix), Spaces, Streams, Groups, Records, _fedTables,
            options.Time);
        Transactions = new TransactionsService(_caller, _directory, Spaces, Streams, Groups);
        Cluster = new ClusterService(_caller, _directory, nodePorts ?? NoNodePorts.Instance);
    }

    /// <inheritdoc />
    public ISpaces Spaces { get; }

    /// <inheritdoc />
    public ICluster Cluster { get; }

    /// <summary>The rows of tables.</summary>
    public IRowShards Rows { get; }

    /// <inheritdoc />
    public IStreams Streams { get; }

    /// <inheritdoc />
    public IGroups Groups { get; }

    /// <inheritdoc />
    public IQuotas Quotas { get; }

    /// <inheritdoc />
    public ISubscriptions Subscriptions { get; }

    /// <inheritdoc />
    public IFeeds Feeds { get; }

    /// <summary>Transactions of producers.</summary>
    public ITransactions Transactions { get; }

    /// <summary>The schemas of tables.</summary>
    public IDocumentStore Schemas { get; }

    /// <summary>The roles that clients of tables may log in as.</summary>
    public IDocumentStore Roles { get; }

    /// <summary>
    /// Takes over a newer view of the directory: to be called by the node in this process whenever it has one, so that changes of schemas
    /// are heard of at once. Without it they are seen when the directory is asked next.
    /// </summary>
    public void ObserveDirectory(DirectoryView view) => _directory.Observe(view);

    /// <inheritdoc />
    public IRecords Records(string space) => new RecordsService(space, _caller, _directory);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _schema.Dispose();
        if (_owned is not null)
        {
            await _owned.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A shard as a feed reads it.</summary>
    internal IFeedShard FeedShardOf(Feed feed, ShardInfo shard) => feed.IsTable
        ? new RowsFeedShard(Records(feed.Space).Shards, Rows, _fedTables, feed.Space, shard)
        : new RecordsFeedShard(Records(feed.Space).Shards, shard);

    private sealed class NoNodePorts : INodePorts
    {
        public static readonly NoNodePorts Instance = new();

        public IRequestPort? PortOf(NodeInfo node) => null;
    }
}
