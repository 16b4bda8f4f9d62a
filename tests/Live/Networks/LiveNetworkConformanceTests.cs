using Atoll.Conformance;

namespace Atoll.Live.Tests.Networks;

/// <summary>The suite that every network passes, on real sockets.</summary>
public sealed class LiveNetworkConformanceTests : NetworkConformance
{
    protected override NetworkHarness NewNetwork() => new LiveNetworkHarness();
}
