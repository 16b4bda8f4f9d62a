using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.World;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Atoll.Storage.Snapshots;
using Xunit;

namespace Atoll.Storage.Tests.Snapshots;

public sealed class SnapshotStoreTests
{
    private const string Folder = "snapshots";

    private static readonly ShardId Shard = new(7);

    private readonly Scheduler _scheduler = new();
    private readonly SimDisk _disk;
    private SnapshotStore _store;

    public SnapshotStoreTests()
    {
        _disk = new SimDisk(_scheduler, new Prng(1));
        _store = Open().Store!;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(SnapshotFormat.ChunkContentBytes)]
    [InlineData(SnapshotFormat.ChunkContentBytes + 1)]
    [InlineData(1_000_000)]
    public void What_was_written_in_pieces_is_read_in_others(int length)
    {
        var content = Content(length);
        var snapshot = Write(10, content, 10_007);
        Assert.Equal(length, snapshot.ContentBytes);
        Assert.Equal(content, ReadAll(snapshot, 77_777));
        Reopen(powerLoss: true);
        var again = _store.Latest(Shard)!;
        Assert.Equal((new LogIndex(10), new Term(3)), (again.Meta.Index, again.Meta.Term));
        Assert.Equal([1, 2, 3], again.Meta.Membership.ToArray());
        Assert.Equal(content, ReadAll(again, 262_144));
        Assert.Equal([Shard], _store.Shards);
    }

    [Fact]
    public void The_newest_comes_first_and_older_ones_can_be_deleted()
    {
        Write(20, Content(10), 10);
        Write(10, Content(10), 10);
        Write(30, Content(10), 10);
        Assert.Equal([30UL, 20, 10], _store.List(Shard).Select(s => s.Meta.Index.Value));
        Reopen(powerLoss: true);
        Assert.Equal([30UL, 20, 10], _store.List(Shard).Select(s => s.Meta.Index.Value));
        _store.DeleteOlder(Shard, new LogIndex(30));
        Pump();
        Assert.Single(_disk.FileNames);
        _store.DropShard(Shard);
        Pump();
        Assert.Empty(_disk.FileNames);
        Assert.Null(_store.Latest(Shard));
    }

    [Fact]
    public void A_deleted_snapshot_stays_readable_until_its_reader_is_closed()
    {
        var content = Content(200_000);
        var snapshot = Write(10, content, 10_000);
        var reader = OpenRead(snapshot)!;
        _store.DeleteOlder(Shard, new LogIndex(11));
        Pump();
        Assert.Null(_store.Latest(Shard));
        var buffer = new byte[200_000];
        Assert.Equal(SnapshotStatus.Ok, Read(reader, 0, buffer).Status);
        Assert.Equal(content, buffer);
        Assert.Null(OpenRead(snapshot));
        reader.Close();
        Pump();
        Assert.Empty(_disk.FileNames);
    }

