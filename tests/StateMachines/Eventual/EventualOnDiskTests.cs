using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Tests.Rows;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>An eventual replica whose rows are mostly on disk, against one that has all in memory.</summary>
public sealed class EventualOnDiskTests
{
    private static readonly ShardId Shard = new(5);

    [Fact]
    public void A_replica_on_disk_answers_as_one_in_memory_and_starts_with_the_same_hashes()
    {
        var recovered = 0;
        for (ulong seed = 1; seed <= 6; seed++)
        {
            var random = new Prng(seed);
            var disk = new OnDisk(new ImageDisk(), depth: 4);
            disk.Open();
            var memory = new EventualReplica();
            for (var i = 0; i < 250; i++)
            {
                var command = Draw(random, i, memory);
                memory.Replica.Propose(writer => writer.WriteRaw(command));
                disk.Apply(memory.Replica.Log[^1]);
                if (i % 25 == 24)
                {
                    Compare(memory, disk, random);
                    var again = new OnDisk(disk.Disk.Copy(), depth: i % 50 == 49 ? 4 : 6);
                    again.Open();
                    recovered += again.State.AppliedIndex > LogIndex.Zero ? 1 : 0;
                    foreach (var entry in memory.Replica.Log.Skip((int)again.State.AppliedIndex.Value))
                    {
                        again.Apply(entry);
                    }

                    Assert.Equal(memory.Machine.Hashes.Root, again.Machine.Hashes.Root);
                    Compare(memory, again, random);
                    if (again.Machine.Hashes.Depth == memory.Machine.Hashes.Depth)
                    {
                        Assert.Equal(memory.Replica.State.StateHash(), again.State.StateHash());
                    }
                }
            }

            Restore(memory, random);
        }

        Assert.True(recovered > 20);
    }

    [Fact]
    public void What_one_command_deletes_those_that_are_loaded_with_it_see()
    {
        var memory = new EventualReplica();
        var filled = new OnDisk(new ImageDisk(), depth: 4);
        filled.Open();
        for (var i = 0; i < 200; i++)
        {
            Write(memory, RowsReplica.On($"p{i}", RowOperation.Upsert("a"u8.ToArray(), [CellWrite.Put(1, new byte[40])], true)), 1_000 + i);
            filled.Apply(memory.Replica.Log[^1]);
        }

        // Nothing of it is in memory any more, and nothing is deleted yet. Where a block begins, a row is apart from its partition.
        filled.Flush();
        Write(memory, RowsReplica.On("p7", RowOperation.DeletePartition()), 5_000);
        var deletion = memory.Replica.Log[^1];
        for (var i = 0; i < 200; i++)
        {
            var disk = new OnDisk(filled.Disk.Copy(), depth: 4);
            disk.Open();
            var upsert = RowOperation.Upsert("b"u8.ToArray(), [CellWrite.Put(1, new byte[4])], true);
            Write(memory, RowsReplica.On($"p{i}", upsert), 4_000 + i);
            disk.ApplyTogether([deletion, memory.Replica.Log[^1] with { Index = deletion.Index.Next }]);
            Assert.Equal(i == 7 ? 201 : 202, disk.Machine.RecordCount);
        }
    }

    private static void Write(EventualReplica replica, PartitionMutation mutation, long timestampMicros) =>
        replica.Merge(RowsVersion.OfMutation([mutation], timestampMicros, new HybridTime((ulong)timestampMicros << 16)));

    private static byte[] Draw(Prng random, int step, EventualReplica memory)
    {
        byte[]? command = null;
        if (random.Chance(200_000))
        {
            memory.Machine.FindExpired(HybridTime.Max, (found, _) => command = found);
        }

        if (command is not null)
        {
            return command;
        }

        var change = new EventualChange
        {
            Version = RowsVersion.OfMutation(
                RandomMutations.Draw(random), 1_000_000 + random.NextInt(0, 20), HybridTime.FromUnixMilliseconds(1_000 + step)),
            Notes = random.Chance(300_000)
                ? [new Note(RowsReplica.Bytes($"n{random.NextInt(0, 20):d2}"), new byte[random.NextInt(0, 40)])]
                : [],
            Horizon = random.Chance(200_000) ? HybridTime.FromUnixMilliseconds(1_000 + random.NextInt(0, step)) : HybridTime.Zero,
            Truncates = random.Chance(10_000),
        };
        var writer = new WireWriter();
        EventualCommand.Write(writer, change);
        return writer.ToArray();
    }

