using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>A replica of an eventual shard with its own log, in the words of its tests.</summary>
internal sealed class EventualReplica
{
    public EventualReplica(int depth = 4, IStateTree? tree = null)
    {
        Machine = new EventualRowsStateMachine(tree ?? new InMemoryStateTree(), 0, ulong.MaxValue, depth);
        Replica = new Replica(Machine);
    }

    public EventualRowsStateMachine Machine { get; }

    public Replica Replica { get; }

    public static RowsVersionData Data { get; } = new();

    public EventualResult Take(EventualChange change)
    {
        var (status, result) = Replica.Propose(writer => EventualCommand.Write(writer, change));
        Assert.Equal(ApplyStatus.Applied, status);
        Assert.True(EventualResult.TryRead(result, out var read));
        return read;
    }

    public void Merge(ReadOnlyMemory<byte> version) =>
        Assert.Equal(EventualStatus.Ok, Take(new EventualChange { Version = version }).Status);

    public void MoveHorizon(HybridTime horizon) =>
        Assert.Equal(EventualStatus.Ok, Take(new EventualChange { Horizon = horizon }).Status);

    public EventualResult Increment(CounterIncrement increment)
    {
        var (_, result) = Replica.Propose(writer => EventualCommand.WriteIncrement(writer, increment));
        Assert.True(EventualResult.TryRead(result, out var read));
        return read;
    }

    public ReadOnlyMemory<byte> Raw(byte[] rowsQuery, HybridTime now)
    {
        Assert.True(EventualQuery.TryReadVersion(Replica.Read(w => EventualQuery.WriteRaw(w, rowsQuery, now)), out var version));
        Assert.True(RowsVersion.Validate(version, 0, ulong.MaxValue, new(4096, 1 << 20)).IsNone, Convert.ToHexString(version.Span));
        return version;
    }

    /// <summary>All that is known.</summary>
    public ReadOnlyMemory<byte> Whole() =>
        Raw(Query(new TokenRangeRead(long.MinValue, long.MaxValue, RowsSelection.All)), HybridTime.Zero);

    public ReadOnlyMemory<byte> Record(ReadOnlyMemory<byte> key)
    {
        Assert.True(EventualQuery.TryReadVersion(Replica.Read(w => EventualQuery.WriteRecord(w, key.Span)), out var version));
        return version;
    }

    public (ImmutableArray<PartitionHash> Records, bool IsComplete) List(
        ulong first = 0, ulong last = ulong.MaxValue, byte[]? after = null, byte[]? through = null, int count = 1000)
    {
        Assert.True(EventualQuery.TryReadList(
            Replica.Read(w => EventualQuery.WriteList(w, first, last, after ?? [], through ?? [], count)), out var records,
                out var isComplete));
        return (records, isComplete);
    }

    public byte[] Note(string key)
    {
        Assert.True(EventualQuery.TryReadNote(Replica.Read(w => EventualQuery.WriteNote(w, Replica.Bytes(key))), out var value));
        return value.ToArray();
    }

    public (ImmutableArray<Note> Notes, bool IsComplete) Notes(string prefix, string after = "", int max = 100)
    {
        Assert.True(EventualQuery.TryReadNotes(
            Replica.Read(w => EventualQuery.WriteNotes(w, Replica.Bytes(prefix), Replica.Bytes(after), max)), out var notes, out var all));
        return (notes, all);
    }

    /// <summary>Lets the replica look for what is dead until there is nothing more; returns how many commands it took.</summary>
    public int Expire()
    {
        var commands = 0;
        for (var again = true; again; commands++)
        {
            Assert.True(commands < 1_000);
            byte[]? command = null;
            Machine.FindExpired(HybridTime.Max, (found, fault) =>
            {
                Assert.Null(fault);
                command = found;
            });
            again = command is not null || Machine.NextExpiry is not null;
            if (command is not null)
            {
                Replica.Propose(writer => writer.WriteRaw(command));
            }
        }

        return commands - 1;
    }

    public static byte[] Query(TokenRangeRead read)
    {
        var writer = new WireWriter();
        RowsQuery.WriteTokenRange(writer, read);
        return writer.ToArray();
    }

    public static byte[] Query(PartitionRead read)
    {
        var writer = new WireWriter();
        RowsQuery.WritePartition(writer, read);
        return writer.ToArray();
    }

    /// <summary>What a coordinator makes of the answers of some replicas.</summary>
    public static byte[] Page(IEnumerable<EventualReplica> replicas, byte[] rowsQuery, HybridTime now)
    {
        var merged = Data.Merge(replicas.Select(replica => replica.Raw(rowsQuery, now)).ToArray());
        Assert.True(RowsVersion.Validate(merged, 0, ulong.MaxValue, new(4096, 1 << 20)).IsNone);
        var result = new WireWriter();
        RowsPages.Write(rowsQuery, merged, now, result);
        return result.ToArray();
    }
}
