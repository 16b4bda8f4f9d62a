using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Snapshots;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// The file of a snapshot, on a disk in memory. Damaged: what can be read of it is what was written. Forged, with right checksums: it may
/// hold anything, and still neither throws nor takes memory.
/// </summary>
public sealed class SnapshotFileTarget(bool isForged) : IFuzzTarget
{
    private const string Folder = "snapshots";
    private const int PieceBytes = 30_000;

    private static readonly SnapshotMeta Meta = new(new ShardId(5), new LogIndex(9), new Term(3), new byte[] { 1, 0, 0, 0 });

    private static readonly byte[] Content = [.. Enumerable.Range(0, 70_000).Select(i => (byte)(i / 251))];

    private static readonly string FileName = SnapshotFormat.FileName(Folder, Meta.Shard, Meta.Index);

    /// <inheritdoc />
    public string Name => isForged ? "snapshot-file-forged" : "snapshot-file";

    /// <inheritdoc />
    public string About => isForged
        ? "SnapshotStore, files with right checksums: listed or reported, and what is read is as long as it says"
        : "SnapshotStore, damaged files: reported, or read exactly as they were written";

    /// <inheritdoc />
    public AllocationBound Allocation => new(8, 2 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [Write(Content), Write([])];

    /// <summary>Makes the checksums of header, chunks and trailer right; nothing when damage is what is looked for.</summary>
    public void FixChecksums(Span<byte> input)
    {
        if (!isForged || input.Length < SnapshotFormat.HeaderBytes + SnapshotFormat.TrailerBytes)
        {
            return;
        }

        var header = input[..SnapshotFormat.HeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], Crc32C.Compute(header[..12], header[16..]));
        var mask = SnapshotFormat.Mask(
            new ShardId(BinaryPrimitives.ReadUInt64LittleEndian(header[16..])),
            new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(header[24..])),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(header[32..])));
        var trailer = input[^SnapshotFormat.TrailerBytes..];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], Crc32C.Compute(trailer[8..]) ^ mask);
        var chunks = input[SnapshotFormat.HeaderBytes..^SnapshotFormat.TrailerBytes];
        for (var number = 0; chunks.Length > SnapshotFormat.ChunkHeaderBytes; number++)
        {
            var chunk = chunks[..Math.Min(chunks.Length, SnapshotFormat.ChunkBytes)];
            BinaryPrimitives.WriteUInt32LittleEndian(
                chunk, SnapshotFormat.ChunkChecksum(chunk[SnapshotFormat.ChunkHeaderBytes..], number, mask));
            chunks = chunks[chunk.Length..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var disk = new ImageDisk();
        disk.Files[FileName] = input.ToArray();
        SnapshotStoreOpening? opening = null;
        SnapshotStore.Open(disk, Folder, end => opening = end);
        disk.Pump();
        BrokenPromiseException.Unless(opening is not null, "an opening comes to an end");
        if (opening.Store?.Latest(Meta.Shard) is not { } snapshot)
        {
            BrokenPromiseException.Unless(
                opening.Status != SnapshotStatus.Ok || opening.Damaged.Count == 1, "a file that is not listed is reported");
            return Verdict.Refused(opening.Status == SnapshotStatus.Ok ? opening.Damaged[0].Why : opening.Status.ToString());
        }

        var content = ReadAll(opening.Store, snapshot, disk, out var damage);
        if (damage is not null)
        {
            return Verdict.Refused(damage);
        }

        BrokenPromiseException.Unless(content.Length == snapshot.ContentBytes, "a snapshot is as long as it says");
        BrokenPromiseException.Unless(
            isForged || content.SequenceEqual(Content) || content.IsEmpty, "what is read is what was written");
        return Verdict.Accepted(content.Length switch { 0 => "empty", <= SnapshotFormat.ChunkContentBytes => "one chunk", _ => "chunks" });
    }

    private static ReadOnlySpan<byte> ReadAll(SnapshotStore store, SnapshotInfo snapshot, ImageDisk disk, out string? damage)
    {
        SnapshotReader? reader = null;
        store.OpenRead(snapshot, (_, opened) => reader = opened);
        disk.Pump();
        BrokenPromiseException.Unless(reader is not null, "a snapshot that is listed can be opened");
        var content = new MemoryStream();
        var piece = new byte[PieceBytes];
        damage = null;
        while (true)
        {
            SnapshotRead? end = null;
            reader.Read(content.Length, piece, read => end = read);
            disk.Pump();
            BrokenPromiseException.Unless(end is not null, "a read comes to an end");
            damage = end.Value.Status == SnapshotStatus.Ok ? null : end.Value.Corruption?.Why ?? end.Value.Status.ToString();
            if (damage is not null || end.Value.Bytes == 0)
            {
                reader.Close();
                return content.ToArray();
            }

            content.Write(piece, 0, end.Value.Bytes);
        }
    }

    private static byte[] Write(byte[] content)
    {
        var disk = new ImageDisk();
        SnapshotStore.Open(disk, Folder, opening =>
        {
            var writer = opening.Store!.Begin(Meta);
            writer.Write(content);
            writer.Finish(static _ => { });
        });
        disk.Pump();
        return disk.Files[FileName];
    }
}
