using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging;

namespace Atoll.Node.Loops;

/// <summary>
/// The loop's copy of the directory: an immutable view, replaced as a whole when a newer one is known. A loop with a replica of the
/// directory takes it from there; the others ask by and by, and at once when a route turned out to be old. The last view is kept on
/// disk, so that a node finds the others after a restart.
/// </summary>
public sealed class DirectoryFollower : IResponseSink
{
    private readonly NodeOptions _options;
    private readonly INetwork _network;
    private readonly PeerLiveness _liveness;
    private readonly ViewFile _file;
    private readonly ILogger _logger;
    private readonly WireWriter _query = new(16);
    private Router? _router;
    private Instant _now;
    private Instant _nextPoll;
    private bool _isAsking;
    private bool _isConfirming;
    private Instant _confirmAskedAt;
    private Instant _confirmedAsOf;
    private bool _wantsConfirmation;

    internal DirectoryFollower(NodeOptions options, INetwork network, PeerLiveness liveness, ViewFile file, ILogger logger)
    {
        _options = options;
        _network = network;
        _liveness = liveness;
        _file = file;
        _logger = logger;
    }

    /// <summary>The newest view known here.</summary>
    public DirectoryView View { get; private set; } = DirectoryView.Empty;

    /// <summary>Called when the view was replaced.</summary>
    public Action<DirectoryView>? Changed { get; set; }

    /// <summary>Starts with what was known before, or with the members named in the options.</summary>
    internal void Start(Router router, Instant now)
    {
        _router = router;
        _now = now;
        foreach (var member in _options.Members)
        {
            Meet(member.Id, member.PeerAddress);
        }

        if (_file.Saved is { } saved)
        {
            Publish(saved);
        }
    }

    /// <summary>A view from the directory's own replica, or from someone who had a newer one.</summary>
    public void Publish(DirectoryView view)
    {
        if (view.Version <= View.Version)
        {
            return;
        }

        foreach (var known in View.Nodes)
        {
            if (!view.TryGetNode(known.Id, out _))
            {
                _network.RemovePeer(known.Id);
                _liveness.Remove(known.Id);
            }
        }

        View = view;
        foreach (var node in view.Nodes)
        {
            Meet(node.Id, node.PeerAddress);
        }

        NodeLog.DirectoryChanged(_logger, view.Version.Value, view.Nodes.Length, view.Spaces.Length, view.Shards.Length);
        _file.Save(view);
        UpdateOwnDescription();
        Changed?.Invoke(view);
    }

    /// <summary>
    /// A route was old, or a space is not known here: ask the directory's leader, which knows all that was ever acknowledged.
    /// </summary>
    public void Refresh()
    {
        if (!_isConfirming)
        {
            _wantsConfirmation = true;
        }
    }

    /// <summary>Whether the view holds everything that the directory acknowledged before that instant.</summary>
    public bool IsFreshSince(Instant instant) => _confirmedAsOf != Instant.Zero && _confirmedAsOf >= instant;

    /// <summary>Whether the directory's leader has confirmed the view at least once since this start.</summary>
    public bool IsConfirmed => _confirmedAsOf != Instant.Zero;

    /// <summary>Asks for news when it is time.</summary>
    internal void Tick(Instant now)
    {
        _now = now;
        if (_wantsConfirmation && !_isConfirming)
        {
            _wantsConfirmation = false;
            _isConfirming = true;
            _confirmAskedAt = now;
            Ask(ReadLevel.Linearizable);
        }
        else if (now >= _nextPoll && !_isAsking)
        {
            _nextPoll = now + _options.DirectoryPollInterval;
            _isAsking = true;
            Ask(ReadLevel.Any);
        }
    }

