using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Atoll.Benchmarks;

/// <summary>
/// A relay between a node and all who connect to it, in which bytes towards the node can be held up: makes one replica of a cluster slow
/// while the others are not, without any privilege. What the node says by connections of its own is not slowed.
/// </summary>
internal sealed class SlowLink : IAsyncDisposable
{
    private const int ChunkBytes = 64 * 1024;
    private const int ChunksAtOnce = 4096;

    private readonly TcpListener _listener;
    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _ending = new();
    private readonly List<Task> _running = [];
    private long _delayTicks;

    /// <summary>A relay; it accepts connections at once.</summary>
    /// <param name="address">Where it listens.</param>
    /// <param name="target">Where it connects to.</param>
    public SlowLink(IPEndPoint address, IPEndPoint target)
    {
        _target = target;
        _listener = new TcpListener(address);
        _listener.Start();
        _running.Add(AcceptAsync());
    }

    /// <summary>How long bytes towards the node are held up.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _delayTicks));
        set => Volatile.Write(ref _delayTicks, value.Ticks);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        _listener.Stop();
        foreach (var task in _running.ToArray())
        {
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            var client = await _listener.AcceptSocketAsync(_ending.Token).ConfigureAwait(false);
            _running.Add(RelayAsync(client));
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var near = client;
        using var far = new Socket(_target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await far.ConnectAsync(_target, _ending.Token).ConfigureAwait(false);
            (near.NoDelay, far.NoDelay) = (true, true);
            await Task.WhenAny(SlowlyAsync(near, far), AtOnceAsync(far, near)).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            // Either end has gone: the other is closed, and finds out.
        }
    }

    private async Task AtOnceAsync(Socket from, Socket to)
    {
        var buffer = new byte[ChunkBytes];
        while (await from.ReceiveAsync(buffer, _ending.Token).ConfigureAwait(false) is var length and > 0)
        {
            await to.SendAsync(buffer.AsMemory(0, length), _ending.Token).ConfigureAwait(false);
        }
    }

    private async Task SlowlyAsync(Socket from, Socket to)
    {
        var chunks = Channel.CreateBounded<(byte[] Bytes, int Length, long DueAt)>(ChunksAtOnce);
        var sending = SendAsync(chunks.Reader, to);
        while (!sending.IsCompleted)
        {
            var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(ChunkBytes);
            var length = await from.ReceiveAsync(buffer, _ending.Token).ConfigureAwait(false);
            if (length == 0)
            {
                break;
            }

            var dueAt = Stopwatch.GetTimestamp() + (long)(Delay.TotalSeconds * Stopwatch.Frequency);
            await chunks.Writer.WriteAsync((buffer, length, dueAt), _ending.Token).ConfigureAwait(false);
        }

        chunks.Writer.Complete();
        await sending.ConfigureAwait(false);
    }

    private async Task SendAsync(ChannelReader<(byte[] Bytes, int Length, long DueAt)> chunks, Socket to)
    {
        await foreach (var (bytes, length, dueAt) in chunks.ReadAllAsync(_ending.Token).ConfigureAwait(false))
        {
            var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), dueAt);
            if (wait > TimeSpan.FromMilliseconds(1))
            {
                await Task.Delay(wait, _ending.Token).ConfigureAwait(false);
            }

            await to.SendAsync(bytes.AsMemory(0, length), _ending.Token).ConfigureAwait(false);
            System.Buffers.ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
