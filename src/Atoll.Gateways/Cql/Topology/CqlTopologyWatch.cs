using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Cql.Messages;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Hosting;

namespace Atoll.Gateways.Cql.Topology;

/// <summary>
/// Keeps the cluster as drivers see it up to date, and tells what changes: a node is new when drivers can reach it for the first time, and
/// up or down by whether they can. Whether they can is tried as they would try it: by a connection to its port.
/// </summary>
public sealed class CqlTopologyWatch : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NameLifetime = TimeSpan.FromMinutes(1);

    // One failed attempt may be a busy machine's; that a node is back is sure at once.
    private const int FailuresToBeDown = 2;

    private readonly Func<DirectoryView> _directory;
    private readonly CqlSelf _self;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, (IPAddress? Address, long ResolvedAt)> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<NodeId, PeerState> _peers = [];
    private volatile Seen _seen;
    private bool _isFirst = true;

    /// <summary>A watch that looks once now, and then when it is started.</summary>
    /// <param name="directory">Gives the directory as the node knows it.</param>
    /// <param name="self">The node.</param>
    /// <param name="time">Clock and timers.</param>
    public CqlTopologyWatch(Func<DirectoryView> directory, CqlSelf self, TimeProvider time)
    {
        (_directory, _self, _time) = (directory, self, time);
        var view = directory();
        _seen = new Seen(view, CqlTopology.Of(view, self, KnownAddress));
    }

    /// <summary>The cluster as the node knows it now.</summary>
    public CqlTopology Current
    {
        get
        {
            var (view, seen) = (_directory(), _seen);
            return ReferenceEquals(view, seen.View) ? seen.Topology : Look(view);
        }
    }

    /// <summary>Told of each change; set before it is started.</summary>
    public Action<CqlEvent> Changed { get; set; } = static _ => { };

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, _time);
        try
        {
            do
            {
                await LookAsync(stoppingToken).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        var view = _directory();
        var hasNewNames = await ResolveAsync(view, cancellation).ConfigureAwait(false);
        var peers = (hasNewNames ? Look(view) : Current).Peers;
        var reached = await Task.WhenAll(peers.Select(peer => IsReachableAsync(peer.Native, cancellation))).ConfigureAwait(false);
        for (var i = 0; i < peers.Length; i++)
        {
            Note(peers[i], reached[i]);
        }

        foreach (var gone in _peers.Where(known => peers.All(peer => peer.Id != known.Key)).ToArray())
        {
            _peers.Remove(gone.Key);
            Tell(gone.Value.IsAnnounced, new TopologyChangeEvent(gone.Value.Native, IsNew: false));
        }

        _isFirst &= view.ClusterId == 0; // those that were there before are read by drivers when they connect
    }

    private CqlTopology Look(DirectoryView view)
    {
        var topology = CqlTopology.Of(view, _self, KnownAddress);
        _seen = new Seen(view, topology);
        return topology;
    }

    private void Note(CqlNode peer, bool isReached)
    {
        if (!_peers.TryGetValue(peer.Id, out var state))
        {
            _peers.Add(peer.Id, state = new PeerState { Native = peer.Native, IsAnnounced = _isFirst, IsUp = _isFirst });
        }

        state.Native = peer.Native;
        state.Failures = isReached ? 0 : state.Failures + 1;
        if (isReached && !state.IsUp)
        {
            Tell(!state.IsAnnounced, new TopologyChangeEvent(peer.Native, IsNew: true));
            (state.IsUp, state.IsAnnounced) = (true, true);
            Tell(true, new StatusChangeEvent(peer.Native, IsUp: true));
        }
        else if (state.IsUp && state.Failures >= FailuresToBeDown)
        {
            state.IsUp = false;
            Tell(true, new StatusChangeEvent(peer.Native, IsUp: false));
        }
    }

    private void Tell(bool isNews, CqlEvent happened)
    {
        if (isNews)
        {
            Changed(happened);
        }
    }

    private static async Task<bool> IsReachableAsync(IPEndPoint node, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(ProbeTimeout);
        using var socket = new Socket(node.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(node, patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception failure) when (failure is SocketException
            || (failure is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return false;
        }
    }

    private IPAddress? KnownAddress(string host) =>
        IPAddress.TryParse(host, out var address) ? address : _names.GetValueOrDefault(host).Address;

    // True when a name leads elsewhere than before.
    private async Task<bool> ResolveAsync(DirectoryView view, CancellationToken cancellation)
    {
        var hasNews = false;
        foreach (var address in view.Nodes.SelectMany(node => new[] { node.PeerAddress, node.Description.ClientAddress }))
        {
            var colon = address.LastIndexOf(':');
            var host = colon > 0 ? address[..colon].Trim('[', ']') : "";
            if (host.Length == 0 || IPAddress.TryParse(host, out _)
                || (_names.TryGetValue(host, out var known) && _time.GetElapsedTime(known.ResolvedAt) < NameLifetime))
            {
                continue;
            }

            try
            {
                var found = await Dns.GetHostAddressesAsync(host, cancellation).ConfigureAwait(false);
                var first = found.FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork) ?? found.FirstOrDefault();
                hasNews |= !Equals(first, _names.GetValueOrDefault(host).Address);
                _names[host] = (first, _time.GetTimestamp());
            }
            catch (SocketException)
            {
                // What was known of the name stays; it is tried again with the next look.
            }
        }

        return hasNews;
    }

    private sealed record Seen(DirectoryView View, CqlTopology Topology);

    private sealed class PeerState
    {
        public required IPEndPoint Native { get; set; }

        public bool IsAnnounced { get; set; }

        public bool IsUp { get; set; }

        public int Failures { get; set; }
    }
}