    /// <summary>The shard's record.</summary>
    public bool TryGetShard(ShardId shard, out ShardInfo? info)
    {
        if (View.TryGetShard(shard, out info))
        {
            return true;
        }

        // Before there is a view, the directory itself is where the founders are.
        info = shard == ShardId.Directory && !_options.Members.IsEmpty
            ? new ShardInfo(shard, SpaceId.None, 0, ulong.MaxValue, [.. _options.Members.Select(member => member.Id)], 0)
            : null;
        return info is not null;
    }

    /// <summary>The shard that a request is for.</summary>
    internal bool TryRoute(Request request, out ShardInfo shard)
    {
        ShardInfo? found;
        var isKnown = request.Shard != ShardId.None
            ? TryGetShard(request.Shard, out found)
            : View.TryGetShard(request.Space, request.RoutingHash, out found);
        shard = found!;
        return isKnown;
    }

    /// <summary>Whether the shard is of a space without leaders.</summary>
    internal bool IsEventual(ShardInfo shard) =>
        View.TryGetSpace(shard.Space, out var space) && space.Options.FaultModel == FaultModel.Eventual;

    /// <summary>Whether the shard is of a space of records, and not of a table.</summary>
    internal bool IsOfRecords(ShardInfo shard) =>
        View.TryGetSpace(shard.Space, out var space) && space.Options.Kind == SpaceKind.Records;

    /// <summary>What becomes of concurrent writes of the shard's records.</summary>
    internal ConflictRule ConflictsOf(ShardInfo shard) =>
        View.TryGetSpace(shard.Space, out var space) ? space.Options.Conflicts : ConflictRule.LastWrite;

    /// <summary>The loop of a node on which a shard lives.</summary>
    public bool TryLoopOf(NodeId node, ShardId shard, out byte loop)
    {
        var loops = 0;
        if (node == _options.Self)
        {
            loops = _options.LoopCount;
        }
        else if (View.TryGetNode(node, out var info))
        {
            loops = info.Description.Loops;
        }
        else
        {
            foreach (var member in _options.Members)
            {
                loops = member.Id == node ? member.Description.Loops : loops;
            }
        }

        loop = loops > 0 ? NodeOptions.LoopOf(shard, loops) : (byte)0;
        return loops > 0;
    }

    /// <summary>The directory's answer.</summary>
    void IResponseSink.Complete(Request request, in Response response)
    {
        var isConfirmation = request.Level == ReadLevel.Linearizable;
        if (isConfirmation)
        {
            _isConfirming = false;
        }
        else
        {
            _isAsking = false;
        }

        if (response.Status != ResponseStatus.Ok || !DirectoryQuery.TryReadAnswer(response.Body, out var view))
        {
            return;
        }

        if (view is not null)
        {
            Publish(view);
        }

        if (isConfirmation)
        {
            _confirmedAsOf = _confirmAskedAt;
            _router!.RetryParked(_now);
        }
    }

    private void Ask(ReadLevel level)
    {
        _query.Reset();
        DirectoryQuery.WriteView(_query, View.Version);
        _router!.Submit(
            new Request
            {
                Kind = RequestKind.Read,
                Shard = ShardId.Directory,
                Level = level,
                Payload = _query.ToArray(),
                Timeout = Duration.FromSeconds(2),
            },
            this,
            _now);
    }

    private void Meet(NodeId node, string address)
    {
        if (node != _options.Self)
        {
            _network.SetPeer(node, address);
            _liveness.Add(node, _now);
        }
    }

    // A node that was moved to another address, or restarted with another name, tells the directory so.
    private void UpdateOwnDescription()
    {
        if (_options.Loop == 0 && View.TryGetNode(_options.Self, out var own) && own.Description != _options.Description)
        {
            var command = new WireWriter(256);
            DirectoryCommand.WriteUpdateNode(command, new NodeInfo(_options.Self, _options.Description));
            _router!.Submit(
                new Request
                {
                    Kind = RequestKind.Write,
                    Shard = ShardId.Directory,
                    Payload = command.ToArray(),
                    Timeout = Duration.FromSeconds(5),
                },
                IgnoredAnswer.Instance,
                _now);
        }
    }
}
