using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Live.Disks;
using Atoll.Live.Loops;
using Atoll.Live.Networks;
using Atoll.Node;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging;

namespace Atoll.Live.Nodes;

/// <summary>
/// A node on the real machine: its loops, each with a thread, a disk folder and a generator of its own, and the connections that they
/// share. Requests may come from any thread.
/// </summary>
public sealed class LiveNode : IRequestPort, IAsyncDisposable
{
    private static readonly Duration RetryWhenFull = Duration.FromMilliseconds(50);
    private static readonly TimeSpan HandOverPoll = TimeSpan.FromMilliseconds(20);

    private readonly DataFolder _folder;
    private readonly NodeOptions _options;
    private readonly ILogger _logger;
    private readonly PeerTransport _transport;
    private readonly StoreMetrics _metrics;
    private readonly LoopHost[] _loops;
    private readonly TaskCompletionSource<string> _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DirectoryView _directory = DirectoryView.Empty;
    private int _isDisposed;

    private LiveNode(DataFolder folder, LiveNodeOptions options, ILoggerFactory loggers)
    {
        _folder = folder;
        _options = options.Node;
        _logger = loggers.CreateLogger("Atoll.Live");
        _metrics = new StoreMetrics(_options.Self.Value, _options.LoopCount);
        var mailboxes = Enumerable.Range(0, _options.LoopCount).Select(_ => new Mailbox()).ToArray();
        var transport = new PeerTransportOptions
        {
            ClusterId = _options.ClusterId, Self = _options.Self, Listen = options.PeerListen, Tls = options.PeerTls,
        };
        _transport = new PeerTransport(transport, mailboxes, _logger);
        var created = new List<LoopHost>();
        try
        {
            foreach (var mailbox in mailboxes)
            {
                created.Add(NewLoop((byte)created.Count, mailbox, options, loggers.CreateLogger("Atoll.Node")));
            }
        }
        catch (Exception exception) when (exception is not CheckFailedException)
        {
            _transport.Dispose();
            _metrics.Dispose();
            created.ForEach(loop => loop.Disk.Dispose());
            throw;
        }

        _loops = [.. created];
    }

    /// <summary>The node's number.</summary>
    public NodeId Id => _options.Self;

    /// <summary>How many loops it has.</summary>
    public int LoopCount => _options.LoopCount;

    /// <summary>Where it listens for other nodes.</summary>
    public string PeerAddress => _transport.ListenAddress;

    /// <summary>The directory as the node knows it.</summary>
    public DirectoryView Directory => Volatile.Read(ref _directory);

    /// <summary>Called on a loop whenever <see cref="Directory"/> was replaced: return quickly.</summary>
    public Action<DirectoryView>? DirectoryChanged { get; set; }

    /// <summary>
    /// Ends when every loop has read back what is on its disk; faulted with an <see cref="InvalidOperationException"/> that says why
    /// when the node fails before that.
    /// </summary>
    public Task Ready => ReadyAsync();

    /// <summary>Ends, with the reason, when a loop has stopped by itself: the node should be stopped, and its process ended.</summary>
    public Task<string> Failure => _failure.Task;

