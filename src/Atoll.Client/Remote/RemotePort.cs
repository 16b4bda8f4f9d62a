using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Cluster;
using Atoll.Services.Native;
using Atoll.StateMachines.Directory;

namespace Atoll.Client.Remote;

/// <summary>
/// A cluster reached over the network: one connection a node, requests sent to the node that leads their shard as far as that is
/// known. Any node takes any request, so that being wrong costs a hop. Completes every request by its deadline, whatever becomes
/// of the connections.
/// </summary>
public sealed class RemotePort : IRequestPort, INodePorts, IAsyncDisposable
{
    private const int WaitingMax = 16 * 1024;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(25);

    // While nothing is under way nobody's time runs out: a process that only might need the cluster does not wake forty times a second.
    private static readonly TimeSpan RestingSweepInterval = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstRefreshInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly RemoteOptions _options;
    private readonly ServerClock _clock;
    private readonly LinkTable _links;
    private readonly RouteTable _routes = new();
    private readonly List<Waiting> _waiting = [];
    private readonly ITimer _sweeper;
    private long _refreshAt;
    private bool _refreshing;
    private bool _disposed;
    private volatile bool _isResting = true;

    /// <summary>A port to a cluster; it connects when it is first needed.</summary>
    /// <param name="options">How to reach the cluster.</param>
    /// <param name="clock">Learns the cluster's time from handshakes.</param>
    public RemotePort(RemoteOptions options, ServerClock clock)
    {
        _options = options.Validated();
        _clock = clock;
        _links = new LinkTable(_options, new Owner(this));
        _sweeper = _options.Time.CreateTimer(static port => ((RemotePort)port!).Sweep(), this, RestingSweepInterval, RestingSweepInterval);
    }

    /// <inheritdoc />
    public void Submit(Request request, IResponseSink sink)
    {
        var deadline = Deadline(request);
        if (!TrySend(request, sink, deadline))
        {
            Park(request, sink, deadline);
        }

        Rouse();
    }

