using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.StateMachines.Tests.Snapshots;

public sealed class SnapshotTests
{
    [Fact]
    public void A_snapshot_is_of_its_moment_although_the_state_is_written_between_its_slices()
    {
        var replica = Filled(1, 4_000, largest: 2_000);
        var hash = replica.State.StateHash();
        var source = replica.State.BeginSnapshot();
        var index = replica.State.AppliedIndex;
        var random = new Prng(5);
        var slices = new List<byte[]>();
        var slice = new WireWriter();
        while (source.TryNext(slice))
        {
            Assert.InRange(slice.Length, 1, Limits.SnapshotChunkBytes);
            slices.Add(slice.ToArray());
            slice.Reset();
            for (var i = 0; i < 300; i++)
            {
                WriteRandom(replica, random, 200, (ulong)i);
            }
        }

        Assert.True(slices.Count > 5);
        Assert.NotEqual(hash, replica.State.StateHash());
        var restored = Restore(slices, index, replica.Options);
        Assert.Equal(hash, restored.State.StateHash());
        Assert.Equal(index, restored.State.AppliedIndex);
    }

    [Fact]
    public void The_stream_may_be_cut_anywhere_on_its_way()
    {
        var replica = Filled(2, 300, largest: 3_000);
        var stream = replica.Snapshot();
        foreach (var size in new[] { 1, 7, 8, 9, 1_000, 300_000, int.MaxValue })
        {
            var restored = Restore(stream.Chunk(Math.Min(size, stream.Length)), replica.State.AppliedIndex, replica.Options);
            Assert.Equal(replica.State.StateHash(), restored.State.StateHash());
        }
    }

    [Fact]
    public void A_restored_replica_and_the_original_stay_equal_over_everything_that_follows()
    {
        for (ulong seed = 10; seed < 20; seed++)
        {
            var replica = Filled(seed, 700, largest: 100);
            var restored = Restore([replica.Snapshot()], replica.State.AppliedIndex, replica.Options);
            Assert.Equal(replica.Snapshot(), restored.Snapshot());
            var random = new Prng(seed);
            var from = replica.Log.Count;
            for (var i = 0; i < 700; i++)
            {
                replica.Advance(random.NextInt(0, 3_000));
                WriteRandom(replica, random, 100, (ulong)i);
            }

            foreach (var entry in replica.Log.Skip(from))
            {
                restored.Apply(entry);
            }

            Assert.Equal(replica.State.StateHash(), restored.State.StateHash());
            Assert.Equal(replica.Stats(), restored.Stats());
            Assert.Equal(replica.NextExpiry(), restored.NextExpiry());
        }
    }

    [Fact]
    public void Replaying_the_log_gives_the_same_state_whatever_the_values_were_slices_of()
    {
        var replica = Filled(3, 500, largest: 60_000);
        var second = Replica.OfRecords(replica.Options);
        foreach (var entry in replica.Log)
        {
            // As if the payload had come in the middle of a large frame, which is used again afterwards.
            var frame = new byte[entry.Payload.Length + 100_000];
            entry.Payload.CopyTo(frame.AsMemory(50));
            second.Apply(entry with { Payload = frame.AsMemory(50, entry.Payload.Length) });
            Array.Clear(frame);
        }

        Assert.Equal(replica.State.StateHash(), second.State.StateHash());
    }

    [Fact]
    public void Every_damage_is_refused_and_leaves_the_state_in_use_untouched()
    {
        var replica = Filled(4, 60, largest: 200);
        var stream = replica.Snapshot();
        var victim = Filled(5, 10, largest: 50);
        var index = replica.State.AppliedIndex;
        var hash = victim.State.StateHash();
        var random = new Prng(1);
        for (var i = 0; i < 3_000; i++)
        {
            var damaged = Damage(stream, random);
            var target = victim.State.BeginRestore(index);
            if (damaged.AsSpan().SequenceEqual(stream))
            {
                continue;
            }

            var accepted = damaged.Chunk(random.NextInt(1, 5_000)).All(slice => target.Accept(slice));
            Assert.False(accepted && target.IsFinished(), $"round {i} was accepted");
            Assert.Equal(hash, victim.State.StateHash());
        }
    }

