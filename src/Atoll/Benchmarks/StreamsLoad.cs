using System.Globalization;
using System.Net;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Hosting;
using Atoll.Output;

namespace Atoll.Benchmarks;

/// <summary>
/// A topic, its partitions' leaders, and connections to them, for callers that append to it and read it through the Kafka protocol. The
/// client is so thin that what is measured is the server.
/// </summary>
internal sealed class StreamsLoad : IAsyncDisposable
{
    // The last versions without tagged fields: the same work for the server, less for this client.
    private const short MetadataVersion = 4;
    private const short CreateTopicsVersion = 4;
    private const short DeleteTopicsVersion = 3;

    private readonly List<KafkaLink> _links = [];
    private readonly SemaphoreSlim _refreshing = new(1);
    private readonly int _connections;
    private readonly string _bootstrap;
    private readonly CancellationToken _cancellation;
    private Dictionary<int, KafkaLink[]> _linksOfNode = [];
    private volatile int[] _leaders = [];
    private long _refreshedAt;

    private StreamsLoad(string bootstrap, string topic, int connections, CancellationToken cancellation) =>
        (_bootstrap, Topic, _connections, _cancellation) = (bootstrap, topic, connections, cancellation);

    /// <summary>The topic's name.</summary>
    public string Topic { get; }

    /// <summary>How many partitions it has.</summary>
    public int Partitions => _leaders.Length;

    /// <summary>The leader of each partition, as far as that is known; another array whenever they were asked for.</summary>
    public int[] Leaders => _leaders;

    /// <summary>Makes a topic and connects to every node.</summary>
    /// <param name="bootstrap">Host and port of one node's Kafka gateway.</param>
    /// <param name="partitions">Partitions of the topic.</param>
    /// <param name="replicas">Replicas of each.</param>
    /// <param name="connections">Connections to each node.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<StreamsLoad> CreateAsync(
        string bootstrap, int partitions, int replicas, int connections, CancellationToken cancellation)
    {
        var load = new StreamsLoad(bootstrap, $"bench-{Guid.NewGuid():n}", connections, cancellation);
        try
        {
            var link = await load.ConnectAsync(bootstrap).ConfigureAwait(false);
            var request = new CreateTopicsRequest
            {
                Topics = [new() { Name = load.Topic, PartitionCount = partitions, ReplicationFactor = (short)replicas }],
            };
            using (var answer = await link.NewCall().SendAsync(KafkaApi.CreateTopics, CreateTopicsVersion, request).ConfigureAwait(false))
            {
                var created = answer.Read<CreateTopicsResponse>(CreateTopicsVersion).Topics[0];
                if (created.Error != KafkaError.None)
                {
                    throw new CommandException($"no topic was made: {created.Error}: {created.ErrorText}");
                }
            }

            await load.RefreshAsync(link, partitions).ConfigureAwait(false);
            return load;
        }
        catch
        {
            await load.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The nodes.</summary>
    public int[] Nodes => [.. _linksOfNode.Keys];

    /// <summary>A connection to a partition's leader, as far as that is known.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="caller">Whose: callers are spread over the connections.</param>
    public KafkaLink LinkOf(int partition, int caller) => _linksOfNode[_leaders[partition]][caller % _connections];

    /// <summary>A connection to a node on which nobody else waits: answers come in the order of requests, and some wait for news.</summary>
    public KafkaLink LinkOfFollower(int node) => _linksOfNode[node][^1];

    /// <summary>The partitions that a node leads, as far as that is known.</summary>
    public int[] PartitionsOf(int node)
    {
        var leaders = _leaders;
        return [.. Enumerable.Range(0, leaders.Length).Where(partition => leaders[partition] == node)];
    }

    /// <summary>A leader has moved: asks where to, at most ten times a second.</summary>
    /// <param name="known">The leaders by which it was found out: when others are known by now, nobody is asked.</param>
    public async ValueTask RefreshAsync(int[] known)
    {
        const int pauseMs = 100;
        await _refreshing.WaitAsync(_cancellation).ConfigureAwait(false);
        try
        {
            if (known == _leaders)
            {
                var leftMs = _refreshedAt + pauseMs - Environment.TickCount64;
                if (leftMs > 0)
                {
                    await Task.Delay((int)leftMs, _cancellation).ConfigureAwait(false);
                }

                await RefreshAsync(_links[0], _leaders.Length).ConfigureAwait(false);
                _refreshedAt = Environment.TickCount64;
            }
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>Removes the topic.</summary>
    public async Task DropAsync()
    {
        var request = new DeleteTopicsRequest { TopicNames = [Topic], TimeoutMs = 30_000 };
        using var answer = await _links[0].NewCall().SendAsync(KafkaApi.DeleteTopics, DeleteTopicsVersion, request).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
        {
            await link.DisposeAsync().ConfigureAwait(false);
        }

        _refreshing.Dispose();
    }

    // A topic that was just made may not have elected its leaders.
    private async Task RefreshAsync(KafkaLink link, int partitions)
    {
        var deadline = Environment.TickCount64 + 30_000;
        var request = new MetadataRequest { Topics = [new() { Name = Topic }] };
        while (true)
        {
            using (var answer = await link.NewCall().SendAsync(KafkaApi.Metadata, MetadataVersion, request).ConfigureAwait(false))
            {
                var metadata = answer.Read<MetadataResponse>(MetadataVersion);
                var topic = metadata.Topics[0];
                if (topic.Error == KafkaError.None && topic.Partitions.Count == partitions
                    && topic.Partitions.All(partition => partition.LeaderId >= 0))
                {
                    var leaders = new int[partitions];
                    foreach (var partition in topic.Partitions)
                    {
                        leaders[partition.Index] = partition.LeaderId;
                    }

                    await MeetAsync(metadata).ConfigureAwait(false);
                    _leaders = leaders;
                    return;
                }

                if (Environment.TickCount64 >= deadline)
                {
                    throw new CommandException($"topic {Topic} has no leaders: {topic.Error}");
                }
            }

            await Task.Delay(20, _cancellation).ConfigureAwait(false);
        }
    }

    private async Task MeetAsync(MetadataResponse metadata)
    {
        var known = _linksOfNode;
        if (metadata.Brokers.All(broker => known.ContainsKey(broker.NodeId)))
        {
            return;
        }

        var met = new Dictionary<int, KafkaLink[]>(known);
        foreach (var broker in metadata.Brokers)
        {
            if (!met.ContainsKey(broker.NodeId))
            {
                var links = new KafkaLink[_connections + 1];
                for (var i = 0; i < links.Length; i++)
                {
                    links[i] = await ConnectAsync(EndPoints.Format(broker.Host, broker.Port)).ConfigureAwait(false);
                }

                met[broker.NodeId] = links;
            }
        }

        _linksOfNode = met;
    }

    private async Task<KafkaLink> ConnectAsync(string address)
    {
        var colon = address.LastIndexOf(':');
        EndPoint end = colon < 0
            ? EndPoints.Resolve(address, 9092)
            : EndPoints.Resolve(address[..colon], int.Parse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture));
        var link = await KafkaLink.ConnectAsync(end, _cancellation).ConfigureAwait(false);
        _links.Add(link);
        return link;
    }
}
