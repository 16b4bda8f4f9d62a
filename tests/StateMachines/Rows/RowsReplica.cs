using System.Text;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>A shard of rows with the words that its tests are written in: keys, columns and values are short texts.</summary>
internal sealed class RowsReplica
{
    public Replica Replica { get; } = new(new RowsStateMachine());

    public long NowMicros => Replica.Stamp.UnixMilliseconds * 1000;

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    /// <summary>Tokens of these tests: the key's first letter, so that their order is easily seen.</summary>
    public static long TokenOf(string key) => key[0] - 'm';

    public static PartitionMutation On(string partition, params RowOperation[] operations) =>
        new(TokenOf(partition), Bytes(partition), operations);

    public static RowOperation Put(string row, uint column, string value, int timeToLiveSeconds = 0, long? timestamp = null) =>
        RowOperation.Upsert(Bytes(row), [CellWrite.Put(column, Bytes(value), timeToLiveSeconds)]) with { TimestampMicros = timestamp };

    public MutationResult Mutate(RowsMutation mutation, RequestIdentity identity = default)
    {
        var (status, result) = Replica.Propose(writer => RowsCommand.WriteMutate(writer, mutation), identity);
        Assert.True(status is ApplyStatus.Applied or ApplyStatus.Repeated);
        Assert.True(RowsResultCodec.TryReadMutation(result, out var read));
        return read;
    }

    public MutationResult Write(string partition, params RowOperation[] operations) =>
        Mutate(RowsMutation.Of(On(partition, operations)));

    public MutationResult WriteIf(string partition, RowCondition[] conditions, params RowOperation[] operations) =>
        Mutate(new RowsMutation([On(partition, operations)], conditions));

    public RowsPage Read(string partition, RowsSelection? selection = null)
    {
        var read = new PartitionRead(TokenOf(partition), Bytes(partition), selection ?? RowsSelection.All);
        Assert.True(RowsResultCodec.TryReadPage(Replica.Read(writer => RowsQuery.WritePartition(writer, read)), out var page));
        return page;
    }

    public RowsPage ReadRange(long from, long to, RowsSelection? selection = null)
    {
        var read = new TokenRangeRead(from, to, selection ?? RowsSelection.All);
        Assert.True(RowsResultCodec.TryReadPage(Replica.Read(writer => RowsQuery.WriteTokenRange(writer, read)), out var page));
        return page;
    }

    /// <summary>A partition in words: "static[1=x] a[1=v] b[]".</summary>
    public string Describe(string partition, RowsSelection? selection = null) =>
        string.Join(" ", Read(partition, selection).Partitions.Select(Describe));

    public static string Describe(PartitionRows partition)
    {
        var rows = partition.Rows.Select(row => $"{Text(row.Clustering)}[{Describe(row.Row)}]");
        return string.Join(" ", partition.Static.IsEmpty ? rows : rows.Prepend($"static[{Describe(partition.Static)}]"));
    }

    public static string Describe(RowData row) => string.Join(",", row.Cells.Select(static cell =>
        (cell.Path.IsEmpty || cell.Path.Length > 8 ? $"{cell.Column}" : $"{cell.Column}.{Text(cell.Path)}")
        + "=" + (cell.Kind == CellKind.Counter ? $"{CounterValue.Sum(cell.Value)}" : Text(cell.Value))));

    /// <summary>Lets the leader look for what is dead until there is nothing more; returns how many commands it took.</summary>
    public int Expire()
    {
        var commands = 0;
        for (var again = true; again; commands++)
        {
            Assert.True(commands < 1_000);
            byte[]? command = null;
            Replica.State.Machine.FindExpired(Replica.Stamp, (found, fault) =>
            {
                Assert.Null(fault);
                command = found;
            });
            again = command is not null || Replica.State.Machine.NextExpiry <= Replica.Stamp;
            if (command is not null)
            {
                Replica.Propose(writer => writer.WriteRaw(command));
            }
        }

        return commands - 1;
    }

    public ChangesPage Changes(HybridTime after) => Replica.Changes("", after);

    /// <summary>"partition/row".</summary>
    public static string NameOf(RowImage row) => $"{Text(row.PartitionKey)}/{(row.IsStatic ? "static" : Text(row.Clustering))}";

    public RowsStats Stats()
    {
        Assert.True(RowsResultCodec.TryReadStats(Replica.Read(RowsQuery.WriteStats), out var stats));
        return stats;
    }
}