    /// <inheritdoc />
    public IRequestPort? PortOf(NodeInfo node) =>
        node.Description.ClientAddress.Length == 0 ? null : new PinnedPort(this, _links.Ensure(node.Description.ClientAddress));

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        List<Waiting> waiting;
        lock (_lock)
        {
            if (_disposed)
            {
                return ValueTask.CompletedTask;
            }

            _disposed = true;
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        _sweeper.Dispose();
        foreach (var link in _links.All)
        {
            link.Close();
        }

        foreach (var parked in waiting)
        {
            parked.Sink.Complete(parked.Request, new Response(ResponseStatus.Unavailable, Detail: "the client was disposed"));
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>What is true of a request that was sent and not answered.</summary>
    internal static Response Unanswered(Request request, string detail) =>
        new(request.Kind is RequestKind.Write or RequestKind.TransferLeadership ? ResponseStatus.OutcomeUnknown
            : ResponseStatus.Unavailable,
            Detail: detail);

    private long Deadline(Request request) => _options.Time.GetTimestamp()
        + (long)(Math.Min(request.Timeout.Seconds, int.MaxValue) * _options.Time.TimestampFrequency);

    private bool TrySend(Request request, IResponseSink sink, long deadline)
    {
        var now = _options.Time.GetTimestamp();
        var full = false;
        for (var attempt = 0; attempt < 2; attempt++)
        {
            // First the node that should answer at once, then any other that is up: nodes pass requests on.
            var link = attempt == 0 ? _routes.Choose(request, _links) : _links.AnyUp();
            if (link is null)
            {
                continue;
            }

            if (link.TrySubmit(request, sink, deadline, out var isFull))
            {
                return true;
            }

            full |= isFull;
            if (!isFull && _options.Discover)
            {
                link.Connect(now);
            }
        }

        if (full)
        {
            sink.Complete(request, new Response(
                ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(10),
                    Detail: "too many requests are under way from this client"));
        }

        return full;
    }

    private void Park(Request request, IResponseSink sink, long deadline)
    {
        string problem;
        lock (_lock)
        {
            if (!_disposed && _waiting.Count < WaitingMax)
            {
                _waiting.Add(new Waiting(request, sink, deadline, null));
                problem = "";
            }
            else
            {
                problem = _disposed ? "the client was disposed" : "no node can be reached, and too many requests wait already";
            }
        }

        if (problem.Length > 0)
        {
            sink.Complete(request, new Response(ResponseStatus.Unavailable, Detail: problem));
            return;
        }

        ConnectAll();

        // A link may have come up between the first try and the parking; its event has then passed.
        if (_links.AnyUp() is not null)
        {
            SendWaiting();
        }
    }

    private void ConnectAll()
    {
        var now = _options.Time.GetTimestamp();
        foreach (var link in _links.All)
        {
            link.Connect(now);
        }
    }

    private void SendWaiting()
    {
        List<Waiting> waiting;
        lock (_lock)
        {
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var parked in waiting)
        {
            var sent = parked.Link is null
                ? TrySend(parked.Request, parked.Sink, parked.Deadline)
                : parked.Link.TrySubmit(parked.Request, parked.Sink, parked.Deadline, out _);
            if (!sent)
            {
                lock (_lock)
                {
                    _waiting.Add(parked);
                }
            }
        }
    }

    private void Sweep()
    {
        var now = _options.Time.GetTimestamp();
        var expired = new List<(Request Request, IResponseSink Sink)>();
        foreach (var link in _links.All)
        {
            var before = expired.Count;
            link.Sweep(now, expired);
            foreach (var (request, _) in expired.Skip(before))
            {
                _routes.Avoid(request, link.Node);
            }
        }

        foreach (var (request, sink) in expired)
        {
            sink.Complete(request, Unanswered(request, "no answer came in time"));
        }

        List<Waiting>? overdue = null;
        lock (_lock)
        {
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                if (_waiting[i].Deadline <= now)
                {
                    (overdue ??= []).Add(_waiting[i]);
                    _waiting.RemoveAt(i);
                }
            }
        }

        // Never sent: certainly without effect.
        foreach (var parked in overdue ?? [])
        {
            parked.Sink.Complete(parked.Request, new Response(ResponseStatus.Unavailable, Detail: Problem()));
        }

        if (_waiting.Count > 0)
        {
            ConnectAll();
            SendWaiting();
        }

        if (now >= _refreshAt && _links.AnyUp() is not null)
        {
            RefreshRoutes();
        }

        RestIfIdle();
    }

    private bool IsIdle => _waiting.Count == 0 && _links.All.All(static link => link.InFlight == 0);

    private void RestIfIdle()
    {
        if (_isResting || !IsIdle)
        {
            return;
        }

        lock (_lock)
        {
            _isResting = true;
            _sweeper.Change(RestingSweepInterval, RestingSweepInterval);
        }

        // Whoever submitted just before has not seen that it rests.
        if (!IsIdle)
        {
            Rouse();
        }
    }

    // Called behind each request that was taken, so that it does not outlive its deadline by a rest.
    private void Rouse()
    {
        Interlocked.MemoryBarrier();
        if (!_isResting)
        {
            return;
        }

        lock (_lock)
        {
            if (_isResting)
            {
                _isResting = false;
                _sweeper.Change(SweepInterval, SweepInterval);
            }
        }
    }

    private string Problem() => "no node could be reached: "
        + string.Join("; ", _links.All.Select(link => $"{link.Address}: {(link.LastReason.Length == 0 ? "connected" : link.LastReason)}"));

    private void RefreshRoutes()
    {
        lock (_lock)
        {
            if (_refreshing || _disposed)
            {
                return;
            }

            _refreshing = true;
            var wait = _routes.Version == default ? FirstRefreshInterval : RefreshInterval;
            _refreshAt = _options.Time.GetTimestamp() + (long)(wait.TotalSeconds * _options.Time.TimestampFrequency);
        }

        var writer = new WireWriter(16);
        writer.WriteUInt64(_routes.Version.Value);
        var request = new Request { Kind = RequestKind.DirectoryView, Timeout = Duration.FromSeconds(2), Payload = writer.ToArray() };
        Submit(request, new RefreshSink(this));
    }

    private void Learn(DirectoryView view)
    {
        if (!_routes.Update(view) || !_options.Discover)
        {
            return;
        }

        foreach (var node in view.Nodes)
        {
            if (node.Description.ClientAddress.Length > 0)
            {
                _links.Ensure(node.Description.ClientAddress, node.Id);
            }
        }

        // Connected beforehand: the first request to a node must not find the door closed.
        ConnectAll();
    }

    private void FailWaiting(in Response response)
    {
        List<Waiting> waiting;
        lock (_lock)
        {
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var parked in waiting)
        {
            parked.Sink.Complete(parked.Request, response);
        }
    }

    private readonly record struct Waiting(Request Request, IResponseSink Sink, long Deadline, NodeLink? Link);

    /// <summary>What links call; not for the port's users.</summary>
    private sealed class Owner(RemotePort port) : ILinkOwner
    {
        public void LinkUp(NodeLink link)
        {
            port._clock.SetNow(link.ServerTime);
            if (!port._links.Identify(link))
            {
                link.Close();
                return;
            }

            if (port._routes.Version == default)
            {
                port.RefreshRoutes();
            }

            port.SendWaiting();
        }

        public void LinkResumed(NodeLink link) => port.SendWaiting();

        public void LinkDown(NodeLink link, NativeError error, string reason)
        {
            // Waiting goes on until the deadline, for a node may come back; but a token that was refused stays refused, and a certificate
            // that is not trusted stays so. Once no node is left that could still let this client in, that is the answer.
            var links = port._links.All;
            var refused = links.FirstOrDefault(candidate => candidate.LastError == NativeError.Unauthenticated);
            if (refused is not null && links.All(candidate => candidate.State == LinkState.Down))
            {
                port.FailWaiting(new Response(ResponseStatus.Unauthenticated, Detail: $"{refused.Address}: {refused.LastReason}"));
            }
        }

        public void Answered(NodeLink link, Request request, in Response response)
        {
            switch (response.Status)
            {
                case ResponseStatus.Ok when request.Kind == RequestKind.DirectoryView:
                    if (DirectoryView.TryDecode(response.Body, out var view))
                    {
                        port.Learn(view);
                    }

                    break;
                case ResponseStatus.Ok or ResponseStatus.NotLeader when response.LeaderHint != NodeId.None
                    && response.Shard != ShardId.None:
                    port._routes.SetLeader(response.Shard, response.LeaderHint);
                    break;
                case ResponseStatus.StaleRoute:
                    port.RefreshRoutes();
                    break;
                case ResponseStatus.NotLeader or ResponseStatus.Unavailable or ResponseStatus.OutcomeUnknown:
                    port._routes.Avoid(request, link.Node);
                    break;
                default:
                    break;
            }
        }
    }

    private sealed class RefreshSink(RemotePort port) : IResponseSink
    {
        public void Complete(Request request, in Response response)
        {
            lock (port._lock)
            {
                port._refreshing = false;
            }
        }
    }

    /// <summary>Requests for one node only.</summary>
    private sealed class PinnedPort(RemotePort port, NodeLink link) : IRequestPort
    {
        public void Submit(Request request, IResponseSink sink)
        {
            var deadline = port.Deadline(request);
            if (!link.TrySubmit(request, sink, deadline, out _))
            {
                lock (port._lock)
                {
                    port._waiting.Add(new Waiting(request, sink, deadline, link));
                }

                link.Connect(port._options.Time.GetTimestamp());
                port.SendWaiting();
            }

            port.Rouse();
        }
    }
}
