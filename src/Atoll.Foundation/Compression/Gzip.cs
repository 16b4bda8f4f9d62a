using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Atoll.Foundation.Bytes;

namespace Atoll.Foundation.Compression;

/// <summary>
/// gzip (RFC 1952), by the platform's own library. That library takes an input that ends too early, or has anything behind its end, for
/// good; so what stands at the very end is compared with what came out: length and checksum of the last member.
/// </summary>
public static class Gzip
{
    private const int PieceBytes = 64 * 1024;
    private const int TrailerBytes = 8;
    private const int MemberBytesMin = 20;

    private static ReadOnlySpan<byte> Magic => [0x1F, 0x8B, 8];

    // A member of nothing: head without a time or system, one empty block, checksum and length.
    private static ReadOnlySpan<byte> Empty => [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Appends a member.</summary>
    /// <param name="source">The contents.</param>
    /// <param name="target">Where to.</param>
    public static void Compress(ReadOnlySpan<byte> source, WireWriter target)
    {
        if (source.IsEmpty)
        {
            target.WriteRaw(Empty); // the library writes nothing for nothing
            return;
        }

        using var sink = new WriterStream(target);
        using var gzip = new GZipStream(sink, CompressionLevel.Optimal);
        gzip.Write(source);
    }

    /// <summary>Appends the contents of all members of the input. Never throws on any input.</summary>
    /// <param name="source">Members, and nothing else.</param>
    /// <param name="target">Where to; unchanged when it fails.</param>
    /// <param name="bytesMax">The most that is appended.</param>
    public static CompressionFault Decompress(ReadOnlyMemory<byte> source, WireWriter target, int bytesMax)
    {
        var head = source.Span[..Math.Min(source.Length, Magic.Length)];
        if (!head.SequenceEqual(Magic[..head.Length]))
        {
            return CompressionFault.Format;
        }

        if (source.Length < MemberBytesMin)
        {
            return CompressionFault.Truncated;
        }

        var start = target.Length;
        var fault = Read(source, target, (int)Math.Min(int.MaxValue, (long)start + bytesMax));
        fault = fault != CompressionFault.None ? fault : CheckTrailer(source.Span[^TrailerBytes..], target.Written[start..]);
        if (fault != CompressionFault.None)
        {
            target.Truncate(start);
        }

        return fault;
    }

    private static CompressionFault Read(ReadOnlyMemory<byte> source, WireWriter target, int lengthMax)
    {
        if (MemoryMarshal.TryGetArray(source, out var bytes))
        {
            return Read(bytes, target, lengthMax);
        }

        var copy = ArrayPool<byte>.Shared.Rent(source.Length);
        source.CopyTo(copy);
        var fault = Read(new ArraySegment<byte>(copy, 0, source.Length), target, lengthMax);
        ArrayPool<byte>.Shared.Return(copy);
        return fault;
    }

    private static CompressionFault Read(ArraySegment<byte> source, WireWriter target, int lengthMax)
    {
        using var stream = new MemoryStream(source.Array!, source.Offset, source.Count, writable: false);
        using var gzip = new GZipStream(stream, CompressionMode.Decompress);
        try
        {
            while (true)
            {
                // One byte more than allowed, to see whether it goes on.
                var room = (int)Math.Min(PieceBytes, (long)lengthMax - target.Length + 1);
                var read = gzip.Read(target.GetSpan(room)[..room]);
                if (read == 0)
                {
                    return CompressionFault.None;
                }

                if (read > lengthMax - target.Length)
                {
                    return CompressionFault.Limit;
                }

                target.Advance(read);
            }
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            return CompressionFault.Format;
        }
    }

    // The library compared all checksums that it came to: it was the last one when it is that of as many bytes at the end.
    private static CompressionFault CheckTrailer(ReadOnlySpan<byte> trailer, ReadOnlySpan<byte> contents)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]);
        return length > (uint)contents.Length ? CompressionFault.Truncated
            : Crc32.Compute(contents[^(int)length..]) == BinaryPrimitives.ReadUInt32LittleEndian(trailer) ? CompressionFault.None
            : CompressionFault.Checksum;
    }

    /// <summary>A writer as what the library writes to.</summary>
    private sealed class WriterStream(WireWriter target) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer) => target.WriteRaw(buffer);

        public override void Write(byte[] buffer, int offset, int count) => target.WriteRaw(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
