using System.Buffers;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Compression;
using Atoll.Gateways.Cql.Compression;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>How a read of a frame ended.</summary>
public enum CqlReadStatus
{
    /// <summary>More bytes are needed.</summary>
    NeedsMore,

    /// <summary>There is a frame.</summary>
    Frame,

    /// <summary>The bytes are not the protocol's; nothing after them can be read.</summary>
    Fault,
}

/// <summary>
/// Cuts frames out of a stream of bytes that may come in any pieces: bare ones, or those in version 5's segments once
/// <see cref="StartSegments"/> was called. Memory is taken for bytes that have come, never for those that a length announces.
/// </summary>
public sealed class CqlFrameReader
{
    private readonly int _bodyBytesMax;
    private readonly bool _isServer;
    private CqlCompression _compression;

    // The whole frames of a self-contained segment, as far as they are not taken yet.
    private ReadOnlyMemory<byte> _payload;
    private bool _payloadIsShared;

    // What has come of a frame that is longer than a segment.
    private byte[] _large = [];
    private int _largeBytes;

    /// <summary>A reader at the start of a connection.</summary>
    /// <param name="bodyBytesMax">The longest body that is accepted, before and after compression.</param>
    /// <param name="isServer">Whether requests are read; else responses.</param>
    public CqlFrameReader(int bodyBytesMax, bool isServer)
    {
        Check.That(bodyBytesMax is > 0 and <= CqlProtocol.BodyBytesMax);
        _bodyBytesMax = bodyBytesMax;
        _isServer = isServer;
    }

    /// <summary>Why the last read was a fault, in words for the client's programmer.</summary>
    public string Fault { get; private set; } = "";

    /// <summary>The stream of the frame that was at fault; 0 when it is not known.</summary>
    public short FaultStream { get; private set; }

    /// <summary>Whether <see cref="StartSegments"/> was called.</summary>
    public bool IsInSegments { get; private set; }

    /// <summary>Whether a frame has begun that is not whole, in what was taken so far.</summary>
    public bool IsInFrame => _largeBytes > 0;

    /// <summary>From now on, bodies may be compressed.</summary>
    public void StartCompression(CqlCompression compression) => _compression = compression;

    /// <summary>From now on, frames come in segments.</summary>
    /// <param name="isCompressed">Whether payloads are compressed by LZ4.</param>
    public void StartSegments(bool isCompressed)
    {
        Check.That(!IsInSegments);
        IsInSegments = true;
        _compression = isCompressed ? CqlCompression.Lz4 : CqlCompression.None;
    }

    /// <summary>Takes the next frame.</summary>
    /// <param name="input">What has come; begins behind what was taken afterwards.</param>
    /// <param name="frame">The frame.</param>
    public CqlReadStatus TryRead(ref ReadOnlySequence<byte> input, out CqlFrame frame)
    {
        frame = default;
        if (!IsInSegments)
        {
            return ReadBare(ref input, out frame);
        }

        while (_payload.IsEmpty)
        {
            var status = ReadSegment(ref input, out frame);
            if (status != CqlReadStatus.Frame || frame.Header.Version != 0)
            {
                return status;
            }
        }

        return ReadFromPayload(out frame);
    }

    private CqlReadStatus ReadBare(ref ReadOnlySequence<byte> input, out CqlFrame frame)
    {
        frame = default;
        Span<byte> start = stackalloc byte[CqlFrameHeader.Bytes];
        var have = (int)Math.Min(input.Length, CqlFrameHeader.Bytes);
        input.Slice(0, have).CopyTo(start);
        if (IsUnknownVersion(start[..have]))
        {
            return CqlReadStatus.Fault;
        }

        if (have < CqlFrameHeader.Bytes)
        {
            return CqlReadStatus.NeedsMore;
        }

        var header = CqlFrameHeader.Read(start);
        if (!IsAcceptable(header))
        {
            return CqlReadStatus.Fault;
        }

        var whole = CqlFrameHeader.Bytes + (long)header.BodyBytes;
        if (input.Length < whole)
        {
            return CqlReadStatus.NeedsMore;
        }

        var body = input.Slice(CqlFrameHeader.Bytes, header.BodyBytes);
        if (!TryOpen(header, body, out var plain))
        {
            return CqlReadStatus.Fault;
        }

        input = input.Slice(whole);
        frame = new CqlFrame(header, plain);
        return CqlReadStatus.Frame;
    }

    private bool TryOpen(CqlFrameHeader header, ReadOnlySequence<byte> body, out byte[] plain)
    {
        plain = body.ToArray();
        if (!header.Flags.HasFlag(CqlFrameFlags.Compressed) || header.Version >= (byte)CqlVersion.V5 || plain.Length == 0)
        {
            return true;
        }

        if (_compression == CqlCompression.None)
        {
            Refuse(header.Stream, "a frame is compressed, and STARTUP agreed on no compression");
            return false;
        }

        var fault = BodyCompression.TryDecompress(_compression, plain, _bodyBytesMax, out plain);
        if (fault.Length > 0)
        {
            Refuse(header.Stream, fault);
        }

        return fault.Length == 0;
    }

