using System.Net.Sockets;
using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Live.Loops;
using Microsoft.Extensions.Logging;

namespace Atoll.Live.Networks;

/// <summary>
/// A node's connections to its peers, shared by its loops. Each node dials its own outgoing connections, one a peer and lane, and
/// sends only on those; so there is nothing to agree on about who dials. A node counts as connected when it can be sent to.
/// </summary>
public sealed class PeerTransport : IDisposable
{
    private static readonly Duration WatchInterval = Duration.FromMilliseconds(100);
    private static readonly Duration RepeatedLineInterval = Duration.FromSeconds(30);

    private readonly object _gate = new();
    private readonly Mailbox[] _mailboxes;
    private readonly HashSet<IncomingLink> _incoming = [];
    private readonly ManualResetEventSlim _stop = new();
    private readonly Socket _listener;
    private Dictionary<NodeId, OutgoingLink[]> _links = [];

    /// <summary>Listens, and is ready for peers.</summary>
    /// <exception cref="IOException">The address can't be listened on; the message says why.</exception>
    internal PeerTransport(PeerTransportOptions options, Mailbox[] mailboxes, ILogger logger)
    {
        Check.That(mailboxes.Length is > 0 and <= Limits.LoopsMax);
        Options = options;
        Logger = logger;
        _mailboxes = mailboxes;
        if (options.Tls is { } tls)
        {
            tls.Renewed = CertificatesRenewed;
        }

        _listener = Listen(options.Listen);
        var port = ((System.Net.IPEndPoint)_listener.LocalEndPoint!).Port;
        ListenAddress = $"{options.Listen[..options.Listen.LastIndexOf(':')]}:{port}";
        new Thread(AcceptAll, 256 * 1024) { Name = "atoll-accept", IsBackground = true }.Start();
        new Thread(WatchAll, 256 * 1024) { Name = "atoll-watch", IsBackground = true }.Start();
        LiveLog.Listening(logger, ListenAddress);
    }

    /// <summary>Where this node listens, with the port that the system chose when none was given.</summary>
    public string ListenAddress { get; }

    /// <summary>How the node presents itself, and how patient it is.</summary>
    internal PeerTransportOptions Options { get; }

    /// <summary>Where connections are logged.</summary>
    internal ILogger Logger { get; }

    /// <summary>Lines that may come back often.</summary>
    internal RepeatedLog RepeatedLines { get; } = new(RepeatedLineInterval);

    /// <summary>How many loops this node runs.</summary>
    internal byte LoopCount => (byte)_mailboxes.Length;

    /// <summary>How long a call may block during a greeting.</summary>
    internal TimeSpan GreetingPatience => TimeSpan.FromMilliseconds(Options.GreetingTimeout.Milliseconds);

    /// <summary>True once the node lets go of everything.</summary>
    internal bool IsStopped => _stop.IsSet;

    /// <summary>Closes all connections, and listens no more.</summary>
    public void Dispose()
    {
        _stop.Set();
        _listener.Dispose();
        foreach (var link in Links())
        {
            link.Stop();
        }

        foreach (var link in Incoming())
        {
            link.Abort("this node stops");
        }
    }

    /// <summary>Where a loop's events go.</summary>
    internal Mailbox Mailbox(byte loop) => _mailboxes[loop];

    /// <summary>The link to a peer, or null.</summary>
    internal OutgoingLink? Link(NodeId peer, Lane lane) =>
        Volatile.Read(ref _links).TryGetValue(peer, out var links) ? links[(int)lane] : null;

    /// <summary>Keeps connections to a peer from now on.</summary>
    internal void SetPeer(NodeId peer, string address)
    {
        if (peer == Options.Self)
        {
            return;
        }

        lock (_gate)
        {
            if (_stop.IsSet)
            {
                return;
            }

            if (_links.TryGetValue(peer, out var links))
            {
                foreach (var link in links)
                {
                    link.SetAddress(address);
                }

                return;
            }

            links = [new OutgoingLink(this, peer, Lane.Urgent, address), new OutgoingLink(this, peer, Lane.Bulk, address)];
            Volatile.Write(ref _links, new Dictionary<NodeId, OutgoingLink[]>(_links) { [peer] = links });
        }
    }

