using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Snapshots;

/// <summary>What a frame of a snapshot carries.</summary>
internal enum SnapshotFrameKind : byte
{
    /// <summary>Format, index, time; the first frame.</summary>
    Header = 1,

    /// <summary>Clients of the request table.</summary>
    Requests = 2,

    /// <summary>A slice of the machine's own.</summary>
    Machine = 3,

    /// <summary>The number of frames before it and a checksum over their checksums; the last frame.</summary>
    End = 4,
}

/// <summary>
/// The frames that a snapshot's stream consists of: length of the body (4 bytes), CRC-32C of the body (4 bytes), body; the body begins with
/// its kind (byte).
/// </summary>
internal static class SnapshotFrames
{
    internal const int HeaderBytes = 8;

    /// <summary>The largest body: a slice that holds the largest record beside a full slice of small ones.</summary>
    internal const int BodyBytesMax = Limits.SnapshotChunkBytes + Limits.EntryBytesMax + (64 * 1024);

    /// <summary>Begins a frame in an empty writer; the body follows, then <see cref="Finish"/>.</summary>
    internal static void Begin(WireWriter frame, SnapshotFrameKind kind)
    {
        frame.Reset();
        frame.ReserveUInt32();
        frame.ReserveUInt32();
        frame.WriteByte((byte)kind);
    }

    /// <summary>Fills in length and checksum; returns the checksum.</summary>
    internal static uint Finish(WireWriter frame)
    {
        var body = frame.Written[HeaderBytes..];
        var checksum = Crc32C.Compute(body);
        frame.PatchUInt32(0, (uint)body.Length);
        frame.PatchUInt32(4, checksum);
        return checksum;
    }

    /// <summary>The checksum over all frames so far: frames that are missing, doubled or out of order change it.</summary>
    internal static uint Chain(uint chain, uint checksum)
    {
        Span<byte> both = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(both, chain);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(both[4..], checksum);
        return Crc32C.Compute(both);
    }
}
