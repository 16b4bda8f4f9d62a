using Atoll.Foundation.Checks;

namespace Atoll.Live.Networks;

/// <summary>
/// Frames that wait for one connection, back to back: what gathered while one write was under way leaves in the next. Not safe by itself;
/// its owner's lock guards it, except that who was given <see cref="Sending"/> reads that without the lock.
/// </summary>
internal sealed class SendQueue
{
    private const int CapacityAtStart = 32 * 1024;
    private const int CapacityKept = 1024 * 1024;

    private byte[] _waiting = new byte[CapacityAtStart];
    private byte[] _sending = new byte[CapacityAtStart];
    private int _waitingLength;
    private int _sendingLength;
    private int _sent;

    /// <summary>Bytes that wait, or are being sent and not gone yet.</summary>
    public long QueuedBytes => _waitingLength + (long)_sendingLength - Volatile.Read(ref _sent);

    /// <summary>What is being sent and not gone yet.</summary>
    public ReadOnlySpan<byte> Sending => _sending.AsSpan(_sent, _sendingLength - _sent);

    /// <summary>Appends a frame.</summary>
    public void Append(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        var length = _waitingLength + header.Length + payload.Length;
        if (length > _waiting.Length)
        {
            Array.Resize(ref _waiting, (int)Math.Min(Array.MaxLength, Math.Max(_waiting.Length * 2L, length)));
        }

        header.CopyTo(_waiting.AsSpan(_waitingLength));
        payload.CopyTo(_waiting.AsSpan(_waitingLength + header.Length));
        _waitingLength = length;
    }

    /// <summary>When all of <see cref="Sending"/> is gone, makes what waits the next to be sent; false when nothing waits.</summary>
    public bool TryBeginSending()
    {
        Check.That(_sent == _sendingLength);
        if (_waitingLength == 0)
        {
            _sendingLength = _sent = 0;
            return false;
        }

        var drained = _sending.Length > CapacityKept ? new byte[CapacityAtStart] : _sending;
        (_sending, _waiting) = (_waiting, drained);
        _sendingLength = _waitingLength;
        _sent = 0;
        _waitingLength = 0;
        return true;
    }

    /// <summary>That many bytes of <see cref="Sending"/> are gone.</summary>
    public void Sent(int count)
    {
        Check.That(count >= 0 && count <= _sendingLength - _sent);
        Volatile.Write(ref _sent, _sent + count);
    }

    /// <summary>Forgets everything: the connection is gone.</summary>
    public void Clear() => _waitingLength = _sendingLength = _sent = 0;
}