    /// <summary>Takes a segment; "frame" with a header of no version when it was taken and more must follow.</summary>
    private CqlReadStatus ReadSegment(ref ReadOnlySequence<byte> input, out CqlFrame frame)
    {
        frame = default;
        var isCompressed = _compression != CqlCompression.None;
        var headerBytes = SegmentHeader.Bytes(isCompressed);
        if (input.Length < headerBytes)
        {
            return CqlReadStatus.NeedsMore;
        }

        Span<byte> start = stackalloc byte[headerBytes];
        input.Slice(0, headerBytes).CopyTo(start);
        if (!SegmentHeader.TryRead(start, isCompressed, out var header))
        {
            return Refuse(0, "the checksum of a segment's header does not match: its bytes were altered on their way");
        }

        var whole = headerBytes + (long)header.PayloadBytes + SegmentHeader.TrailerBytes;
        if (input.Length < whole)
        {
            return CqlReadStatus.NeedsMore;
        }

        var payload = input.Slice(headerBytes, header.PayloadBytes).ToArray();
        Span<byte> trailer = stackalloc byte[SegmentHeader.TrailerBytes];
        input.Slice(headerBytes + header.PayloadBytes, SegmentHeader.TrailerBytes).CopyTo(trailer);
        input = input.Slice(whole);
        if (SegmentChecksums.OfPayload(payload) != System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(trailer))
        {
            return Refuse(0, "the checksum of a segment's payload does not match: its bytes were altered on their way");
        }

        if (header.PlainBytes > 0)
        {
            var plain = GC.AllocateUninitializedArray<byte>(header.PlainBytes);
            if (!Lz4Block.TryDecompress(payload, plain))
            {
                return Refuse(0, "a segment's payload is not an LZ4 block of its length");
            }

            payload = plain;
        }

        return header.IsSelfContained ? TakeWholeFrames(payload, out frame) : TakePiece(payload, out frame);
    }

    private CqlReadStatus TakeWholeFrames(byte[] payload, out CqlFrame frame)
    {
        frame = default;
        if (_largeBytes > 0)
        {
            return Refuse(0, "a self-contained segment came in the middle of a frame");
        }

        _payload = payload;
        _payloadIsShared = false;
        return CqlReadStatus.Frame;
    }

    private CqlReadStatus ReadFromPayload(out CqlFrame frame)
    {
        frame = default;
        var start = _payload.Span[..Math.Min(_payload.Length, CqlFrameHeader.Bytes)];
        if (IsUnknownVersion(start))
        {
            return CqlReadStatus.Fault;
        }

        if (start.Length < CqlFrameHeader.Bytes)
        {
            return Refuse(0, "a self-contained segment ends in the middle of a frame");
        }

        var header = CqlFrameHeader.Read(start);
        if (!IsAcceptable(header))
        {
            return CqlReadStatus.Fault;
        }

        var whole = CqlFrameHeader.Bytes + (long)header.BodyBytes;
        if (_payload.Length < whole)
        {
            return Refuse(header.Stream, "a self-contained segment ends in the middle of a frame");
        }

        // A frame that has the segment for itself keeps it; of a shared one, each takes a copy, or a small value would keep all of it.
        var body = _payload.Slice(CqlFrameHeader.Bytes, (int)header.BodyBytes);
        _payload = _payload[(int)whole..];
        _payloadIsShared |= !_payload.IsEmpty;
        frame = new CqlFrame(header, _payloadIsShared ? body.ToArray() : body);
        return CqlReadStatus.Frame;
    }

    private CqlReadStatus TakePiece(byte[] piece, out CqlFrame frame)
    {
        frame = default;
        if (_largeBytes + piece.Length > _large.Length)
        {
            Array.Resize(ref _large, Math.Max(_large.Length * 2, _largeBytes + piece.Length));
        }

        piece.CopyTo(_large, _largeBytes);
        _largeBytes += piece.Length;
        var start = _large.AsSpan(0, Math.Min(_largeBytes, CqlFrameHeader.Bytes));
        if (IsUnknownVersion(start))
        {
            return CqlReadStatus.Fault;
        }

        if (start.Length < CqlFrameHeader.Bytes)
        {
            return CqlReadStatus.Frame;
        }

        var header = CqlFrameHeader.Read(start);
        if (!IsAcceptable(header))
        {
            return CqlReadStatus.Fault;
        }

        var whole = CqlFrameHeader.Bytes + (int)header.BodyBytes;
        if (_largeBytes > whole)
        {
            return Refuse(header.Stream, "the last segment of a frame holds more than its end");
        }

        if (_largeBytes == whole)
        {
            frame = new CqlFrame(header, _large.AsMemory(CqlFrameHeader.Bytes, (int)header.BodyBytes));
            (_large, _largeBytes) = ([], 0);
        }

        return CqlReadStatus.Frame;
    }

    private bool IsUnknownVersion(ReadOnlySpan<byte> start)
    {
        // Up to its stream, the header has been the same since version 3; the first byte alone decides for others, too, but the answer
        // must come under the request's stream.
        const int bytesToStream = 4;
        if (start.Length < bytesToStream || CqlProtocol.IsSupported(start[0] & 0x7F))
        {
            return false;
        }

        var isBeforeV3 = (start[0] & 0x7F) < (int)CqlVersion.V3;
        var stream = isBeforeV3 ? (sbyte)start[2] : (short)((start[2] << 8) | start[3]);
        Refuse(stream, CqlProtocol.UnsupportedVersion(start[0] & 0x7F));
        return true;
    }

    private bool IsAcceptable(CqlFrameHeader header)
    {
        if (header.IsResponse == _isServer)
        {
            Refuse(
                header.Stream,
                _isServer ? "a response came where a request was expected" : "a request came where a response was expected");
            return false;
        }

        if (header.BodyBytes > (uint)_bodyBytesMax)
        {
            Refuse(header.Stream, $"a body of {header.BodyBytes} bytes is over the limit of {_bodyBytesMax}");
            return false;
        }

        return true;
    }

    private CqlReadStatus Refuse(short stream, string fault)
    {
        (FaultStream, Fault) = (stream, fault);
        return CqlReadStatus.Fault;
    }
}
