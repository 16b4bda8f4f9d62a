using System.Buffers;
using System.Buffers.Binary;

namespace Atoll.Gateways.Kafka.Connections;

/// <summary>
/// Cuts what a client sends into requests: four bytes of length, big-endian, then as many bytes. It never throws on bad input, and keeps no
/// more than the request that has begun. Not thread-safe.
/// </summary>
public sealed class KafkaFrameReader
{
    private const int LengthBytes = 4;

    private byte[]? _frame;
    private int _filled;

    /// <summary>Why nothing that comes can be understood any longer; null as long as it can.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether a request has begun whose rest is awaited.</summary>
    public bool IsInFrame => _frame is not null;

    /// <summary>Reads the length of the next request, if it is there; the request itself is read by <see cref="TryFill"/>.</summary>
    /// <param name="input">What has come; the length is cut off when it is there.</param>
    /// <param name="bytesMax">The longest request that is taken.</param>
    /// <returns>The length; -1 when it is not there yet, or is none (<see cref="Fault"/>).</returns>
    public int ReadLength(ref ReadOnlySequence<byte> input, int bytesMax)
    {
        if (Fault is not null || input.Length < LengthBytes)
        {
            return -1;
        }

        Span<byte> bytes = stackalloc byte[LengthBytes];
        input.Slice(0, LengthBytes).CopyTo(bytes);
        var length = BinaryPrimitives.ReadInt32BigEndian(bytes);
        if (length < 0 || length > bytesMax)
        {
            Fault = $"a request of {length} bytes: at most {bytesMax} are taken";
            return -1;
        }

        input = input.Slice(LengthBytes);
        return length;
    }

    /// <summary>Begins a request of a length that was read.</summary>
    public void Begin(int length) => (_frame, _filled) = (GC.AllocateUninitializedArray<byte>(length), 0);

    /// <summary>Takes what is there of the request that has begun.</summary>
    /// <param name="input">What has come; what was taken is cut off.</param>
    /// <returns>The request, when all of it is there; it is the caller's.</returns>
    public byte[]? TryFill(ref ReadOnlySequence<byte> input)
    {
        if (_frame is not { } frame)
        {
            return null;
        }

        var taken = (int)Math.Min(input.Length, frame.Length - _filled);
        input.Slice(0, taken).CopyTo(frame.AsSpan(_filled));
        input = input.Slice(taken);
        _filled += taken;
        if (_filled < frame.Length)
        {
            return null;
        }

        _frame = null;
        return frame;
    }
}
