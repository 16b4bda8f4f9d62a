using System.Buffers.Binary;
using Atoll.Foundation.Identity;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Cluster;

/// <summary>The cluster over a request port.</summary>
public sealed class ClusterService : ICluster
{
    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(2);

    private readonly Caller _caller;
    private readonly DirectoryCache _directory;
    private readonly INodePorts _ports;

    /// <summary>The caller's cluster.</summary>
    /// <param name="caller">For requests that any node may take.</param>
    /// <param name="directory">The client's view of the directory.</param>
    /// <param name="ports">Ways to particular nodes.</param>
    public ClusterService(Caller caller, DirectoryCache directory, INodePorts ports)
    {
        _caller = caller;
        _directory = directory;
        _ports = ports;
    }

    /// <inheritdoc />
    public async ValueTask<ClusterStatus> StatusAsync(CancellationToken cancellationToken)
    {
        _directory.Invalidate();
        var view = await _directory.GetAsync(cancellationToken).ConfigureAwait(false);
        var nodes = await Task.WhenAll(view.Nodes.Select(node => AskAsync(node, cancellationToken))).ConfigureAwait(false);
        return new ClusterStatus(view, nodes);
    }

    /// <inheritdoc />
    public ValueTask<DirectoryView> DirectoryAsync(CancellationToken cancellationToken)
    {
        _directory.Invalidate();
        return _directory.GetAsync(cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask TransferLeadershipAsync(ShardId shard, NodeId to, CancellationToken cancellationToken)
    {
        var view = await DirectoryAsync(cancellationToken).ConfigureAwait(false);
        if (!view.TryGetShard(shard, out var info))
        {
            throw new AtollException(ErrorCode.NotFound, $"there is no shard {shard}");
        }

        if (!info.Replicas.Contains(to))
        {
            throw new InvalidRequestException(
                $"node {to} has no replica of shard {shard}; its replicas are on {string.Join(", ", info.Replicas)}");
        }

        var payload = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, to.Value);
        var request = new Request
        {
            Kind = RequestKind.TransferLeadership,
            Space = info.Space,
            Shard = shard,
            RoutingHash = info.HashLow,
            Payload = payload,
        };
        await _caller.Invoke(request, null, null, static (in Response _) => true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<NodeId> RegisterNodeAsync(NodeDescription node, CancellationToken cancellationToken)
    {
        var result = await DirectoryWrites.InvokeAsync(
            _caller, writer => DirectoryCommand.WriteRegisterNode(writer, node), cancellationToken).ConfigureAwait(false);
        _directory.Invalidate();
        return new NodeId((uint)result.Id);
    }

    /// <inheritdoc />
    public async ValueTask RetireNodeAsync(NodeId node, bool isDead, CancellationToken cancellationToken)
    {
        await DirectoryWrites.InvokeAsync(
            _caller, writer => DirectoryCommand.WriteRetireNode(writer, node, isDead), cancellationToken).ConfigureAwait(false);
        _directory.Invalidate();
    }

    /// <inheritdoc />
    public async ValueTask RemoveNodeAsync(NodeId node, CancellationToken cancellationToken)
    {
        await DirectoryWrites.InvokeAsync(
            _caller, writer => DirectoryCommand.WriteRemoveNode(writer, node), cancellationToken).ConfigureAwait(false);
        _directory.Invalidate();
    }

    /// <inheritdoc />
    public async ValueTask MoveReplicaAsync(ShardId shard, NodeId from, NodeId to, CancellationToken cancellationToken)
    {
        var view = await DirectoryAsync(cancellationToken).ConfigureAwait(false);
        if (!view.TryGetShard(shard, out var info))
        {
            throw new AtollException(ErrorCode.NotFound, $"there is no shard {shard}");
        }

        var position = info.Replicas.IndexOf(from);
        if (position < 0)
        {
            throw new InvalidRequestException(
                $"node {from} has no replica of shard {shard}; its replicas are on {string.Join(", ", info.Replicas)}");
        }

        var replicas = info.Replicas.SetItem(position, to);
        await DirectoryWrites.InvokeAsync(
            _caller, writer => DirectoryCommand.WriteSetReplicas(writer, shard, replicas, info.Generation), cancellationToken)
            .ConfigureAwait(false);
        _directory.Invalidate();
    }

    private async Task<NodeStatus> AskAsync(NodeInfo node, CancellationToken cancellation)
    {
        if (_ports.PortOf(node) is not { } port)
        {
            return new NodeStatus(node, [], "there is no way to it from here");
        }

        var caller = new Caller(port, new CallerOptions { Retries = _caller.Retries, Time = _caller.Time, Clock = _caller.Clock });
        try
        {
            var loops = new List<LoopStatus>();
            for (var loop = 0; loop < Math.Max(1, node.Description.Loops); loop++)
            {
                // The loop is chosen by the hash, modulo their number.
                var request = new Request { Kind = RequestKind.Status, RoutingHash = (ulong)loop };
                loops.Add(await caller.Invoke(request, StatusTimeout, null, ReadStatus, cancellation).ConfigureAwait(false));
            }

            return new NodeStatus(node, loops, null);
        }
        catch (AtollException error)
        {
            return new NodeStatus(node, [], error.Message);
        }
    }

    private static LoopStatus ReadStatus(in Response response) =>
        LoopStatus.TryRead(response.Body, out var status) && status is not null
            ? status
            : throw new AtollException(ErrorCode.Protocol, "the node's status cannot be decoded");
}
