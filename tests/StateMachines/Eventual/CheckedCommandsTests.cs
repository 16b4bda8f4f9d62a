using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>What is taken apart, or written, once instead of twice says the same.</summary>
public sealed class CheckedCommandsTests
{
    private static readonly RecordLimits Highest = new(4096, 1 << 20);

    [Fact]
    public void What_was_checked_is_applied_like_what_was_not()
    {
        var random = new Prng(5);
        var kept = new CheckedCommands();
        var plain = new EventualRowsStateMachine(new InMemoryStateTree(), 0, ulong.MaxValue, 4);
        var keeping = new EventualRowsStateMachine(new InMemoryStateTree(), 0, ulong.MaxValue, 4) { Checked = kept };
        for (var i = 1UL; i <= 500; i++)
        {
            var command = CommandOf(RandomMutations.Draw(random), i);
            if (random.Chance(800_000))
            {
                Assert.True(kept.Check(command, 0, ulong.MaxValue, Highest).IsNone);
            }

            Apply(plain, command, i);
            Apply(keeping, command, i);
            Assert.Null(kept.Take(command));
            Assert.Equal(plain.StateHash(), keeping.StateHash());
        }
    }

    [Fact]
    public void What_is_no_command_of_the_shard_is_refused_as_without_keeping()
    {
        var kept = new CheckedCommands();
        var good = CommandOf([Rows.RowsReplica.On("k", RowOperation.DeleteRow("r"u8.ToArray()))], 1);
        ReadOnlyMemory<byte>[] commands = [default, new byte[] { 0x21 }, new byte[] { 0x22, 1 }, good.AsMemory(0, good.Length - 1), good];
        foreach (var command in commands)
        {
            foreach (var limits in new[] { Highest, new RecordLimits(2, 2) })
            {
                var fault = EventualCommand.Validate(command, 0, 0, limits);
                Assert.False(fault.IsNone);
                Assert.Equal(fault, kept.Check(command, 0, 0, limits));
                Assert.Null(kept.Take(command));
            }
        }
    }

    [Fact]
    public void What_is_checked_and_never_applied_is_forgotten_in_the_end()
    {
        var kept = new CheckedCommands();
        var first = CommandOf([Rows.RowsReplica.On("k", RowOperation.DeleteRow("r"u8.ToArray()))], 1);
        Assert.True(kept.Check(first, 0, ulong.MaxValue, Highest).IsNone);
        var large = new byte[512 * 1024];
        for (var i = 2UL; i < 12; i++)
        {
            var command = CommandOf([Rows.RowsReplica.On("k", RowOperation.Upsert("r"u8.ToArray(), [CellWrite.Put(1, large)]))], i);
            Assert.True(kept.Check(command, 0, ulong.MaxValue, Highest).IsNone);
        }

        Assert.Null(kept.Take(first));
    }

    [Fact]
    public void The_version_of_one_operation_is_that_of_the_same_among_others()
    {
        var random = new Prng(9);
        for (var i = 1UL; i <= 500; i++)
        {
            foreach (var partition in RandomMutations.Draw(random))
            {
                foreach (var operation in partition.Operations)
                {
                    var one = partition with { Operations = [operation] };
                    var (stamp, node) = (HybridTime.FromUnixMilliseconds(1_000 + (long)i), new NodeId(3));
                    var general = RowsVersion.ContentsOf([one], 7, stamp, node).Encode();
                    Assert.Equal(general.Span, RowsVersion.OfMutation([one], 7, stamp, node).Span);
                }
            }
        }
    }

    [Fact]
    public void An_envelope_gets_its_stamp_later()
    {
        var writer = new WireWriter();
        CommandEnvelope.WriteHeader(writer, HybridTime.Zero, RequestIdentity.None);
        writer.WriteRaw("command"u8);
        var payload = writer.ToArray();
        var stamp = HybridTime.FromUnixMilliseconds(77);
        CommandEnvelope.PutStamp(payload, stamp);
        Assert.Equal(CommandEnvelope.Encode(stamp, RequestIdentity.None, "command"u8, writer), payload);
    }

    private static byte[] CommandOf(IReadOnlyList<PartitionMutation> mutation, ulong number)
    {
        var stamp = HybridTime.FromUnixMilliseconds(1_000 + (long)number);
        var version = RowsVersion.OfMutation(mutation, (long)number, stamp, new NodeId(1));
        var writer = new WireWriter();
        EventualCommand.Write(writer, new EventualChange { Version = version });
        return writer.ToArray();
    }

    private static void Apply(EventualRowsStateMachine machine, byte[] command, ulong index)
    {
        Assert.True(machine.IsPrepared(command));
        machine.Apply(
            new CommandContext(HybridTime.FromUnixMilliseconds(1_000 + (long)index), new LogIndex(index)), command, new WireWriter());
    }
}
