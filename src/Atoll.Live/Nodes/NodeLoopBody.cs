using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Live.Loops;
using Atoll.Node.Loops;

namespace Atoll.Live.Nodes;

/// <summary>A node's loop as an event loop's body; also sees when it has read back its data.</summary>
internal sealed class NodeLoopBody : ILoopBody
{
    private static readonly Duration PublishInterval = Duration.FromSeconds(1);

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly Action<StoreStatus> _publish;
    private Instant _nextPublish;

    /// <summary>A body that runs that loop.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="publish">Gets its store's figures every second.</param>
    public NodeLoopBody(NodeLoop loop, Action<StoreStatus> publish)
    {
        Loop = loop;
        _publish = publish;
    }

    /// <summary>The node's loop.</summary>
    public NodeLoop Loop { get; }

    /// <summary>Ends when the loop has read back what is on its disk.</summary>
    public Task Ready => _ready.Task;

    /// <inheritdoc />
    public void Start() => Loop.Start();

    /// <inheritdoc />
    public void Tick(Instant now)
    {
        Loop.Tick();
        if (now >= _nextPublish)
        {
            _nextPublish = now + PublishInterval;
            _publish(Loop.DescribeStore());
        }
    }

    /// <inheritdoc />
    public void FlushBatch()
    {
        Loop.FlushBatch();
        if (Loop.IsReady)
        {
            _ready.TrySetResult();
        }
    }

    /// <inheritdoc />
    public void Abandon(string why) => Loop.Abandon(why);

    /// <inheritdoc />
    public void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message) => Loop.MessageReceived(from, lane, message);

    /// <inheritdoc />
    public void LinkUp(NodeId peer, Lane lane) => Loop.LinkUp(peer, lane);

    /// <inheritdoc />
    public void LinkDown(NodeId peer, Lane lane) => Loop.LinkDown(peer, lane);
}
