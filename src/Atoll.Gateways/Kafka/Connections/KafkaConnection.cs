using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Requests;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Kafka.Connections;

/// <summary>
/// One client: requests are begun in the order in which they come, many at once, and answered in the same order, as the protocol wants it.
/// What is under way when the client goes is cancelled.
/// </summary>
internal sealed partial class KafkaConnection : IDisposable
{
    // Before it has shown who it is, it has nothing longer to say.
    private const int LoginBytesMax = 64 * 1024;

    private const int GatheredBytesMax = 64 * 1024;
    private const int KeptWriterBytesMax = 1024 * 1024;

    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly KafkaRequestTable _requests;
    private readonly KafkaGatewayOptions _options;
    private readonly ByteBudget _budget;
    private readonly ILogger _logger;
    private readonly KafkaFrameReader _frames = new();
    private readonly CancellationTokenSource _gone = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly CancellationTokenSource _unmuted = new(); // nobody is held back who leaves, or is to leave
    private readonly SemaphoreSlim _room;
    private readonly Channel<Task<KafkaReply>> _replies = Channel.CreateUnbounded<Task<KafkaReply>>(
        new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private WireWriter _gathered = new(4096);
    private int _begun;
    private long _waitingSince;
    private long _flushingSince;
    private int _inFlight;
    private bool _leaving;
    private bool _isDisposed;
    private string _whyEnded = "";

    public KafkaConnection(
        IDuplexPipe transport, IPAddress address, KafkaRequestTable requests, KafkaGatewayOptions options, ByteBudget budget,
        ILogger logger)
    {
        (_input, _output) = (transport.Input, transport.Output);
        _requests = requests;
        _options = options;
        _budget = budget;
        _logger = logger;
        _room = new SemaphoreSlim(options.InFlightMax);
        Client = new KafkaClient(address, _gone.Token);
        _waitingSince = options.Time.GetTimestamp();
    }

    /// <summary>The client.</summary>
    public KafkaClient Client { get; }

    /// <summary>Serves the client until either side ends it.</summary>
    /// <returns>Why it ended; empty when the client just left.</returns>
    public async Task<string> RunAsync()
    {
        var writing = WriteAsync();
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (IsEnd(failure))
        {
            // The connection broke: the client knows as much as this side does.
            await _gone.CancelAsync().ConfigureAwait(false);
        }

        _budget.Release(_begun);
        _replies.Writer.Complete();
        await writing.ConfigureAwait(false);
        await _gone.CancelAsync().ConfigureAwait(false);
        await _output.CompleteAsync().ConfigureAwait(false);
        await _input.CompleteAsync().ConfigureAwait(false);
        return Volatile.Read(ref _whyEnded);
    }

    /// <summary>
    /// The client has gone: it waits for nothing any longer. What it sent before is served all the same, as it may have wanted no answers.
    /// </summary>
    public void Leave()
    {
        _unmuted.Cancel();
        _gone.Cancel();
        _output.CancelPendingFlush();
    }

    /// <summary>The node shuts down: what is under way is answered, nothing new is taken.</summary>
    public void GoAway()
    {
        Volatile.Write(ref _leaving, true);
        _unmuted.Cancel();
        _input.CancelPendingRead();
    }

    /// <summary>Called about once a second: ends the connection of a client that is too slow.</summary>
    public void CheckPace()
    {
        var since = Volatile.Read(ref _waitingSince);
        var waited = since == 0 ? TimeSpan.Zero : _options.Time.GetElapsedTime(since);
        if (Volatile.Read(ref _isDisposed))
        {
            return; // a last heartbeat
        }

        if (Volatile.Read(ref _flushingSince) is var flushing && flushing != 0
            && _options.Time.GetElapsedTime(flushing) > _options.FrameTimeout)
        {
            End("it took nothing of what it was sent");
        }
        else if (_frames.IsInFrame && waited > _options.FrameTimeout)
        {
            End($"the rest of a request did not come within {_options.FrameTimeout.TotalSeconds:0} s");
        }
        else if (!IsIn && waited > _options.FrameTimeout)
        {
            End($"it did not show who it is within {_options.FrameTimeout.TotalSeconds:0} s");
        }
        else if (Volatile.Read(ref _inFlight) == 0 && waited > _options.IdleTimeout)
        {
            End($"nothing came within {_options.IdleTimeout.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Volatile.Write(ref _isDisposed, true);
        _gone.Dispose();
        _stopped.Dispose();
        _unmuted.Dispose();
        _room.Dispose();
    }

    private bool IsIn => Client.IsAuthenticated || !_options.Tokens.AreRequired;

    private bool IsMuted => !_unmuted.IsCancellationRequested && Client.MutedUntil > _options.Time.GetTimestamp();

    private static bool IsEnd(Exception failure) => failure is IOException or OperationCanceledException or InvalidOperationException
        or ConnectionAbortedException or ConnectionResetException;

    private void End(string why)
    {
        Interlocked.CompareExchange(ref _whyEnded, why, "");
        _unmuted.Cancel();
        _stopped.Cancel();
        _gone.Cancel();
        _input.CancelPendingRead();
        _output.CancelPendingFlush();
    }

    private async Task ReadAsync()
    {
        while (!Volatile.Read(ref _leaving) && !_stopped.IsCancellationRequested)
        {
            var result = await _input.ReadAsync().ConfigureAwait(false);
            var left = await TakeAsync(result.Buffer).ConfigureAwait(false);
            if (left.Length < result.Buffer.Length)
            {
                Volatile.Write(ref _waitingSince, _options.Time.GetTimestamp());
            }

            var isLast = result.IsCompleted || _frames.Fault is not null;
            _input.AdvanceTo(left.Start, left.End);
            if (isLast)
            {
                Interlocked.CompareExchange(ref _whyEnded, _frames.Fault ?? "", "");
                break;
            }
        }
    }

    /// <summary>Begins all whole requests, as long as there is room for them.</summary>
    /// <returns>What is left.</returns>
    private async ValueTask<ReadOnlySequence<byte>> TakeAsync(ReadOnlySequence<byte> buffer)
    {
        while (!Volatile.Read(ref _leaving))
        {
            if (!_frames.IsInFrame)
            {
                if (!buffer.IsEmpty && IsMuted)
                {
                    await WaitWhileMutedAsync().ConfigureAwait(false);
                    continue; // the node may shut down by now
                }

                var length = _frames.ReadLength(ref buffer, IsIn ? _options.RequestBytesMax : LoginBytesMax);
                if (length < 0)
                {
                    break;
                }

                await _room.WaitAsync(_stopped.Token).ConfigureAwait(false);
                await _budget.TakeAsync(length, _stopped.Token).ConfigureAwait(false);
                _begun = length;
                _frames.Begin(length);
                Volatile.Write(ref _waitingSince, _options.Time.GetTimestamp());
            }

            if (_frames.TryFill(ref buffer) is not { } frame)
            {
                break;
            }

            _begun = 0;
            Interlocked.Increment(ref _inFlight);
            _replies.Writer.TryWrite(ServeAsync(frame));
        }

        return buffer;
    }

    // What comes meanwhile stays where it is: a client that does not heed what it is told, to wait, is held back by its own connection.
    private async ValueTask WaitWhileMutedAsync()
    {
        while (IsMuted)
        {
            var left = _options.Time.GetElapsedTime(_options.Time.GetTimestamp(), Client.MutedUntil);
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(left.TotalMilliseconds))), _options.Time, _unmuted.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Volatile.Write(ref _waitingSince, _options.Time.GetTimestamp());
    }

    private async Task<KafkaReply> ServeAsync(byte[] frame)
    {
        try
        {
            return await _requests.ServeAsync(frame, Client).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            return KafkaReply.None;
        }
        catch (KafkaConnectionException why)
        {
            return KafkaReply.Close(why.Message);
        }
        catch (Exception failure)
        {
            LogFailed(_logger, failure);
            return KafkaReply.Close($"a request failed by a fault of the server: {failure.GetType().Name}");
        }
        finally
        {
            _budget.Release(frame.Length);
        }
    }

    private async Task WriteAsync()
    {
        var isOpen = true;
        await foreach (var serving in _replies.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            // What gathered while requests were served leaves together, and before anybody waits.
            if (isOpen && !serving.IsCompleted)
            {
                isOpen = await FlushAsync().ConfigureAwait(false);
            }

            var reply = await serving.ConfigureAwait(false);
            Interlocked.Decrement(ref _inFlight);
            _room.Release();
            if (!isOpen)
            {
                continue;
            }

            if (reply.WhyClosed is { } why)
            {
                await FlushAsync().ConfigureAwait(false);
                isOpen = false;
                End(why);
                continue;
            }

            reply.Write(_gathered);
            if (_gathered.Length >= GatheredBytesMax || !_replies.Reader.TryPeek(out _))
            {
                isOpen = await FlushAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> FlushAsync()
    {
        if (_gone.IsCancellationRequested)
        {
            return false;
        }

        if (_gathered.Length == 0)
        {
            return true;
        }

        try
        {
            Volatile.Write(ref _flushingSince, _options.Time.GetTimestamp());
            var flush = await _output.WriteAsync(_gathered.WrittenMemory).ConfigureAwait(false);
            Volatile.Write(ref _flushingSince, 0);
            if (!flush.IsCompleted && !flush.IsCanceled)
            {
                // The memory of a long answer is not kept for ever.
                if (_gathered.Length > KeptWriterBytesMax)
                {
                    _gathered = new WireWriter(4096);
                }

                _gathered.Reset();
                return true;
            }
        }
        catch (Exception failure) when (IsEnd(failure))
        {
            // The client has gone: what is under way for it may stop.
        }

        Leave();
        return false;
    }

    [LoggerMessage(EventId = 4301, Level = LogLevel.Error, Message = "A request of the Kafka protocol failed by a fault of the server")]
    private static partial void LogFailed(ILogger logger, Exception failure);
}
