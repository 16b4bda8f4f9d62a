using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>What a batch held of one shard.</summary>
/// <param name="Shard">The shard; none for shards that nothing else is known of.</param>
internal record struct ManifestLine(ShardId Shard)
{
    /// <summary>The lowest index that a lost record may have been about; with <see cref="LastIndex"/> below it there is none.</summary>
    public ulong FirstIndex { get; set; } = ulong.MaxValue;

    /// <summary>The highest such index.</summary>
    public ulong LastIndex { get; set; }

    /// <summary>Term and vote, when the batch held them.</summary>
    public HardState HardState { get; set; }

    /// <summary>True when the batch held term and vote.</summary>
    public bool HasHardState { get; set; }

    /// <summary>True when the batch may have held term and vote, and they are not known.</summary>
    public bool IsHardStateUnknown { get; set; }

    /// <summary>True when the shard was dropped by the batch.</summary>
    public bool IsDropped { get; set; }

    /// <summary>The checksum of the checksums of all its records in the batch, in their order: it proves that all are there.</summary>
    public uint RecordsChecksum { get; private set; }

    /// <summary>Whether that is known.</summary>
    public bool HasRecordsChecksum { get; private set; }

    /// <summary>Extends the indices that may be lost.</summary>
    public void Extend(ulong first, ulong last)
    {
        FirstIndex = Math.Min(FirstIndex, first);
        LastIndex = Math.Max(LastIndex, last);
    }

    /// <summary>The next record has this checksum.</summary>
    public void Extend(uint recordChecksum)
    {
        Span<byte> both = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(both, RecordsChecksum);
        BinaryPrimitives.WriteUInt32LittleEndian(both[4..], recordChecksum);
        SetRecordsChecksum(Crc32C.Compute(both));
    }

    /// <summary>The checksum of all records is known.</summary>
    public void SetRecordsChecksum(uint checksum)
    {
        RecordsChecksum = checksum;
        HasRecordsChecksum = true;
    }
}

/// <summary>
/// Which shards a batch has records of, what these are about, and a copy of every term and vote in it. Each batch carries the manifest of
/// the one before: when a batch is damaged, the next one tells whose log has a hole, and no hard state has only one copy.
/// </summary>
internal sealed class BatchManifest
{
    private const int HeadBytes = 4;
    private const int LineHeadBytes = 9;
    private const int RangeBytes = 16;
    private const int HardStateBytes = 12;
    private const int ChecksumBytes = 4;
    private const byte RangeFlag = 1;
    private const byte HardStateFlag = 2;
    private const byte HardStateUnknownFlag = 4;
    private const byte DroppedFlag = 8;
    private const byte ChecksumFlag = 16;
    private const byte Flags = RangeFlag | HardStateFlag | HardStateUnknownFlag | DroppedFlag | ChecksumFlag;

    private readonly List<ManifestLine> _lines = [];
    private readonly Dictionary<ShardId, int> _places = [];
    private int _latest = -1;

    /// <summary>The batch that this is about.</summary>
    public long Sequence { get; private set; }

    /// <summary>Where in its segment that batch begins.</summary>
    public long OffsetBytes { get; private set; }

    /// <summary>How many records of term and vote the batch has.</summary>
    public int HardStateRecords { get; private set; }

    /// <summary>A line for each shard, in the order in which they came up.</summary>
    public IReadOnlyList<ManifestLine> Lines => _lines;

    /// <summary>Bytes of the encoded form.</summary>
    public int SizeBytes
    {
        get
        {
            var bytes = HeadBytes;
            foreach (ref readonly var line in CollectionsMarshal.AsSpan(_lines))
            {
                bytes += LineHeadBytes + (HasRange(line) ? RangeBytes : 0) + (line.HasHardState ? HardStateBytes : 0)
                    + (line.HasRecordsChecksum ? ChecksumBytes : 0);
            }

            return bytes;
        }
    }

    /// <summary>Begins anew, with a batch that has no records yet.</summary>
    public void Begin(long sequence, long offsetBytes)
    {
        Sequence = sequence;
        OffsetBytes = offsetBytes;
        HardStateRecords = 0;
        _lines.Clear();
        _places.Clear();
        _latest = -1;
    }

    /// <summary>A record was added to the batch; its checksum as it is in the segment.</summary>
    public void Note(RecordType type, ShardId shard, ulong index, Term term, uint checksum)
    {
        if (type == RecordType.Manifest)
        {
            return;
        }

        ref var line = ref LineOf(shard);
        if (line.IsDropped)
        {
            // Rare enough to be remembered as "anything".
            line.IsDropped = false;
            line.Extend(0, ulong.MaxValue);
        }

        line.Extend(checksum);
        switch (type)
        {
            case RecordType.Entry or RecordType.MovedEntry:
                line.Extend(index, index);
                break;
            case RecordType.HardState:
                HardStateRecords++;
                line.HasHardState = true;
                line.HardState = new HardState(term, new NodeId((uint)index));
                break;
            case RecordType.Base:
                line.Extend(0, index);
                break;
            case RecordType.Drop:
                var records = line.RecordsChecksum;
                line = new ManifestLine(shard) { IsDropped = true };
                line.SetRecordsChecksum(records);
                break;
            default:
                line.Extend(0, ulong.MaxValue);
                break;
        }
    }

