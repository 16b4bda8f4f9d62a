using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Workloads;
using Xunit;

namespace Atoll.Simulation.Tests.Workloads;

public sealed class CellCheckerTests
{
    private const string Cell = "p/a/1";
    private const int Quorum = 2;

    private readonly CellChecker _checker = new(replicas: 3);

    [Fact]
    public void A_quorum_misses_no_write_that_a_quorum_has_and_one_replica_may()
    {
        Write(1, 100, Quorum);
        Read(1, null);
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, null));
        Read(Quorum, new SeenCell(1, 100));
        Read(3, new SeenCell(1, 100));
    }

    [Fact]
    public void Something_newer_is_as_good_and_something_older_is_not()
    {
        Write(1, 100, Quorum);
        _checker.Invoke([Cell], 2, 200);
        _checker.Invoke([Cell], 3, 50);
        Read(1, new SeenCell(3, 50));
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, new SeenCell(3, 50)));
        Read(Quorum, new SeenCell(2, 200));
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, new SeenCell(1, 100)));
    }

    [Fact]
    public void What_one_replica_has_all_must_show_only_when_all_are_asked()
    {
        Write(1, 100, copies: 1);
        Read(Quorum, null);
        Assert.Throws<SafetyViolationException>(() => Read(3, null));
    }

    [Fact]
    public void What_was_deleted_does_not_return()
    {
        Write(1, 100, Quorum);
        Write(0, 100, Quorum);
        Read(Quorum, null);
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, new SeenCell(1, 100)));
        _checker.Invoke([Cell], 2, 101);
        Read(Quorum, new SeenCell(2, 101));
    }

    [Fact]
    public void A_value_that_was_seen_to_be_gone_stays_gone_although_the_deletion_was_not_acknowledged()
    {
        Write(1, 100, Quorum);
        _checker.Invoke([Cell], 0, null);
        Read(Quorum, null);
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, new SeenCell(1, 100)));
    }

    [Fact]
    public void A_value_is_not_gone_without_a_deletion_that_is_late_enough()
    {
        Write(1, 100, Quorum);
        _checker.Invoke([Cell], 0, 99);
        _checker.Invoke([Cell], 0, 200).IsRefused = true;
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, null));
    }

    [Fact]
    public void A_write_that_says_it_is_old_may_be_seen_when_it_was_made_after_the_deletion()
    {
        _checker.Invoke([Cell], 1, 90);
        Write(0, 100, Quorum);
        _checker.Invoke([Cell], 2, 90);
        Read(Quorum, new SeenCell(2, 90));
        Assert.Throws<SafetyViolationException>(() => Read(Quorum, new SeenCell(1, 90)));
    }

    [Fact]
    public void Only_what_was_written_there_at_that_time_is_seen()
    {
        _checker.Invoke([Cell], 1, 100);
        Assert.Throws<SafetyViolationException>(() => Read(1, new SeenCell(2, 100)));
        Assert.Throws<SafetyViolationException>(() => Read(1, new SeenCell(1, 101)));
        var refused = _checker.Invoke([Cell], 3, 100);
        refused.IsRefused = true;
        Assert.Throws<SafetyViolationException>(() => Read(1, new SeenCell(3, 100)));
    }

    [Fact]
    public void What_only_hints_have_is_everywhere_when_they_have_been_delivered()
    {
        Write(1, 100, copies: 0);
        Write(2, 200, copies: 0);
        Read(3, null);
        _checker.Delivered(new HybridTime(99));
        Read(3, null);
        _checker.Delivered(new HybridTime(100));
        Assert.Throws<SafetyViolationException>(() => Read(1, null));
        Read(3, new SeenCell(1, 100));
    }

    private void Write(long number, long timestamp, int copies) =>
        _checker.Acknowledge(_checker.Invoke([Cell], number, timestamp), copies, timestamp, new HybridTime((ulong)timestamp), isOnly: true);

    private void Read(int copies, SeenCell? seen) => _checker.Check(Cell, copies, _checker.Least(Cell, copies), seen, "somebody");
}
