using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Live.Networks;

/// <summary>What a decoder found.</summary>
internal enum FrameStatus : byte
{
    /// <summary>A frame.</summary>
    Complete,

    /// <summary>Not all of a frame yet.</summary>
    Incomplete,

    /// <summary>Something that is no frame: the connection can't be trusted to be in step any more.</summary>
    Bad,
}

/// <summary>
/// Cuts a stream of bytes into frames. Payloads are slices of the buffer that was received into; a buffer is never written again where a
/// frame was cut from it, so payloads may be kept. Bytes may be anything: nothing here throws on them, nor makes room for more than
/// the bound.
/// </summary>
internal sealed class FrameDecoder
{
    private const int ChunkBytes = 64 * 1024;
    private const int RoomBytesMin = 4 * 1024;

    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(ChunkBytes);
    private int _start;
    private int _end;

    /// <summary>A decoder at the start of a stream.</summary>
    /// <param name="payloadBytesMax">The longest payload to take.</param>
    public FrameDecoder(int payloadBytesMax) => PayloadBytesMax = payloadBytesMax;

    /// <summary>The longest payload to take; longer ones are bad.</summary>
    public int PayloadBytesMax { get; set; }

    /// <summary>Where to receive into: never empty.</summary>
    public Memory<byte> Room()
    {
        var needed = BytesNeeded();
        var isEnough = _buffer.Length - _start >= needed && _buffer.Length - _end >= Math.Min(RoomBytesMin, needed - (_end - _start));
        if (!isEnough)
        {
            // What was cut from the old buffer belongs to its receivers now; only the begun frame moves.
            var fresh = GC.AllocateUninitializedArray<byte>(Math.Max(ChunkBytes, needed));
            _buffer.AsSpan(_start, _end - _start).CopyTo(fresh);
            _buffer = fresh;
            _end -= _start;
            _start = 0;
        }

        Check.That(_end < _buffer.Length);
        return _buffer.AsMemory(_end);
    }

    /// <summary>That many bytes were received into <see cref="Room"/>.</summary>
    public void Received(int count)
    {
        Check.That(count >= 0 && count <= _buffer.Length - _end);
        _end += count;
    }

    /// <summary>Takes that many bytes as they are, from before the first frame.</summary>
    public bool TryTake(int count, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (_end - _start < count)
        {
            return false;
        }

        bytes = _buffer.AsSpan(_start, count);
        _start += count;
        return true;
    }

    /// <summary>The next frame.</summary>
    /// <param name="frame">It, when complete.</param>
    /// <param name="why">What is wrong, when bad.</param>
    public FrameStatus TryRead(out Frame frame, out string? why)
    {
        frame = default;
        why = null;
        var received = _buffer.AsSpan(_start, _end - _start);
        if (received.Length < Frame.HeaderBytes)
        {
            return FrameStatus.Incomplete;
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(received[Frame.LengthOffset..]);
        if (length > (uint)PayloadBytesMax)
        {
            why = $"a frame of {length} bytes, where at most {PayloadBytesMax} are allowed";
            return FrameStatus.Bad;
        }

        var total = Frame.HeaderBytes + (int)length;
        if (received.Length < total)
        {
            return FrameStatus.Incomplete;
        }

        if (Crc32C.Compute(received[Frame.LengthOffset..total]) != BinaryPrimitives.ReadUInt32LittleEndian(received))
        {
            why = $"a frame of {length} bytes whose checksum does not match";
            return FrameStatus.Bad;
        }

        var kind = (FrameKind)received[Frame.KindOffset];
        if (kind is < FrameKind.Message or > FrameKind.Refusal || received[Frame.KindOffset + 3] != 0)
        {
            why = $"a frame of unknown kind {(byte)kind}";
            return FrameStatus.Bad;
        }

        var payload = _buffer.AsMemory(_start + Frame.HeaderBytes, (int)length);
        frame = new Frame(kind, received[Frame.KindOffset + 1], received[Frame.KindOffset + 2], payload);
        _start += total;
        return FrameStatus.Complete;
    }

    // Only as much as the header, once there, has been found to ask for within the bound.
    private int BytesNeeded()
    {
        if (_end - _start < Frame.HeaderBytes)
        {
            return Frame.HeaderBytes;
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_start + Frame.LengthOffset));
        return Frame.HeaderBytes + (int)Math.Min(length, (uint)PayloadBytesMax);
    }
}
