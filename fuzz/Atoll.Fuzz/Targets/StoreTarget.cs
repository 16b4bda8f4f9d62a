using System.Buffers.Binary;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// The files of a store, on a disk in memory. Damaged: opening ends as corrupt, or every read answers what was written up to the index that
/// the store says was applied, or a fault. Forged, with right checksums in the manifest: it may say anything, and still nothing throws or
/// hangs.
/// <para>Input: for each file its length (4 bytes), then the bytes of all.</para>
/// </summary>
public sealed class StoreTarget(bool isForged) : IFuzzTarget
{
    private const int MaintainMax = 200;

    private readonly StoreHistory _history = StoreHistory.Instance;

    /// <inheritdoc />
    public string Name => isForged ? "store-forged" : "store";

    /// <inheritdoc />
    public string About => isForged
        ? "LsmStore, a manifest with right checksums: corrupt, or open, and every read comes to an end"
        : "LsmStore, damaged files: corrupt, or every read answers what was written, or a fault";

    /// <inheritdoc />
    public AllocationBound Allocation => new(64, 32 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds => [_history.Image];

    private int HeadBytes => 4 * _history.Names.Count;

    /// <summary>Makes the checksums in the manifest right; nothing when damage is what is looked for.</summary>
    public void FixChecksums(Span<byte> input)
    {
        if (!isForged || input.Length < HeadBytes)
        {
            return;
        }

        var rest = input[HeadBytes..];
        for (var i = 0; i < _history.Names.Count; i++)
        {
            var file = rest[..(int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(input[(4 * i)..]), (uint)rest.Length)];
            rest = rest[file.Length..];
            if (!_history.Names[i].EndsWith(ManifestFormat.Name, StringComparison.Ordinal))
            {
                continue;
            }

            for (; file.Length >= ManifestFormat.HeaderBytes; file = file[Math.Min(file.Length, ManifestFormat.BlockBytes)..])
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(file[40..]);
                if (length > 0 && length <= file.Length - ManifestFormat.HeaderBytes && file[0] != 0)
                {
                    var checksum = Crc32C.Compute(file[..12], file[16..(ManifestFormat.HeaderBytes + length)]);
                    BinaryPrimitives.WriteUInt32LittleEndian(file[12..], checksum);
                }
            }
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var disk = Split(input.Span);
        var isEmpty = disk.Files.Count == 0;
        LsmOpening? opening = null;
        LsmStore.Open(disk, StoreHistory.Folder, StoreHistory.Options, end => opening = end);
        disk.Pump();
        BrokenPromiseException.Unless(opening is not null, "an opening comes to an end");
        if (opening.Store is not { } store)
        {
            return Verdict.RefusedFor(opening.Corruption?.Why ?? opening.Status.ToString());
        }

        var shard = store.Shard(StoreHistory.Shard);
        var applied = shard.Applied;
        BrokenPromiseException.Unless(
            isForged || isEmpty || applied != LogIndex.Zero, "what is left of a store is not taken for an empty one");
        var faults = ReadAll(shard, applied, disk);
        store.Flush();
        for (var i = 0; i < MaintainMax && store.HasWork; i++)
        {
            store.Maintain(100_000);
            disk.Pump();
        }

        ReadAll(shard, applied, disk);
        var missing = Math.Min(3, opening.Missing.Count);
        return Verdict.Accepted($"{(faults == 0 ? "no" : "some")} faults, {missing} missing, {_history.AgeOf(applied)}");
    }

    private int ReadAll(LsmShard shard, LogIndex applied, ImageDisk disk)
    {
        var content = isForged ? null : _history.ContentAt(applied);
        BrokenPromiseException.Unless(isForged || content is not null, "a store says an index as applied that once was");
        var faults = 0;
        foreach (var key in StoreHistory.Keys)
        {
            var isAnswered = false;
            StoreFault? fault = null;
            if (!shard.Prepare([key], end => (isAnswered, fault) = (true, end)))
            {
                disk.Pump();
                BrokenPromiseException.Unless(isAnswered, "a read comes to an end");
            }

            faults += fault is null ? 0 : 1;
            if (fault is not null || content is null)
            {
                continue;
            }

            var isThere = shard.TryGet(key, out var record);
            BrokenPromiseException.Unless(
                content.TryGetValue(Encoding.ASCII.GetString(key), out var expected)
                    ? isThere && record.Version == expected.Version && record.Value.Span.SequenceEqual(expected.Value)
                    : !isThere,
                "a read answers what was written, or a fault");
        }

        return faults;
    }

    private ImageDisk Split(ReadOnlySpan<byte> input)
    {
        var disk = new ImageDisk();
        if (input.Length < HeadBytes)
        {
            return disk;
        }

        var rest = input[HeadBytes..];
        for (var i = 0; i < _history.Names.Count; i++)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(input[(4 * i)..]), (uint)rest.Length);
            if (length > 0)
            {
                disk.Files[_history.Names[i]] = rest[..length].ToArray();
            }

            rest = rest[length..];
        }

        return disk;
    }
}
