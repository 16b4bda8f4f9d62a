using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;
using Xunit;
using static Atoll.Storage.Tests.Journals.JournalOnImage;

namespace Atoll.Storage.Tests.Journals;

/// <summary>The bytes of every layout. A change here is a change of the format: it needs a new version and a test of the upgrade.</summary>
public sealed class JournalFormatTests
{
    [Fact]
    public void Places_and_sizes()
    {
        Assert.Equal((4096, 4096, 4608, 8192),
            (JournalFormat.BlockBytes, JournalFormat.HeaderCopyOffset, JournalFormat.MarkOffset, JournalFormat.DataOffset));
        Assert.Equal((64, 64, 36, 32), (SegmentHeader.SizeBytes, BatchHeader.SizeBytes, RecordHeader.SizeBytes, DurableMark.SizeBytes));
        Assert.Equal("f/00000000000000ab.log", JournalFormat.SegmentName("f", 0xab));
        Assert.True(JournalFormat.TryParseSegmentName("00000000000000ab.log", out var number) && number == 0xab);
        Assert.False(JournalFormat.TryParseSegmentName("00000000000000AB.log", out _));
        Assert.False(JournalFormat.TryParseSegmentName("0000000000000ab.log", out _));
        Assert.Equal(0x75ebdb40u, JournalFormat.Mask(1, 2));
    }

    [Fact]
    public void Segment_header()
    {
        var bytes = new byte[SegmentHeader.SizeBytes];
        new SegmentHeader(0x1122334455667788, 0xab).Write(bytes);
        AssertBytes(
            """
            41544f4c4c4a4e4c030000001d117ce28877665544332211ab00000000000000
            0000000000000000000000000000000000000000000000000000000000000000
            """, bytes);
    }

    [Fact]
    public void Durable_mark()
    {
        var bytes = new byte[DurableMark.SizeBytes];
        new DurableMark(0xab, 0x1234, 7, IsClosing: true).Write(bytes, 0xdeadbeef);
        AssertBytes(
            """
            41544d4bfc948d8aab0000000000000034120000000000000f00000000000000
            """, bytes);
    }

    [Fact]
    public void Batch_header()
    {
        var bytes = new byte[BatchHeader.SizeBytes];
        new BatchHeader(0xab, 0x1234, 0x1233, 0xa0, 0xcafebabe, 0x5678, 0x0badf00d, 3, 9).Write(bytes, 0xdeadbeef);
        AssertBytes(
            """
            415442546a69a6d3ab0000000000000034120000000000003312000000000000
            a000000000000000bebafeca785600000df0ad0b030000000900000000000000
            """, bytes);
    }

    [Fact]
    public void A_journal_with_a_record_of_every_type()
    {
        var disk = new ImageDisk();
        var journal = Open(disk);
        var log = journal.Shard(Shard(5));
        log.SaveHardState(new HardState(new Term(2), new NodeId(3)));
        log.Append([Entry(1, 1, "ab"), Entry(2, 2, "", EntryKind.Empty)]);
        log.CompactPrefix(new LogIndex(1));
        log.ResetTo(new LogIndex(8), new Term(4));
        journal.DropShard(Shard(5));
        journal.FlushAll(disk);
        var file = disk.Files["journal/0000000000000001.log"].AsSpan(JournalFormat.DataOffset);
        Assert.True(file[JournalFormat.BlockBytes..].IndexOfAnyExcept((byte)0) < 0);
        AssertBytes(
            """
            41544254a8cc333f010000000000000001000000000000000000000000000000
            010000000000000000000000da0000009aeae9b7060000000200000000000000
            f2c42bcd00000000030000000500000000000000030000000000000002000000
            000000007c311bf7020000000101000005000000000000000100000000000000
            0100000000000000616295a9e07e000000000100000005000000000000000200
            00000000000002000000000000000904c7970000000004000000050000000000
            000001000000000000000100000000000000ae521a2600000000050000000500
            000000000000080000000000000004000000000000004914306d000000000600
            0000050000000000000000000000000000000000000000000000000000000000
            0000000000000000000000000000000000000000000000000000000000000000
            """, file[..320].ToArray());
    }