    [Fact]
    public void A_crash_at_any_event_leaves_the_old_or_the_new_snapshot_and_no_leftovers()
    {
        foreach (var style in Enum.GetValues<PowerLossStyle>())
        {
            var isOver = false;
            for (var events = 0; !isOver; events++)
            {
                var test = new SnapshotStoreTests();
                var old = Content(1000);
                test.Write(1, old, 1000);
                var writer = test._store.Begin(Meta(2));
                writer.Write(Content(300_000));
                SnapshotFinished? finished = null;
                writer.Finish(f => finished = f);
                for (var i = 0; i < events && test._scheduler.RunNext(); i++)
                {
                }

                isOver = finished is not null;
                test.Reopen(powerLoss: true, style);
                var latest = test._store.Latest(Shard)!;
                Assert.True(!isOver || latest.Meta.Index.Value == 2);
                Assert.Equal(latest.Meta.Index.Value == 2 ? Content(300_000) : old, test.ReadAll(latest, 100_000));
                Assert.DoesNotContain(test._disk.FileNames, name => name.EndsWith(".tmp", StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void An_aborted_one_leaves_nothing()
    {
        var writer = _store.Begin(Meta(1));
        writer.Write(Content(500_000));
        writer.Abort();
        writer.Abort();
        Pump();
        Assert.Empty(_disk.FileNames);
        Assert.Null(_store.Latest(Shard));
    }

    [Fact]
    public void A_full_disk_and_a_failing_one_fail_the_snapshot_and_leave_nothing()
    {
        foreach (var isFull in (bool[])[true, false])
        {
            _disk.Faults.CapacityBytes = isFull ? 100_000 : DiskFaults.Boundless;
            _disk.FailNextSyncs = isFull ? 0 : 1;
            var writer = _store.Begin(Meta(1));
            writer.Write(Content(300_000));
            SnapshotFinished? finished = null;
            writer.Finish(f => finished = f);
            Pump();
            Assert.Equal(SnapshotStatus.Failed, finished!.Value.Status);
            Assert.Equal(isFull ? DiskStatus.Full : DiskStatus.Failed, finished.Value.DiskResult.Status);
            Assert.Empty(_disk.FileNames);
            Assert.Equal(0, writer.PendingBytes);
        }

        Write(1, Content(10), 10);
    }

    [Fact]
    public void A_write_that_failed_early_is_seen_before_the_end_and_told_at_it()
    {
        _disk.FailNextWrites = 1;
        var writer = _store.Begin(Meta(1));
        writer.Write(Content(300_000));
        Pump();
        Assert.True(writer.HasFailed);
        writer.Write(Content(10));
        SnapshotFinished? finished = null;
        writer.Finish(f => finished = f);
        Pump();
        Assert.Equal(SnapshotStatus.Failed, finished!.Value.Status);
    }

    [Fact]
    public void Every_flipped_byte_is_reported_or_harmless()
    {
        var content = Content(SnapshotFormat.ChunkContentBytes + 500);
        Write(5, content, 1000);
        var name = Assert.Single(_disk.FileNames);
        var length = _disk.Content(name)!.Length;
        int reported = 0, damagedAtOpen = 0;
        for (var offset = 0; offset < length; offset += offset is > 5000 and < 69_000 ? 509 : 1)
        {
            var image = new ImageDisk();
            image.Files[name] = _disk.Content(name)!;
            image.Files[name][offset] ^= 0x10;
            SnapshotStoreOpening? opening = null;
            SnapshotStore.Open(image, Folder, o => opening = o);
            image.Pump();
            Assert.Equal(SnapshotStatus.Ok, opening!.Status);
            if (opening.Damaged.Count > 0)
            {
                Assert.Equal(name, Assert.Single(opening.Damaged).File);
                Assert.Null(opening.Store!.Latest(Shard));
                damagedAtOpen++;
                continue;
            }

            var read = ReadAll(image, opening.Store!, opening.Store!.Latest(Shard)!, content.Length, out var bytes);
            Assert.True(read.Status == SnapshotStatus.Corrupt || content.AsSpan().SequenceEqual(bytes), $"byte {offset}");
            if (read.Status == SnapshotStatus.Corrupt)
            {
                Assert.Equal(name, read.Corruption!.File);
                Assert.InRange(offset - read.Corruption.OffsetBytes, 0, SnapshotFormat.ChunkBytes - 1);
                reported++;
            }
        }

        Assert.True(reported > 500 && damagedAtOpen > 4096, $"{reported} {damagedAtOpen}");
    }

    [Fact]
    public void A_damaged_one_is_listed_and_an_older_one_is_still_there()
    {
        Write(5, Content(100), 100);
        var newer = Write(6, Content(100), 100);
        _disk.Rot(newer.File, 20);
        _disk.Crash(powerLoss: false);
        var opening = Open();
        Assert.Equal(newer.File, Assert.Single(opening.Damaged).File);
        Assert.Equal(new LogIndex(5), opening.Store!.Latest(Shard)!.Meta.Index);
    }

    [Fact]
    public void A_newer_version_is_refused()
    {
        var image = new ImageDisk();
        var header = SnapshotFormat.Header(Meta(5));
        header[8] = 2;
        BitConverter.TryWriteBytes(header.AsSpan(12), Foundation.Bytes.Crc32C.Compute(header.AsSpan(0, 12), header.AsSpan(16)));
        image.Files[SnapshotFormat.FileName(Folder, Shard, new LogIndex(5))] = header;
        SnapshotStoreOpening? opening = null;
        SnapshotStore.Open(image, Folder, o => opening = o);
        image.Pump();
        Assert.Equal((SnapshotStatus.NewerVersion, null), (opening!.Status, opening.Store));
    }

    [Fact]
    public void Random_bytes_as_snapshots_never_throw()
    {
        for (var seed = 1UL; seed <= 500; seed++)
        {
            var prng = new Prng(seed);
            var image = new ImageDisk();
            var file = prng.Chance(500_000) ? SnapshotFormat.Header(Meta(5)) : [];
            var tail = new byte[prng.NextInt(0, 5000)];
            prng.Fill(tail);
            image.Files[SnapshotFormat.FileName(Folder, Shard, new LogIndex(5))] = [.. file, .. tail];
            SnapshotStoreOpening? opening = null;
            SnapshotStore.Open(image, Folder, o => opening = o);
            image.Pump();
            Assert.Single(opening!.Damaged);
        }
    }

    [Fact]
    public void The_bytes_of_a_snapshot()
    {
        Write(5, [.. "content"u8], 3);
        var file = _disk.Content("snapshots/0000000000000007/0000000000000005.snap")!;
        Assert.Equal(4096 + 4 + 7 + 24, file.Length);
        Assert.Equal(GoldenHeader, Convert.ToHexStringLower(file.AsSpan(0, 64)));
        Assert.Equal(GoldenChunkAndTrailer, Convert.ToHexStringLower(file.AsSpan(4096)));
    }

    private const string GoldenHeader =
        "41544f4c4c534e00010000000bbe8a3807000000000000000500000000000000"
        + "0300000000000000000001000000000003000000010203000000000000000000";

    private const string GoldenChunkAndTrailer = "ecd404a8636f6e74656e7441545452504917b607000000000000000000000000000000";

    private static SnapshotMeta Meta(ulong index) => new(Shard, new LogIndex(index), new Term(3), new byte[] { 1, 2, 3 });

    private static byte[] Content(int length)
    {
        var content = new byte[length];
        new Prng((ulong)length).Fill(content);
        return content;
    }

    private static SnapshotRead ReadAll(ImageDisk disk, SnapshotStore store, SnapshotInfo snapshot, int length, out byte[] bytes)
    {
        var buffer = new byte[length];
        SnapshotRead? read = null;
        store.OpenRead(snapshot, (_, reader) => reader!.Read(0, buffer, r => read = r));
        disk.Pump();
        bytes = buffer;
        return read!.Value;
    }

    private SnapshotStoreOpening Open()
    {
        SnapshotStoreOpening? opening = null;
        SnapshotStore.Open(_disk.Mount(), Folder, o => opening = o);
        Pump();
        Assert.Equal(SnapshotStatus.Ok, opening?.Status);
        return opening!;
    }

    private void Reopen(bool powerLoss, PowerLossStyle? style = null)
    {
        _disk.Crash(powerLoss, style);
        Pump();
        var opening = Open();
        Assert.Empty(opening.Damaged);
        _store = opening.Store!;
    }

    private SnapshotInfo Write(ulong index, byte[] content, int pieceBytes)
    {
        var writer = _store.Begin(Meta(index));
        for (var offset = 0; offset < content.Length; offset += pieceBytes)
        {
            Assert.Equal(offset, writer.ContentBytes);
            writer.Write(content.AsSpan(offset, Math.Min(pieceBytes, content.Length - offset)));
            if (writer.PendingBytes > 100_000)
            {
                Pump();
            }
        }

        SnapshotFinished? finished = null;
        writer.Finish(f => finished = f);
        Pump();
        Assert.Equal(SnapshotStatus.Ok, finished?.Status);
        return finished!.Value.Snapshot!;
    }

    private SnapshotReader? OpenRead(SnapshotInfo snapshot)
    {
        SnapshotReader? reader = null;
        _store.OpenRead(snapshot, (_, r) => reader = r);
        Pump();
        return reader;
    }

    private SnapshotRead Read(SnapshotReader reader, long offset, Memory<byte> buffer)
    {
        SnapshotRead? read = null;
        reader.Read(offset, buffer, r => read = r);
        Pump();
        return read!.Value;
    }

    private byte[] ReadAll(SnapshotInfo snapshot, int pieceBytes)
    {
        var reader = OpenRead(snapshot)!;
        var content = new List<byte>();
        while (true)
        {
            var buffer = new byte[pieceBytes];
            var read = Read(reader, content.Count, buffer);
            Assert.Equal(SnapshotStatus.Ok, read.Status);
            if (read.Bytes == 0)
            {
                reader.Close();
                return [.. content];
            }

            content.AddRange(buffer.AsSpan(0, read.Bytes));
        }
    }

    private void Pump()
    {
        while (_scheduler.RunNext())
        {
        }
    }
}
