using Atoll.Conformance;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.Networks;
using Atoll.Simulation.World;
using Xunit;

namespace Atoll.Simulation.Tests;

public sealed class SimNetworkConformanceTests : NetworkConformance
{
    protected override NetworkHarness NewNetwork() => new SimNetworkHarness(new NetworkFaults());
}

internal sealed class SimNetworkHarness : NetworkHarness
{
    private readonly Dictionary<LoopAddress, SimEndpoint> _endpoints = [];

    public SimNetworkHarness(NetworkFaults faults, ulong seed = 1)
    {
        Simulated = new SimNetwork(Scheduler, new Prng(seed), faults, Ledger);
        for (uint node = 1; node <= 3; node++)
        {
            Start(node);
        }
    }

    public Scheduler Scheduler { get; } = new();

    public FaultLedger Ledger { get; } = new();

    public SimNetwork Simulated { get; }

    public override string Address(uint node) => $"10.0.0.{node}:7000";

    public override INetwork Network(uint node, byte loop = 0) => Endpoint(node, loop);

    public override RecordedEvents Events(uint node, byte loop = 0) => (RecordedEvents)Endpoint(node, loop).Events!;

    public SimEndpoint Endpoint(uint node, byte loop = 0) => _endpoints[new LoopAddress(new NodeId(node), loop)];

    public override void RunUntil(Func<bool> condition) =>
        Assert.True(Scheduler.RunUntil(condition, Duration.FromSeconds(60)), "nothing more came");

    public override void Start(uint node)
    {
        for (byte loop = 0; loop < 2; loop++)
        {
            var address = new LoopAddress(new NodeId(node), loop);
            _endpoints[address] = Simulated.Attach(new LoopIncarnation(address), Address(node));
            _endpoints[address].Events = new RecordedEvents();
        }
    }

    public override void Stop(uint node) => Stop(node, false);

    public void Stop(uint node, bool silently)
    {
        for (byte loop = 0; loop < 2; loop++)
        {
            Endpoint(node, loop).Loop.Kill();
        }

        Simulated.Detach(new NodeId(node), silently);
    }
}
