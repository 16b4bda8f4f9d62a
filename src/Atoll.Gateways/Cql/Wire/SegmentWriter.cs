using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Compression;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>
/// Puts frames into segments: as many whole ones into a segment as it holds, and one that is too long for a segment into several of its
/// own.
/// </summary>
public static class SegmentWriter
{
    /// <summary>Appends the segments of frames.</summary>
    /// <param name="frames">Whole frames, one behind the other.</param>
    /// <param name="isCompressed">Whether payloads are compressed by LZ4.</param>
    /// <param name="target">Receives the segments.</param>
    public static void Write(ReadOnlySpan<byte> frames, bool isCompressed, WireWriter target)
    {
        while (!frames.IsEmpty)
        {
            var bytes = WholeFrames(frames);
            if (bytes <= SegmentHeader.PayloadBytesMax)
            {
                WriteSegment(frames[..bytes], isSelfContained: true, isCompressed, target);
                frames = frames[bytes..];
                continue;
            }

            for (var left = frames[..bytes]; !left.IsEmpty;)
            {
                var piece = left[..Math.Min(left.Length, SegmentHeader.PayloadBytesMax)];
                WriteSegment(piece, isSelfContained: false, isCompressed, target);
                left = left[piece.Length..];
            }

            frames = frames[bytes..];
        }
    }

    /// <summary>The length of the first frames that fit into a segment together; of the first alone when that does not.</summary>
    private static int WholeFrames(ReadOnlySpan<byte> frames)
    {
        var bytes = 0;
        while (bytes < frames.Length)
        {
            Check.That(frames.Length - bytes >= CqlFrameHeader.Bytes);
            var next = CqlFrameHeader.Bytes + (int)CqlFrameHeader.Read(frames[bytes..]).BodyBytes;
            Check.That(next <= frames.Length - bytes);
            if (bytes > 0 && bytes + next > SegmentHeader.PayloadBytesMax)
            {
                break;
            }

            bytes += next;
        }

        return bytes;
    }

    private static void WriteSegment(ReadOnlySpan<byte> payload, bool isSelfContained, bool isCompressed, WireWriter target)
    {
        var headerBytes = SegmentHeader.Bytes(isCompressed);
        var room = target.GetSpan(headerBytes + Lz4Block.CompressedBytesMax(payload.Length) + SegmentHeader.TrailerBytes);
        var payloadBytes = isCompressed ? Lz4Block.Compress(payload, room[headerBytes..]) : 0;
        var plainBytes = payload.Length;

        // What compression makes longer is sent compressed all the same where the format has room for it: Python's driver 3.25 expects two
        // bytes too few of a segment that is marked as not compressed, and fails when they come later than the others.
        if (!isCompressed || payloadBytes > SegmentHeader.PayloadBytesMax)
        {
            payload.CopyTo(room[headerBytes..]);
            (payloadBytes, plainBytes) = (payload.Length, 0);
        }

        new SegmentHeader(payloadBytes, plainBytes, isSelfContained).Write(room, isCompressed);
        var checksum = SegmentChecksums.OfPayload(room.Slice(headerBytes, payloadBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(room[(headerBytes + payloadBytes)..], checksum);
        target.Advance(headerBytes + payloadBytes + SegmentHeader.TrailerBytes);
    }
}
