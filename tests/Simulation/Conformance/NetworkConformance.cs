using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.World;
using Xunit;

namespace Atoll.Conformance;

/// <summary>
/// What every network must do when nothing is wrong with it, simulated or real: the documentation of <see cref="INetwork"/>.
/// </summary>
public abstract class NetworkConformance
{
    protected abstract NetworkHarness NewNetwork();

    [Theory]
    [InlineData(Lane.Urgent)]
    [InlineData(Lane.Bulk)]
    public void A_message_arrives_as_it_was_sent(Lane lane)
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        var message = Message(1, 1_000);
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(2), lane, message));
        net.RunUntil(() => net.Events(2).Messages.Count == 1);
        var (from, arrivedOn, arrived) = net.Events(2).Messages[0];
        Assert.Equal(To(1), from);
        Assert.Equal(lane, arrivedOn);
        Assert.True(arrived.Span.SequenceEqual(message));
    }

    [Fact]
    public void A_message_goes_to_the_loop_that_was_named()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        net.Connect(1, 2, loop: 1);
        net.Network(1).Send(To(2, 1), Lane.Urgent, [1]);
        net.Network(1, 1).Send(To(2, 0), Lane.Urgent, [2]);
        net.RunUntil(() => net.Events(2, 0).Messages.Count == 1 && net.Events(2, 1).Messages.Count == 1);
        Assert.Equal(To(1, 1), net.Events(2, 0).Messages[0].From);
        Assert.Equal([2], net.Events(2, 0).Messages[0].Message.ToArray());
        Assert.Equal(To(1, 0), net.Events(2, 1).Messages[0].From);
    }

    [Fact]
    public void The_bytes_are_copied_before_send_returns_and_belong_to_the_receiver()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        var buffer = new byte[] { 1, 2, 3 };
        net.Network(1).Send(To(2), Lane.Urgent, buffer);
        buffer[0] = 9;
        for (var i = 0; i < 100; i++)
        {
            net.Network(1).Send(To(2), Lane.Urgent, Message(i, 64));
        }

        net.RunUntil(() => net.Events(2).Messages.Count == 101);
        var small = Assert.Single(net.Events(2).Messages, item => item.Message.Length == 3);
        Assert.Equal([1, 2, 3], small.Message.ToArray());
    }

    [Fact]
    public void Messages_between_loops_of_one_node_arrive_in_order_without_any_peer()
    {
        using var net = NewNetwork();
        for (byte i = 0; i < 200; i++)
        {
            Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(1, 1), i % 2 == 0 ? Lane.Urgent : Lane.Bulk, [i]));
        }

        net.Network(1).Send(To(1, 0), Lane.Urgent, [7]);
        net.RunUntil(() => net.Events(1, 1).Messages.Count == 200 && net.Events(1, 0).Messages.Count == 1);
        Assert.Equal(Enumerable.Range(0, 200), net.Events(1, 1).Messages.Select(item => (int)item.Message.Span[0]));
        Assert.All(net.Events(1, 1).Messages, item => Assert.Equal(To(1), item.From));
    }

    [Fact]
    public void An_unknown_or_forgotten_peer_is_disconnected()
    {
        using var net = NewNetwork();
        Assert.Equal(SendOutcome.Disconnected, net.Network(1).Send(To(2), Lane.Urgent, [1]));
        net.Connect(1, 2);
        net.Network(1).RemovePeer(new NodeId(2));
        Assert.Equal(SendOutcome.Disconnected, net.Network(1).Send(To(2), Lane.Urgent, [1]));
        Assert.Equal(0, net.Network(1).QueuedBytes(new NodeId(2), Lane.Urgent));
    }

    [Fact]
    public void Repeating_a_peer_changes_nothing()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        net.Network(1).SetPeer(new NodeId(2), net.Address(2));
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(2), Lane.Urgent, [1]));
        net.RunUntil(() => net.Events(2).Messages.Count == 1);
        Assert.Equal(0, net.Events(1).LinkDowns);
    }

    [Fact]
    public void Empty_and_large_messages_arrive()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        var large = Message(3, 5 * 1024 * 1024);
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(2), Lane.Bulk, large));
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(2), Lane.Urgent, []));
        net.RunUntil(() => net.Events(2).Messages.Count == 2);
        Assert.True(net.Events(2).Messages.Single(item => item.Lane == Lane.Bulk).Message.Span.SequenceEqual(large));
    }

    [Fact]
    public void Thousands_of_messages_arrive_on_a_good_network()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        net.Connect(2, 1);
        for (var i = 0; i < 3_000; i++)
        {
            Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(2), Lane.Urgent, Message(i, 100)));
            Assert.Equal(SendOutcome.Queued, net.Network(2).Send(To(1), Lane.Urgent, Message(i, 50)));
        }

        net.RunUntil(() => net.Events(2).Messages.Count == 3_000 && net.Events(1).Messages.Count == 3_000);
    }

    [Fact]
    public void A_full_lane_refuses_and_the_other_lane_goes_on()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        var chunk = Message(1, 1024 * 1024);
        var accepted = 0;
        var refused = 0;
        for (var i = 0; i < 256; i++)
        {
            if (net.Network(1).Send(To(2), Lane.Bulk, chunk) == SendOutcome.Queued)
            {
                accepted++;
            }
            else
            {
                refused++;
            }

            Assert.InRange(net.Network(1).QueuedBytes(new NodeId(2), Lane.Bulk), 0, Limits.BulkQueueBytesMax + (2 * chunk.Length));
        }

        Assert.True(refused > 0);
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(To(2), Lane.Urgent, [5]));
        net.RunUntil(() => net.Events(2).Messages.Count == accepted + 1);
    }

    [Fact]
    public void A_dead_peer_is_noticed_and_its_return_too()
    {
        using var net = NewNetwork();
        net.Connect(1, 2);
        net.Stop(2);
        net.RunUntil(() =>
        {
            net.Network(1).Send(To(2), Lane.Urgent, [1]);
            return net.Events(1).LinkDowns == 2;
        });
        Assert.Equal(SendOutcome.Disconnected, net.Network(1).Send(To(2), Lane.Urgent, [1]));
        net.Start(2);
        net.RunUntil(() => net.Events(1).IsUp(2, Lane.Urgent) && net.Events(1).IsUp(2, Lane.Bulk));
        net.Network(1).Send(To(2), Lane.Urgent, [2]);
        net.RunUntil(() => net.Events(2).Messages.Any(item => item.Message.Span[0] == 2));
    }

    [Fact]
    public void A_peer_that_starts_later_is_connected_then()
    {
        using var net = NewNetwork();
        net.Stop(3);
        net.Network(1).SetPeer(new NodeId(3), net.Address(3));
        Assert.Equal(SendOutcome.Disconnected, net.Network(1).Send(To(3), Lane.Urgent, [1]));
        net.Start(3);
        net.RunUntil(() => net.Events(1).IsUp(3, Lane.Urgent));
        net.Network(1).Send(To(3), Lane.Urgent, [2]);
        net.RunUntil(() => net.Events(3).Messages.Count == 1);
    }

    [Fact]
    public void Another_node_at_the_address_is_not_the_peer()
    {
        using var net = NewNetwork();
        net.Network(1).SetPeer(new NodeId(2), net.Address(3));
        net.Connect(1, 3);
        Assert.Equal(SendOutcome.Disconnected, net.Network(1).Send(To(2), Lane.Urgent, [1]));
        net.Network(1).SetPeer(new NodeId(2), net.Address(2));
        net.RunUntil(() => net.Events(1).IsUp(2, Lane.Urgent));
    }

    private static LoopAddress To(uint node, byte loop = 0) => new(new NodeId(node), loop);

    private static byte[] Message(int seed, int size)
    {
        var bytes = new byte[size];
        new Prng((ulong)seed).Fill(bytes);
        return bytes;
    }
}
