using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>A hybrid clock over a wall clock that may be wrong.</summary>
public sealed class TestHybridClock(Func<Instant> wallTime) : IHybridClock
{
    private HybridTime _last;

    public HybridTime Next() => _last = _last.Next(wallTime());

    public void Observe(HybridTime seen) => _last = seen > _last ? seen : _last;
}