    /// <summary>The batch may have held anything of the shard.</summary>
    public void NoteUnknown(ShardId shard, bool isHardStateUnknown)
    {
        ref var line = ref LineOf(shard);
        line.Extend(0, ulong.MaxValue);
        line.IsHardStateUnknown = isHardStateUnknown;
    }

    /// <summary>Writes the encoded form.</summary>
    public void Write(Span<byte> target)
    {
        Check.That(target.Length == SizeBytes);
        BinaryPrimitives.WriteInt32LittleEndian(target, HardStateRecords);
        target = target[HeadBytes..];
        foreach (ref readonly var line in CollectionsMarshal.AsSpan(_lines))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target, line.Shard.Value);
            target[8] = (byte)((HasRange(line) ? RangeFlag : 0) | (line.HasHardState ? HardStateFlag : 0)
                | (line.IsHardStateUnknown ? HardStateUnknownFlag : 0) | (line.IsDropped ? DroppedFlag : 0)
                | (line.HasRecordsChecksum ? ChecksumFlag : 0));
            target = target[LineHeadBytes..];
            if (HasRange(line))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(target, line.FirstIndex);
                BinaryPrimitives.WriteUInt64LittleEndian(target[8..], line.LastIndex);
                target = target[RangeBytes..];
            }

            if (line.HasHardState)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(target, line.HardState.Term.Value);
                BinaryPrimitives.WriteUInt32LittleEndian(target[8..], line.HardState.Vote.Value);
                target = target[HardStateBytes..];
            }

            if (line.HasRecordsChecksum)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(target, line.RecordsChecksum);
                target = target[ChecksumBytes..];
            }
        }
    }

    /// <summary>Reads the encoded form; null when it is none.</summary>
    public static BatchManifest? TryRead(long sequence, long offsetBytes, ReadOnlySpan<byte> source)
    {
        if (source.Length < HeadBytes)
        {
            return null;
        }

        var manifest = new BatchManifest { Sequence = sequence, OffsetBytes = offsetBytes };
        manifest.HardStateRecords = BinaryPrimitives.ReadInt32LittleEndian(source);
        source = source[HeadBytes..];
        while (source.Length > 0)
        {
            var flags = source.Length < LineHeadBytes ? byte.MaxValue : source[8];
            var length = LineHeadBytes + ((flags & RangeFlag) != 0 ? RangeBytes : 0) + ((flags & HardStateFlag) != 0 ? HardStateBytes : 0)
                + ((flags & ChecksumFlag) != 0 ? ChecksumBytes : 0);
            if ((flags & ~Flags) != 0 || source.Length < length)
            {
                return null;
            }

            var line = new ManifestLine(new ShardId(BinaryPrimitives.ReadUInt64LittleEndian(source)))
            {
                HasHardState = (flags & HardStateFlag) != 0,
                IsHardStateUnknown = (flags & HardStateUnknownFlag) != 0,
                IsDropped = (flags & DroppedFlag) != 0,
            };
            var rest = source[LineHeadBytes..length];
            if ((flags & RangeFlag) != 0)
            {
                line.Extend(BinaryPrimitives.ReadUInt64LittleEndian(rest), BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]));
                rest = rest[RangeBytes..];
            }

            if (line.HasHardState)
            {
                line.HardState = new HardState(
                    new Term(BinaryPrimitives.ReadUInt64LittleEndian(rest)),
                    new NodeId(BinaryPrimitives.ReadUInt32LittleEndian(rest[8..])));
                rest = rest[HardStateBytes..];
            }

            if ((flags & ChecksumFlag) != 0)
            {
                line.SetRecordsChecksum(BinaryPrimitives.ReadUInt32LittleEndian(rest));
            }

            manifest._lines.Add(line);
            source = source[length..];
        }

        return manifest;
    }

    private static bool HasRange(in ManifestLine line) => line.FirstIndex <= line.LastIndex;

    private ref ManifestLine LineOf(ShardId shard)
    {
        // Records of one shard mostly come together.
        if (_latest < 0 || _lines[_latest].Shard != shard)
        {
            if (!_places.TryGetValue(shard, out _latest))
            {
                _latest = _lines.Count;
                _lines.Add(new ManifestLine(shard));
                _places.Add(shard, _latest);
            }
        }

        return ref CollectionsMarshal.AsSpan(_lines)[_latest];
    }
}
