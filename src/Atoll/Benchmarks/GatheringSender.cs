using System.Net.Sockets;
using Atoll.Foundation.Bytes;

namespace Atoll.Benchmarks;

/// <summary>Sends what callers write: what comes together while the socket is busy leaves in one write. Safe on any thread.</summary>
/// <param name="socket">The socket, which someone else receives from.</param>
internal sealed class GatheringSender(Socket socket)
{
    private const int BufferBytesUsual = 64 * 1024;

    private readonly Lock _lock = new();
    private WireWriter _filling = new(BufferBytesUsual);
    private WireWriter _sending = new(BufferBytesUsual);
    private bool _isSending;

    /// <summary>Writes something and sends it, behind all that was written before.</summary>
    /// <param name="state">What <paramref name="write"/> is given.</param>
    /// <param name="write">Writes it; called at once, by one caller after the other.</param>
    public void Send<TState>(TState state, Action<WireWriter, TState> write)
    {
        lock (_lock)
        {
            write(_filling, state);
            if (_isSending)
            {
                return;
            }

            _isSending = true;
        }

        _ = Task.Run(FlushAsync);
    }

    private async Task FlushAsync()
    {
        while (true)
        {
            lock (_lock)
            {
                (_filling, _sending) = (_sending, _filling);
                if (_sending.Length == 0)
                {
                    _isSending = false;
                    return;
                }
            }

            try
            {
                // A socket sends all of it, or fails.
                await socket.SendAsync(_sending.WrittenMemory).ConfigureAwait(false);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return; // whoever receives says so
            }

            _sending.Reset();
        }
    }
}
