using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.Networks;
using Atoll.Simulation.World;
using Xunit;

namespace Atoll.Simulation.Tests;

public sealed class SimNetworkTests
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);

    [Fact]
    public void Messages_are_lost_doubled_and_overtaken_at_the_rates_asked_for()
    {
        var faults = new NetworkFaults();
        using var net = new SimNetworkHarness(faults);
        net.Connect(1, 2);
        faults.LossPartsPerMillion = 100_000;
        faults.DuplicatePartsPerMillion = 100_000;
        faults.ReorderPartsPerMillion = 100_000;
        for (var i = 0; i < 10_000; i++)
        {
            net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, BitConverter.GetBytes(i));
            net.Scheduler.RunFor(Duration.FromMicroseconds(20));
        }

        net.Scheduler.RunFor(Duration.FromSeconds(1));
        var numbers = net.Events(2).Messages.Select(item => BitConverter.ToInt32(item.Message.Span)).ToList();
        Assert.InRange(10_000 - numbers.Distinct().Count(), 800, 1_200);
        Assert.InRange(numbers.Count - numbers.Distinct().Count(), 700, 1_200);
        Assert.InRange(numbers.Zip(numbers.Skip(1)).Count(pair => pair.Second < pair.First), 200, 4_000);
        Assert.Equal(10_000 - numbers.Distinct().Count(), net.Ledger[FaultKind.MessageLost]);
    }

    [Fact]
    public void Without_reordering_messages_of_a_lane_stay_in_order()
    {
        using var net = new SimNetworkHarness(new NetworkFaults { TailPartsPerMillion = 50_000 });
        net.Connect(1, 2);
        for (var i = 0; i < 1_000; i++)
        {
            net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, BitConverter.GetBytes(i));
        }

        net.RunUntil(() => net.Events(2).Messages.Count == 1_000);
        Assert.Equal(Enumerable.Range(0, 1_000), net.Events(2).Messages.Select(item => BitConverter.ToInt32(item.Message.Span)));
    }

    [Fact]
    public void A_one_way_cut_stops_one_direction_only()
    {
        using var net = new SimNetworkHarness(new NetworkFaults());
        net.Connect(1, 2);
        net.Connect(2, 1);
        net.Simulated.CutOneWay(One, Two);
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [1]));
        net.Network(2).Send(new LoopAddress(One, 0), Lane.Urgent, [2]);
        net.RunUntil(() => net.Events(1).Messages.Count == 1);
        net.RunUntil(() => net.Events(1).LinkDowns == 2);
        Assert.Empty(net.Events(2).Messages);
        net.Simulated.Heal(One, Two);
        net.RunUntil(() => net.Events(1).IsUp(2, Lane.Urgent));
    }

    [Fact]
    public void A_short_cut_loses_messages_and_may_go_unnoticed()
    {
        using var net = new SimNetworkHarness(new NetworkFaults());
        net.Connect(1, 2);
        net.Simulated.Cut(One, Two);
        net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [1]);
        net.Scheduler.RunFor(Duration.FromMilliseconds(100));
        net.Simulated.HealAll();
        net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [2]);
        net.Scheduler.RunFor(Duration.FromSeconds(20));
        Assert.Equal([2], Assert.Single(net.Events(2).Messages).Message.ToArray());
        Assert.Equal(0, net.Events(1).LinkDowns);
    }

    [Fact]
    public void A_machine_that_lost_power_is_noticed_late_a_killed_process_at_once()
    {
        foreach (var silently in new[] { false, true })
        {
            using var net = new SimNetworkHarness(new NetworkFaults());
            net.Connect(1, 2);
            var start = net.Scheduler.Now;
            net.Stop(2, silently);
            net.RunUntil(() => net.Events(1).LinkDowns == 2);
            Assert.Equal(silently, net.Scheduler.Now - start > Duration.FromMilliseconds(100));
        }
    }

    [Fact]
    public void A_paused_loop_receives_afterwards_in_order()
    {
        using var net = new SimNetworkHarness(new NetworkFaults());
        net.Connect(1, 2);
        net.Endpoint(2).Loop.PauseUntil(net.Scheduler.Now + Duration.FromSeconds(5));
        for (byte i = 0; i < 50; i++)
        {
            net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [i]);
            net.Scheduler.RunFor(Duration.FromMilliseconds(50));
        }

        Assert.Empty(net.Events(2).Messages);
        net.RunUntil(() => net.Events(2).Messages.Count == 50);
        Assert.Equal(Enumerable.Range(0, 50), net.Events(2).Messages.Select(item => (int)item.Message.Span[0]));
    }

    [Fact]
    public void A_slow_line_fills_up_and_drains()
    {
        var faults = new NetworkFaults { BytesPerSecond = 1_000_000, UrgentQueueBytesMax = 100_000 };
        using var net = new SimNetworkHarness(faults);
        net.Connect(1, 2);
        var chunk = new byte[10_000];
        var sent = 0;
        while (net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, chunk) == SendOutcome.Queued)
        {
            sent++;
        }

        Assert.Equal(10, sent);
        Assert.Equal(100_000, net.Network(1).QueuedBytes(Two, Lane.Urgent));
        net.Scheduler.RunFor(Duration.FromMilliseconds(50));
        Assert.Equal(50_000, net.Network(1).QueuedBytes(Two, Lane.Urgent));
        Assert.Equal(SendOutcome.Queued, net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, chunk));
    }

    [Fact]
    public void A_reset_connection_goes_down_and_comes_back()
    {
        var faults = new NetworkFaults();
        using var net = new SimNetworkHarness(faults);
        net.Connect(1, 2);
        faults.ResetPartsPerMillion = 1_000_000;
        net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [1]);
        faults.ResetPartsPerMillion = 0;
        net.RunUntil(() => net.Events(1).LinkDowns == 1);
        net.RunUntil(() => net.Events(1).IsUp(2, Lane.Urgent));
    }

    [Fact]
    public void A_slow_link_is_slow_one_way()
    {
        using var net = new SimNetworkHarness(new NetworkFaults());
        net.Connect(1, 2);
        net.Connect(2, 1);
        net.Simulated.SlowDown(One, Two, Duration.FromMilliseconds(300));
        var start = net.Scheduler.Now;
        net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [1]);
        net.Network(2).Send(new LoopAddress(One, 0), Lane.Urgent, [1]);
        net.RunUntil(() => net.Events(1).Messages.Count == 1);
        Assert.True(net.Scheduler.Now - start < Duration.FromMilliseconds(10));
        net.RunUntil(() => net.Events(2).Messages.Count == 1);
        Assert.True(net.Scheduler.Now - start > Duration.FromMilliseconds(300));
    }

    [Fact]
    public void An_interceptor_loses_and_replaces_messages()
    {
        using var net = new SimNetworkHarness(new NetworkFaults());
        net.Connect(1, 2);
        net.Simulated.Interceptor = new Forger();
        net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [0]);
        net.Network(1).Send(new LoopAddress(Two, 0), Lane.Urgent, [1]);
        net.RunUntil(() => net.Events(2).Messages.Count == 1);
        Assert.Equal([42], net.Events(2).Messages[0].Message.ToArray());
    }

    private sealed class Forger : IMessageInterceptor
    {
        public bool Passes(LoopAddress from, LoopAddress to, Lane lane, ref ReadOnlyMemory<byte> message)
        {
            var passes = message.Span[0] != 0;
            message = new byte[] { 42 };
            return passes;
        }
    }
}