    [Fact]
    public void A_snapshot_that_is_not_ahead_or_not_of_the_index_or_of_other_bounds_is_refused()
    {
        var replica = Filled(8, 50, largest: 100);
        var stream = replica.Snapshot();
        Assert.False(Accepts(replica, stream, replica.State.AppliedIndex));
        Assert.False(Accepts(Replica.OfRecords(), stream, replica.State.AppliedIndex.Next));
        Assert.False(Accepts(Replica.OfRecords(new RequestTableOptions { AnswersMax = 3 }), stream, replica.State.AppliedIndex));
        Assert.True(Accepts(Replica.OfRecords(), stream, replica.State.AppliedIndex));
    }

    private static bool Accepts(Replica replica, byte[] stream, LogIndex index)
    {
        var target = replica.State.BeginRestore(index);
        var accepted = target.Accept(stream) && target.IsFinished();
        Assert.Equal(accepted, target.Error is null);
        return accepted;
    }

    private static Replica Filled(ulong seed, int writes, int largest)
    {
        var replica = Replica.OfRecords();
        var random = new Prng(seed);
        for (var i = 0; i < writes; i++)
        {
            replica.Advance(random.NextInt(0, 10));
            WriteRandom(replica, random, largest, (ulong)i);
        }

        return replica;
    }

    private static void WriteRandom(Replica replica, Prng random, int largest, ulong step)
    {
        var key = Replica.Bytes($"{random.NextInt(0, 500)}");
        var value = new byte[random.NextInt(0, largest)];
        random.Fill(value);
        var identity = random.Chance(500_000)
            ? new RequestIdentity(1 + random.NextBelow(20), step + 1, random.NextBelow(step + 1), replica.Stamp)
            : RequestIdentity.None;
        replica.Propose(
            w =>
            {
                switch (random.NextInt(0, 9))
                {
                    case 0:
                        RecordsCommand.WriteDelete(w, key);
                        break;
                    case 1:
                        RecordsCommand.WriteExpire(w, replica.FindExpired());
                        break;
                    case 2:
                        RecordsCommand.WriteBatch(
                            w,
                            [
                                RecordOperation.Put(key, value),
                                RecordOperation.Put("x"u8.ToArray(), value),
                                RecordOperation.Put(key, default),
                            ]);
                        break;
                    default:
                        RecordsCommand.WritePut(w, key, value, random.Chance(300_000) ? random.NextInt(1, 5_000) : 0);
                        break;
                }
            },
            identity);
    }

    private static Replica Restore(IEnumerable<byte[]> slices, LogIndex index, RequestTableOptions options)
    {
        var restored = Replica.OfRecords(options);
        var target = restored.State.BeginRestore(index);
        foreach (var slice in slices)
        {
            var received = slice.ToArray();
            Assert.True(target.Accept(received), target.Error);
            Array.Clear(received);
        }

        Assert.True(target.IsFinished(), target.Error);
        return restored;
    }

    private static byte[] Damage(byte[] stream, Prng random)
    {
        var damaged = stream.ToArray();
        switch (random.NextInt(0, 3))
        {
            case 0:
                damaged[random.NextInt(0, damaged.Length - 1)] ^= (byte)(1 << random.NextInt(0, 7));
                return damaged;
            case 1:
                return damaged[..random.NextInt(0, damaged.Length - 1)];
            case 2:
                var at = random.NextInt(0, damaged.Length - 1);
                var length = random.NextInt(1, 50);
                return [.. damaged[..at], .. damaged.Skip(at + length)];
            default:
                return [.. damaged, .. damaged[..random.NextInt(1, 100)]];
        }
    }
}
