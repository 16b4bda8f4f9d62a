using Atoll.Client.Remote;
using Atoll.Foundation.Identity;
using Atoll.Interop.Tests.Security;
using Atoll.Node.Loops;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Cluster;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>A cluster of real processes, and one space in it. Whatever happens, its end takes processes and namespaces along.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    /// <summary>The space that the tests write to.</summary>
    public const string Space = "chaos";

    /// <summary>What lets in to nodes that have certificates.</summary>
    public const string Token = "open-sesame";

    /// <summary>After a start, a kill or a mend, everything works again within this time, or the test fails.</summary>
    public static readonly TimeSpan LivenessBound = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan StartBound = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-chaos-").FullName;
    private readonly NodeNetwork _network;
    private readonly NodeProcess[] _nodes;
    private readonly IAtollClient _control;
    private bool _isDisposed;

    private ChaosCluster(int nodes, int? diskMiB, bool isSecure, IReadOnlyList<string> settings)
    {
        _network = NodeNetwork.Make(nodes);
        Authority = isSecure ? new CertificateAuthority(_folder, "authority") : null;
        Disk = diskMiB is { } size ? SmallDisk.Mount(Path.Combine(_folder, "disk"), size) : null;
        _nodes =
        [
            .. Enumerable.Range(0, nodes)
                .Select(number => new NodeProcess(
                    _network, number, _folder, Disk?.Folder ?? _folder, [.. SecurityOf(number), .. settings])),
        ];
        _control = Connect(TimeSpan.FromSeconds(2));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => CleanUp();
        Console.CancelKeyPress += (_, _) => CleanUp();
    }

    /// <summary>The nodes.</summary>
    public IReadOnlyList<NodeProcess> Nodes => _nodes;

    /// <summary>Whose certificates the nodes have; null where anybody may come in.</summary>
    public CertificateAuthority? Authority { get; }

    /// <summary>The links between them.</summary>
    public NodeNetwork Network => _network;

    /// <summary>Where data and logs are.</summary>
    public string Folder => _folder;

    /// <summary>The disk that all of them share, if it is one of its own.</summary>
    public SmallDisk? Disk { get; }

    /// <summary>The space's shards.</summary>
    public IReadOnlyList<ShardInfo> Shards { get; private set; } = [];

    /// <summary>Set when the test went well: the folder is removed then, and else kept for whoever looks for the reason.</summary>
    public bool IsDoneWith { get; set; }

    /// <summary>Starts a cluster and makes the space, with a replica of each shard on every node.</summary>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="shards">How many shards the space has; 0: there is no space.</param>
    /// <param name="diskMiB">The size of a disk of their own for all nodes' data; null for this machine's.</param>
    /// <param name="settings">Settings of all nodes.</param>
    public static Task<ChaosCluster> StartAsync(int nodes, int shards, int? diskMiB = null, params IReadOnlyList<string> settings) =>
        StartAsync(new ChaosCluster(nodes, diskMiB, isSecure: false, settings), shards);

    /// <summary>Starts a cluster without a space whose nodes have certificates, and let in who has <see cref="Token"/>.</summary>
    /// <param name="nodes">How many nodes.</param>
    public static Task<ChaosCluster> StartSecureAsync(int nodes) => StartAsync(new ChaosCluster(nodes, null, isSecure: true, []), 0);

    /// <summary>A client of its own connections, which knows all nodes, or one only.</summary>
    public IAtollClient Connect(TimeSpan timeout, NodeProcess? only = null) => Connect(timeout, only, new ServerClock(TimeProvider.System));

    /// <summary>A client whose clock is needed for request identities.</summary>
    public IAtollClient Connect(TimeSpan timeout, NodeProcess? only, ServerClock clock)
    {
        var port = new RemotePort(
            new RemoteOptions
            {
                Nodes = only is null ? [.. _nodes.Select(node => node.ClientAddress)] : [only.ClientAddress],
                Discover = only is null,
                ClientName = "chaos",
                Token = Authority is null ? "" : Token,
                Tls = Authority?.Trust(),
            },
            clock);
        return new AtollClient(
            port, new CallerOptions { Clock = clock, Retries = new RetryPolicy { DefaultTimeout = timeout } }, port, port);
    }

    /// <summary>The node that leads a shard, as far as anybody knows; null when nobody does.</summary>
    public async Task<NodeProcess?> LeaderAsync(ShardId shard)
    {
        var replicas = (await StatusAsync()).SelectMany(node => node.Loops.SelectMany(loop => loop.Replicas)
            .Where(replica => replica.Shard == shard && replica.Role == ReplicaRole.Leader).Select(replica => (node.Node, replica.Term)));
        var leader = replicas.OrderByDescending(pair => pair.Term.Value).Select(pair => pair.Node).FirstOrDefault();
        return _nodes.FirstOrDefault(node => node.ClientAddress == leader?.Description.ClientAddress);
    }

    /// <summary>Waits until every node answers, and every shard has one leader that all its replicas follow.</summary>
    public Task WholeAsync() =>
        Eventually.HoldsAsync("all nodes are back and follow their leaders", LivenessBound, IsWholeAsync);

    /// <summary>What a node's loops say of themselves; empty when it does not answer.</summary>
    public async Task<IReadOnlyList<LoopStatus>> LoopsAsync(NodeProcess node) =>
        (await StatusAsync()).FirstOrDefault(status => status.Node.Description.ClientAddress == node.ClientAddress)?.Loops ?? [];

    /// <summary>The ends of all nodes' logs.</summary>
    public string Logs() => string.Join('\n', _nodes.Select(node => $"--- {node.LogPath}\n{node.LastLines(40)}"));

    /// <summary>What to say of a failure: the logs first, so that what has failed is seen where only the end is shown.</summary>
    public string Tell(string failure) => $"{Logs()}\nlogs and data in {Folder}: {failure}";

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync();
        CleanUp();
    }

    private static async Task<ChaosCluster> StartAsync(ChaosCluster cluster, int shards)
    {
        var nodes = cluster._nodes.Length;
        try
        {
            foreach (var node in cluster._nodes)
            {
                node.Start();
                await Eventually.HoldsAsync(
                    $"node {node.Number + 1} is a member", StartBound, async () => await cluster.MembersAsync() > node.Number);
            }

            if (shards > 0)
            {
                await Eventually.HoldsAsync("the space is made", StartBound, () => cluster.TryAsync(async () =>
                    _ = await cluster._control.Spaces.CreateAsync(new SpaceOptions(Space, Replicas: nodes, ShardCount: shards))));
                cluster.Shards = (await cluster._control.Spaces.DescribeAsync(Space)).Shards;
            }

            await Eventually.HoldsAsync("every shard has a leader, every node its replicas", StartBound, cluster.IsWholeAsync);
            return cluster;
        }
        catch (Exception error)
        {
            var logs = cluster.Logs();
            await cluster.DisposeAsync();
            throw new InvalidOperationException($"the cluster did not start: {error.Message}\n{logs}", error);
        }
    }

    private string[] SecurityOf(int number) => Authority is null ? ["--insecure"]
        : [.. Authority.Issue($"node{number + 1}", _network.Address(number)), "--tls-ca", Authority.Path, "--tokens", Token];

    private async ValueTask<bool> IsWholeAsync()
    {
        var nodes = await StatusAsync();
        var expected = Shards.Select(shard => shard.Id).Append(ShardId.Directory);
        return nodes.Count == _nodes.Length && nodes.All(node => node.Problem is null) && expected.All(shard =>
        {
            var replicas = nodes.SelectMany(node => node.Loops).SelectMany(loop => loop.Replicas).Where(replica => replica.Shard == shard)
                .ToList();
            return replicas.Count >= (shard == ShardId.Directory ? Math.Min(3, _nodes.Length) : _nodes.Length)
                && replicas.All(replica => replica.Leader != NodeId.None && replica.Leader == replicas[0].Leader)
                && replicas.All(replica => replica.Role is ReplicaRole.Leader or ReplicaRole.Follower);
        });
    }

    private async Task<int> MembersAsync()
    {
        var count = 0;
        await TryAsync(async () => count = (await _control.Cluster.DirectoryAsync()).Nodes.Length);
        return count;
    }

    private async Task<IReadOnlyList<NodeStatus>> StatusAsync()
    {
        IReadOnlyList<NodeStatus> nodes = [];
        await TryAsync(async () => nodes = (await _control.Cluster.StatusAsync()).Nodes);
        return nodes;
    }

    private async ValueTask<bool> TryAsync(Func<Task> call)
    {
        foreach (var node in _nodes)
        {
            node.CheckThatItDidNotEndByItself();
        }

        try
        {
            await call();
            return true;
        }
        catch (AtollException error) when (error.IsRetryable || error.Code is ErrorCode.OutcomeUnknown or ErrorCode.Invalid)
        {
            return false; // not yet (Invalid: a space with more replicas than there are nodes so far); the caller polls
        }
    }

    private void CleanUp()
    {
        lock (_nodes)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            foreach (var node in _nodes)
            {
                node.Dispose();
            }

            _network.Dispose();
            Authority?.Dispose();
            Disk?.Dispose();
            if (IsDoneWith)
            {
                Directory.Delete(_folder, recursive: true);
            }
        }
    }
}