    /// <summary>Makes a node of a folder that is claimed for it, and starts it.</summary>
    /// <param name="folder">The folder; the node's to dispose of from now on, also when this throws.</param>
    /// <param name="options">What the node needs to know.</param>
    /// <param name="loggers">Where it says what happens.</param>
    /// <exception cref="ArgumentException">The options do not fit together, or not the folder.</exception>
    /// <exception cref="IOException">The address can't be listened on, or the folder not be used.</exception>
    public static LiveNode Start(DataFolder folder, LiveNodeOptions options, ILoggerFactory loggers)
    {
        try
        {
            RequireClaimed(folder, options.Node);
            var node = new LiveNode(folder, options, loggers);
            foreach (var loop in node._loops)
            {
                loop.Thread.Start(loop.Body);
            }

            LiveLog.NodeStarted(
                node._logger, options.Node.Self.Value, options.Node.ClusterId, options.Node.LoopCount, folder.FolderPath);
            return node;
        }
        catch (Exception exception) when (exception is not CheckFailedException)
        {
            folder.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public void Submit(Request request, IResponseSink sink)
    {
        var loop = _loops[LoopFor(request)];
        if (loop.Thread.Post(loop.Submit, request, sink))
        {
            return;
        }

        var answer = loop.Thread.Ended.IsCompleted
            ? new Response(ResponseStatus.Unavailable, Detail: $"node {Id} stops")
            : new Response(ResponseStatus.Overloaded, RetryAfter: RetryWhenFull, Detail: $"node {Id} has more to do than it can hold");
        sink.Complete(request, answer);
    }

    /// <summary>
    /// Hands the leadership of shards to other nodes before this one is disposed of, so that their clients don't wait for an election
    /// time-out. Ends when nothing is led here any more that could be led elsewhere, or when the time is up.
    /// </summary>
    public async Task HandOverAsync(TimeSpan atMost)
    {
        using var poll = new PeriodicTimer(HandOverPoll);
        for (var started = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(started) < atMost;)
        {
            var counts = _loops.Select(loop =>
            {
                var count = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
                var isAsked = loop.Thread.Post(
                    static (body, answer) => ((TaskCompletionSource<int>)answer!).SetResult(((NodeLoopBody)body!).Loop.HandOver()),
                    loop.Body, count);
                return isAsked ? count.Task : Task.FromResult(0);
            }).ToArray();
            var ended = Task.WhenAll(_loops.Select(loop => loop.Thread.Ended));
            var left = await Task.WhenAny(Task.WhenAll(counts), ended).ConfigureAwait(false);
            if (left is not Task<int[]> answered || answered.Result.Sum() == 0)
            {
                return;
            }

            await poll.WaitForNextTickAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Answers what is held, waits for the last writes and messages, and lets go of the folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        foreach (var loop in _loops)
        {
            loop.Thread.Post(static (body, _) => ((NodeLoopBody)body!).Loop.Stop("the node stops"), loop.Body, null);
        }

        foreach (var loop in _loops)
        {
            // A loop that failed has said so already; here it only matters that it has ended.
            await loop.Thread.StopAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _transport.Dispose();
        _metrics.Dispose();
        foreach (var loop in _loops)
        {
            loop.Disk.Dispose();
            loop.Thread.Dispose();
        }

        _folder.Dispose();
        LiveLog.NodeStopped(_logger, Id.Value);
    }

    private async Task ReadyAsync()
    {
        var ready = Task.WhenAll(_loops.Select(loop => loop.Body.Ready));
        if (await Task.WhenAny(ready, Failure) != ready)
        {
            throw new InvalidOperationException(await Failure);
        }
    }

    private static void RequireClaimed(DataFolder folder, NodeOptions options)
    {
        var identity = folder.Identity;
        if (identity is null || identity.ClusterId != options.ClusterId || identity.Node != options.Self
            || identity.LoopCount != options.LoopCount)
        {
            throw new ArgumentException($"the data folder {folder.FolderPath} was not claimed for this node", nameof(folder));
        }
    }

    private LoopHost NewLoop(byte number, Mailbox mailbox, LiveNodeOptions options, ILogger logger)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"atoll-{_options.Self.Value}-{number}");
        var disk = new LiveDisk(_folder.LoopFolder(number), mailbox, _logger, name + "-disk");
        var network = new LiveNetwork(_transport, number);
        var nodeLoop = new NodeLoop(_options with { Loop = number }, LiveClock.Instance, network, disk, NewPrng(), logger,
            tracer: new RequestTracer(_options.Self))
        {
            Faulted = why => Fail($"loop {number}: {why}"),
        };
        if (number == 0)
        {
            nodeLoop.DirectoryChanged = view =>
            {
                Volatile.Write(ref _directory, view);
                DirectoryChanged?.Invoke(view);
            };
        }

        var thread = new EventLoop(name, mailbox, LiveClock.Instance, options.Loops, [network, disk], _logger)
        {
            Failed = exception => Fail($"loop {number}: {exception.Message}"),
        };
        var body = new NodeLoopBody(nodeLoop, store => _metrics.Publish(number, store));
        return new LoopHost(thread, disk, body, (request, sink) => nodeLoop.Submit((Request)request!, (IResponseSink)sink!));
    }

    private static Prng NewPrng()
    {
        Span<byte> seed = stackalloc byte[8];
        RandomNumberGenerator.Fill(seed);
        return new Prng(BinaryPrimitives.ReadUInt64LittleEndian(seed));
    }

    private void Fail(string why) => _failure.TrySetResult(why);

    /// <summary>The loop on which the request's shard lives, as far as the directory is known; any loop can pass it on.</summary>
    private int LoopFor(Request request)
    {
        if (request.Kind == RequestKind.Status)
        {
            return (int)(request.RoutingHash % (uint)_loops.Length);
        }

        var shard = request.Shard;
        if (shard == ShardId.None && request.Space != SpaceId.None)
        {
            shard = Directory.TryGetShard(request.Space, request.RoutingHash, out var found) ? found.Id : ShardId.None;
        }

        return shard == ShardId.None ? 0 : NodeOptions.LoopOf(shard, _loops.Length);
    }

    private sealed record LoopHost(EventLoop Thread, LiveDisk Disk, NodeLoopBody Body, Action<object?, object?> Submit);
}
