using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Node.Loops;
using Xunit;

namespace Atoll.Node.Tests.Loops;

public sealed class LoopStatusTests
{
    private static readonly LoopStatus Status = new(
        new NodeId(3), 1, 77,
        [
            new ReplicaStatus(
                new ShardId(5), ReplicaRole.Repairing, new Term(4), new NodeId(2), new LogIndex(90), new LogIndex(80), new LogIndex(70), 60,
                50, true, "rot")
            {
                DurableIndex = new LogIndex(40),
            },
        ],
        [new PeerStatus(new NodeId(2), true, 12)], 1, 2, 3, 4, 5, "fault")
    {
        Store = new StoreStatus
        {
            Condition = StoreCondition.Waiting,
            Levels = [new LevelStatus(3, 4096), new LevelStatus(9, 123456789012)],
            ValueFileBytes = 11,
            ValueGarbageBytes = 12,
            MemtableBytes = 13,
            CacheBytes = 14,
            CacheHits = 3,
            CacheMisses = 1,
            BytesWritten = 100,
            Flushes = 17,
            FlushedBytes = 120,
            Merges = 19,
            MergedBytes = 230,
            FaultsFound = 21,
            Damages = ["one", "two"],
            Scrub = new ScrubStatus(22, 23, 24, 25, 26),
        },
    };

    [Fact]
    public void A_status_is_read_as_it_was_written()
    {
        var bytes = Encode(Status);
        Assert.True(LoopStatus.TryRead(bytes, out var read));
        Assert.Equal(bytes, Encode(read!));
        Assert.Equal(Status.Replicas[0], read!.Replicas[0]);
        Assert.Equal(
            Status.Store with { Levels = [], Damages = [] }, read.Store with { Levels = [], Damages = [] });
        Assert.Equal(Status.Store.Levels.ToArray(), read.Store.Levels.ToArray());
        Assert.Equal(["one", "two"], read.Store.Damages.ToArray());
        Assert.Equal((3.5, 0.75, 123456789012 + 4096 + 11), (read.Store.WriteAmplification, read.Store.CacheHitRate, read.Store.DiskBytes));
    }

    [Fact]
    public void No_scrub_yet_is_told_apart_from_one_that_just_ended()
    {
        foreach (var ago in new[] { -1L, 0L, 1L })
        {
            var store = Status.Store with { Scrub = Status.Store.Scrub with { LastPassMilliseconds = ago } };
            Assert.True(LoopStatus.TryRead(Encode(Status with { Store = store }), out var read));
            Assert.Equal(ago, read!.Store.Scrub.LastPassMilliseconds);
        }
    }

    [Fact]
    public void A_status_that_is_cut_off_is_none()
    {
        var bytes = Encode(Status);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(LoopStatus.TryRead(bytes.AsMemory(0, length), out _), $"{length} bytes");
        }
    }

    private static byte[] Encode(LoopStatus status)
    {
        var writer = new WireWriter();
        status.Write(writer);
        return writer.ToArray();
    }
}
