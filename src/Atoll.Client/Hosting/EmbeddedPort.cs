using Atoll.Node.Requests;
using Atoll.Services.Cluster;
using Atoll.StateMachines.Directory;

namespace Atoll.Client.Hosting;

/// <summary>The way to a node in this process, from before it is started to after it has stopped.</summary>
public sealed class EmbeddedPort : IRequestPort, INodePorts
{
    private EmbeddedNode? _node;

    /// <summary>The node; null while it does not run.</summary>
    public EmbeddedNode? Node => Volatile.Read(ref _node);

    /// <summary>The node runs now, or (null) no longer.</summary>
    public void SetNode(EmbeddedNode? node) => Volatile.Write(ref _node, node);

    /// <inheritdoc />
    public void Submit(Request request, IResponseSink sink)
    {
        if (Volatile.Read(ref _node) is { } node)
        {
            node.Live.Submit(request, sink);
        }
        else
        {
            sink.Complete(request, new Response(ResponseStatus.Unavailable, Detail: "the node in this process does not run"));
        }
    }

    /// <inheritdoc />
    public IRequestPort? PortOf(NodeInfo node) => Volatile.Read(ref _node) is { } own && own.Id == node.Id ? own.Live : null;
}