    private static void Compare(EventualReplica memory, OnDisk disk, Prng random)
    {
        Check(w => EventualQuery.WriteRaw(
            w, EventualReplica.Query(new TokenRangeRead(long.MinValue, long.MaxValue, RowsSelection.All)), HybridTime.Zero));
        Check(w => EventualQuery.WriteRaw(
            w,
            EventualReplica.Query(new PartitionRead(
                RowsReplica.TokenOf("k"), RowsReplica.Bytes("k"), new RowsSelection { Reverse = true, RowsMax = 2 })),
            HybridTime.Zero));
        for (var i = 0; i < 4; i++)
        {
            // One row is looked up, a range is walked through: both are asked for the same.
            var row = RowsReplica.Bytes($"{random.NextInt(0, 9)}");
            var point = new RowsSelection { Range = ClusteringRange.Of(row), WithStatic = i % 2 == 0, Reverse = i > 1 };
            var walked = point with { Range = new ClusteringRange(row, (byte[])[.. row, (byte)'0']) };
            Assert.Equal(Check(w => Slice(w, walked)), Check(w => Slice(w, point)));
        }

        Check(w => EventualQuery.WriteList(w, 0, ulong.MaxValue, [], [], random.NextInt(1, 9)));
        Check(w => EventualQuery.WriteNotes(w, "n"u8, [], random.NextInt(1, 9)));
        Check(w => EventualQuery.WriteNote(w, "n07"u8));
        Check(RowsQuery.WriteStats);
        var (records, _) = memory.List(count: 5);
        foreach (var record in records)
        {
            Check(w => EventualQuery.WriteRecord(w, record.Key.Span));
        }

        var mutation = new RowsMutation([RowsReplica.On("k", RowOperation.DeletePartition())], [RowCondition.Exists("4"u8.ToArray())]);
        Check(w => EventualQuery.WriteConditionRows(w, mutation));

        static void Slice(WireWriter writer, RowsSelection selection) => EventualQuery.WriteRaw(
            writer,
            EventualReplica.Query(new PartitionRead(RowsReplica.TokenOf("k"), RowsReplica.Bytes("k"), selection)),
            HybridTime.Zero);

        byte[] Check(Action<WireWriter> query)
        {
            var writer = new WireWriter();
            query(writer);
            var bytes = writer.ToArray();
            var answer = disk.Ask(bytes);
            Assert.Equal(memory.Replica.Read(w => w.WriteRaw(bytes)), answer);
            return answer;
        }
    }

    private static void Restore(EventualReplica memory, Prng random)
    {
        var fresh = new OnDisk(new ImageDisk(), depth: 4);
        fresh.Open();
        var target = fresh.State.BeginRestore(memory.Replica.State.AppliedIndex);
        ReadOnlyMemory<byte> all = memory.Replica.Snapshot();
        Assert.True(target.Accept(all), target.Error);
        string? error = "not finished";
        target.Finish(e => error = e);
        fresh.Settle();
        Assert.Null(error);
        Assert.Equal(memory.Replica.State.StateHash(), fresh.State.StateHash());
        Compare(memory, fresh, random);
        var again = new OnDisk(fresh.Disk.Copy(), depth: 4);
        again.Open();
        Assert.Equal(memory.Replica.State.StateHash(), again.State.StateHash());
    }

    private sealed class OnDisk
    {
        private LsmStore _store = null!;

        public OnDisk(ImageDisk disk, int depth)
        {
            Disk = disk;
            Depth = depth;
        }

        public int Depth { get; }

        public ImageDisk Disk { get; }

        public EventualRowsStateMachine Machine { get; private set; } = null!;

        public ReplicatedState State { get; private set; } = null!;

        public void Open()
        {
            LsmOpening? opening = null;
            var options = new LsmOptions { MemtableBytes = 4_000, BlockBytes = 256, LevelZeroFiles = 2, Identity = 7 };
            LsmStore.Open(Disk, "s", options, o => opening = o);
            Disk.Pump();
            _store = opening!.Store!;
            var tree = _store.Shard(Shard);
            Machine = new EventualRowsStateMachine(tree, 0, ulong.MaxValue, Depth);
            State = new ReplicatedState(Machine, new RequestTableOptions());
            if (tree.DurableApplied > LogIndex.Zero)
            {
                string? error = "not recovered";
                State.Recover((e, _) => error = e);
                Disk.Pump();
                Assert.Null(error);
            }

            tree.Freezing = () =>
            {
                if (State.NeedsPersisting)
                {
                    State.Persist([]);
                }
            };
        }

        public void Apply(LogEntry entry)
        {
            if (State.IsPrepared(entry))
            {
                State.Apply(entry, new WireWriter());
            }
            else
            {
                State.Prepare([entry], fault =>
                {
                    Assert.Null(fault);
                    State.Apply(entry, new WireWriter());
                });
                Disk.Pump();
            }

            Assert.Equal(entry.Index, State.AppliedIndex);
            for (var i = 0; i < 4; i++)
            {
                _store.Maintain(2_000);
                Disk.Pump();
            }
        }

        public void ApplyTogether(List<LogEntry> entries)
        {
            Assert.False(State.IsPrepared(entries[0]));
            State.Prepare(entries, fault =>
            {
                Assert.Null(fault);
                foreach (var entry in entries)
                {
                    State.Apply(entry, new WireWriter());
                }
            });
            Disk.Pump();
            Assert.Equal(entries[^1].Index, State.AppliedIndex);
        }

        public void Flush()
        {
            _store.Flush();
            Settle();
        }

        public void Settle()
        {
            for (var i = 0; i < 200; i++)
            {
                _store.Maintain(100_000);
                Disk.Pump();
            }
        }

        public byte[] Ask(byte[] query)
        {
            var result = new WireWriter();
            if (State.TryRead(query, result))
            {
                return result.ToArray();
            }

            byte[]? answer = null;
            State.ReadLater(query, a =>
            {
                Assert.Null(a.Fault);
                answer = a.Body.ToArray();
            });
            Disk.Pump();
            Assert.NotNull(answer);
            return answer;
        }
    }
}