    /// <summary>Drops the connections to a peer. What it sends still comes in; who is no member is not for this floor to judge.</summary>
    internal void RemovePeer(NodeId peer)
    {
        OutgoingLink[]? links;
        lock (_gate)
        {
            var left = new Dictionary<NodeId, OutgoingLink[]>(_links);
            if (!left.Remove(peer, out links))
            {
                return;
            }

            Volatile.Write(ref _links, left);
        }

        foreach (var link in links)
        {
            link.Stop();
        }
    }

    /// <summary>Tells every loop that a link stands, or is gone.</summary>
    internal void TellLoops(NodeId peer, Lane lane, bool isUp)
    {
        foreach (var mailbox in _mailboxes)
        {
            mailbox.Post(LoopItem.ForLink(peer, lane, isUp));
        }
    }

    /// <summary>A greeting went well: an older connection of the same peer and lane is one that it has lost.</summary>
    internal void Welcomed(IncomingLink link)
    {
        foreach (var other in Incoming())
        {
            if (other != link && !other.IsGreeting && other.Peer == link.Peer && other.Lane == link.Lane)
            {
                other.Abort("the node has dialled again");
            }
        }
    }

    /// <summary>An incoming connection is over.</summary>
    internal void Remove(IncomingLink link)
    {
        lock (_gate)
        {
            _incoming.Remove(link);
        }
    }

    private static Socket Listen(string address)
    {
        try
        {
            var endpoint = PeerAddress.Resolve(address);
            var listener = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(endpoint);
            listener.Listen(backlog: 512);
            return listener;
        }
        catch (SocketException exception)
        {
            throw new IOException($"can't listen for nodes on {address}: {exception.Message}", exception);
        }
    }

    private void CertificatesRenewed(string? problem)
    {
        if (problem is null)
        {
            LiveLog.CertificateRenewed(Logger);
        }
        else if (RepeatedLines.IsDue(problem))
        {
            LiveLog.CertificateNotRenewed(Logger, problem);
        }
    }

    private void AcceptAll()
    {
        while (!_stop.IsSet)
        {
            try
            {
                Accepted(_listener.Accept());
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // One connection that broke before it was taken, or too many open files: the listener itself is still good. When it
                // was closed because the node stops, the loop ends.
                if (!_stop.Wait(TimeSpan.FromMilliseconds(10)) && RepeatedLines.IsDue(exception.Message))
                {
                    LiveLog.Refused(Logger, "the listener", exception.Message);
                }
            }
        }
    }

    private void Accepted(Socket socket)
    {
        lock (_gate)
        {
            if (!_stop.IsSet && _incoming.Count(link => link.IsGreeting) < Limits.GreetingsAtOnceMax)
            {
                _incoming.Add(new IncomingLink(this, socket));
                return;
            }
        }

        if (RepeatedLines.IsDue("too many greetings"))
        {
            LiveLog.Refused(
                Logger, PeerConnection.Describe(socket), $"{Limits.GreetingsAtOnceMax} other connections have not greeted yet");
        }

        socket.Dispose();
    }

    private void WatchAll()
    {
        // By the handle: the event's own wait begins with a spin, ten times a second for nothing.
        while (!_stop.WaitHandle.WaitOne((int)WatchInterval.Milliseconds))
        {
            var now = LiveClock.Instance.Now;
            foreach (var link in Links())
            {
                link.Watch(now);
            }

            foreach (var link in Incoming())
            {
                link.Watch(now);
            }
        }
    }

    private IEnumerable<OutgoingLink> Links() => Volatile.Read(ref _links).Values.SelectMany(links => links);

    private List<IncomingLink> Incoming()
    {
        lock (_gate)
        {
            return [.. _incoming];
        }
    }
}
