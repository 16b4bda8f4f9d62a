using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Paxos;
using Xunit;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>The bytes of messages and of durable state: there and back, as written down here, and never an exception.</summary>
public sealed class PaxosCodecTests
{
    private static readonly Ballot Early = new(new HybridTime(300), new NodeId(1), 2);
    private static readonly Ballot Late = new(new HybridTime(301), new NodeId(1), 0);
    private static readonly PaxosDecree First = new(Early, Early, Early, Ballot.None, new byte[] { 1, 2 });
    private static readonly PaxosDecree Second = new(Late, Early, Early, Early, new byte[] { 3 });

    // A change of a byte here is a change of the protocol, and needs a test of the upgrade.
    public static TheoryData<PaxosMessage, string> Layouts => new()
    {
        { Of(PaxosMessageKind.Inspect) with { Data = new byte[] { 9 } }, "0105070107" + "AC020102" + "0109" },
        {
            Of(PaxosMessageKind.Inspected) with { Decree = Second.WithoutUpdate(), LastCommitted = First, Bound = Early, IsSettled = true },
            "0205070107" + "AC020102" + "AD020100AC020102AC020102AC02010200"
                + "AC020102AC020102AC020102000000020102" + "AC020102" + "0100" + "00"
        },
        { Of(PaxosMessageKind.Prepare), "0305070107" + "AC020102" + "00" },
        {
            Of(PaxosMessageKind.Promise) with { Data = new byte[] { 9 } },
            "0405070107" + "AC020102" + "000000" + "000000" + "000000" + "0000" + "0109"
        },
        { Of(PaxosMessageKind.Propose) with { Decree = First }, "0505070107" + "AC020102" + "AC020102AC020102AC020102000000020102" },
        { Of(PaxosMessageKind.Accepted), "0605070107" + "AC020102" },
        { Of(PaxosMessageKind.Refused) with { Bound = Late, WasNeverAccepted = true }, "0705070107" + "AC020102" + "AD020100" + "01" },
        { Of(PaxosMessageKind.Commit) with { Decree = First }, "0805070107" + "AC020102" + "AC020102AC020102AC020102000000020102" },
        { Of(PaxosMessageKind.Committed) with { Bound = Early }, "0905070107" + "AC020102" + "AC020102" },
        { Of(PaxosMessageKind.Settled), "0A05070107" + "AC020102" },
        { Of(PaxosMessageKind.WrongEpoch), "0B05070107" + "AC020102" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Each_kind_is_laid_out_so_and_comes_back_equal(PaxosMessage message, string hexadecimal)
    {
        var bytes = Write(message);
        Assert.Equal(hexadecimal, Convert.ToHexString(bytes));
        Assert.True(PaxosMessageCodec.TryRead(bytes, out var read));
        Assert.Equal(bytes, Write(read));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(PaxosMessageCodec.TryRead(bytes.AsMemory(0, length), out _));
        }

        Assert.False(PaxosMessageCodec.TryRead(new byte[] { 99 }.Concat(bytes).ToArray(), out _));
    }

    [Fact]
    public void Every_kind_has_a_layout() =>
        Assert.Equal(Enum.GetValues<PaxosMessageKind>(), Layouts.Select(row => row.Data.Item1.Kind).Distinct());

    [Fact]
    public void Damaged_messages_and_states_are_refused_or_read_and_never_throw()
    {
        var random = new Prng(7);
        var state = new PaxosPartitionState(Late, Second, First, Early, Early, Ballot.None);
        var writer = new WireWriter();
        state.Write(writer);
        Assert.True(PaxosPartitionState.TryRead(writer.ToArray(), out var restored));
        var again = new WireWriter();
        restored.Write(again);
        Assert.Equal(writer.ToArray(), again.ToArray());
        for (var i = 0; i < 20_000; i++)
        {
            var source = random.Chance(500_000) ? writer.ToArray() : Convert.FromHexString(random.Pick(Layouts.ToArray()).Data.Item2);
            source[random.NextInt(0, source.Length - 1)] ^= (byte)random.NextInt(1, 255);
            if (PaxosMessageCodec.TryRead(source, out var message))
            {
                Assert.True(PaxosMessageCodec.TryRead(Write(message), out _));
            }

            PaxosPartitionState.TryRead(source, out _);
        }
    }

    [Fact]
    public void Ballots_order_by_time_then_node_then_lane_and_never_tie()
    {
        var random = new Prng(3);
        var ballots = Enumerable.Range(0, 300).Select(_ => new Ballot(
            new HybridTime(random.NextBelow(6)), new NodeId((uint)random.NextInt(1, 5)), (uint)random.NextInt(0, 9))).Distinct().ToArray();
        Array.Sort(ballots);
        for (var i = 1; i < ballots.Length; i++)
        {
            Assert.True(ballots[i - 1] < ballots[i] && ballots[i] > ballots[i - 1]);
            Assert.True((ballots[i - 1].Time, ballots[i - 1].Node, ballots[i - 1].Lane).CompareTo(
                (ballots[i].Time, ballots[i].Node, ballots[i].Lane)) < 0);
        }
    }

    private static PaxosMessage Of(PaxosMessageKind kind) =>
        new() { Kind = kind, Operation = 5, Epoch = 7, Partition = new byte[] { 7 }, Ballot = Early };

    private static byte[] Write(in PaxosMessage message)
    {
        var writer = new WireWriter();
        PaxosMessageCodec.Write(writer, message);
        return writer.ToArray();
    }
}
