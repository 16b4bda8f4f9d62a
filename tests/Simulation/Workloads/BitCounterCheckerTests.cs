using Atoll.Simulation.Checkers;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Simulation.Tests.Workloads;

public sealed class BitCounterCheckerTests
{
    private readonly BitCounterChecker _checker = new();

    [Fact]
    public void An_increment_that_a_quorum_has_is_not_missed_and_counts_once()
    {
        var delta = _checker.Invoke("c");
        _checker.Acknowledge("c", delta, byQuorum: true);
        Read(delta);
        Assert.Throws<SafetyViolationException>(() => Read(0));
        Assert.Throws<SafetyViolationException>(() => Read(delta * 2));
    }

    [Fact]
    public void An_increment_of_unknown_outcome_may_count_and_then_does_so_for_ever()
    {
        var delta = _checker.Invoke("c");
        Read(0);
        Read(delta);
        Assert.Throws<SafetyViolationException>(() => Read(0));
    }

    [Fact]
    public void A_refused_increment_does_not_count()
    {
        var delta = _checker.Invoke("c");
        _checker.Refuse("c", delta);
        Assert.Throws<SafetyViolationException>(() => Read(delta));
    }

    [Fact]
    public void In_the_end_every_increment_counts_that_any_replica_acknowledged()
    {
        var delta = _checker.Invoke("c");
        _checker.Acknowledge("c", delta, byQuorum: false);
        Read(0);
        Assert.Equal(delta, _checker.Least("c", byQuorum: false, isLast: true));
    }

    [Fact]
    public void A_counter_has_no_more_increments_than_bits()
    {
        for (var i = 0; i < BitCounterChecker.IncrementsMax; i++)
        {
            Assert.True(_checker.Invoke("c") > 0);
        }

        Assert.Equal(0, _checker.Invoke("c"));
    }

    private void Read(long value) => _checker.Check("c", value, _checker.Least("c", byQuorum: true, isLast: false), byQuorum: true);
}