    [Fact]
    public void A_manifest()
    {
        var manifest = new BatchManifest();
        manifest.Begin(0x12, 0x2000);
        manifest.Note(RecordType.Entry, Shard(5), 7, new Term(3), 0x1a2b3c4d);
        manifest.Note(RecordType.Entry, Shard(5), 8, new Term(3), 0x5e6f7081);
        manifest.Note(RecordType.HardState, Shard(5), 2, new Term(4), 3);
        manifest.Note(RecordType.Drop, Shard(6), 0, Term.Zero, 4);
        manifest.NoteUnknown(Shard(7), isHardStateUnknown: true);
        var bytes = new byte[manifest.SizeBytes];
        manifest.Write(bytes);
        AssertBytes(
            """
            0100000005000000000000001307000000000000000800000000000000040000
            0000000000020000000dd72ac106000000000000001879830af7070000000000
            0000050000000000000000ffffffffffffffff
            """, bytes);
        var read = BatchManifest.TryRead(0x12, 0x2000, bytes);
        Assert.Equal(manifest.Lines, read!.Lines);
        Assert.Equal((0x12, 0x2000, 1), (read.Sequence, read.OffsetBytes, read.HardStateRecords));
    }

    [Fact]
    public void A_manifest_of_version_2_has_no_checksums()
    {
        var read = BatchManifest.TryRead(0x12, 0x2000, Convert.FromHexString(
            "0100000005000000000000000307000000000000000800000000000000040000"
            + "0000000000020000000600000000000000080700000000000000050000000000"
            + "000000ffffffffffffffff"))!;
        Assert.Equal([Shard(5), Shard(6), Shard(7)], read.Lines.Select(static line => line.Shard));
        Assert.All(read.Lines, static line => Assert.False(line.HasRecordsChecksum));
        Assert.Equal((7UL, 8UL, true), (read.Lines[0].FirstIndex, read.Lines[0].LastIndex, read.Lines[1].IsDropped));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_journal_of_an_earlier_version_is_read_and_goes_on(byte version)
    {
        // Version 1: no manifests, and zeros where the headers of batches have the number of hard states. Version 2: other manifests.
        var disk = new ImageDisk();
        var file = new byte[Small.SegmentBytes];
        foreach (var start in (int[])[0, JournalFormat.HeaderCopyOffset])
        {
            new SegmentHeader(Small.Identity, 1).Write(file.AsSpan(start));
            file[start + 8] = version;
            var checksum = Foundation.Bytes.Crc32C.Compute(file.AsSpan(start, 12), file.AsSpan(start + 16, 48));
            BitConverter.TryWriteBytes(file.AsSpan(start + 12), checksum);
        }

        var batch = new Batch(JournalFormat.BlockBytes, (_, _) => { });
        batch.Begin(1, new Segment(Folder, 1, Small.Identity, file.Length), JournalFormat.DataOffset, previous: null);
        batch.Add(RecordType.HardState, 0, Shard(5), 3, new Term(2), []);
        batch.Add(RecordType.Entry, EntryKind.Command, Shard(5), 1, new Term(2), "ab"u8);
        batch.Seal(0, 1, 0, hardStates: 0);
        batch.Padded.CopyTo(file.AsMemory(JournalFormat.DataOffset));
        disk.Files["journal/0000000000000001.log"] = file;

        var journal = Open(disk);
        var log = journal.Shard(Shard(5));
        Assert.Equal((new LogIndex(1), new HardState(new Term(2), new NodeId(3))), (log.LastIndex, log.HardState));
        log.Append([Entry(2, 2, "cd")]);
        journal.FlushAll(disk);
        var before = Describe(journal, disk);
        Assert.Equal(before, Describe(Open(disk), disk));
        Assert.Equal(3, disk.Files["journal/0000000000000001.log"][8]);
    }

    [Fact]
    public void Types_of_records_keep_their_numbers() => Assert.Equal(
        "Entry=1 MovedEntry=2 HardState=3 Base=4 Reset=5 Drop=6 Manifest=7 Rebuilding=8",
        string.Join(' ', Enum.GetValues<RecordType>().Select(type => $"{type}={(byte)type}")));

    private static void AssertBytes(string expected, byte[] actual) =>
        Assert.Equal(expected, string.Join('\n', Convert.ToHexStringLower(actual).Chunk(64).Select(line => new string(line))));
}
