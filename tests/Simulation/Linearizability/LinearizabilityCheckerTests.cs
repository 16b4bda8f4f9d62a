using Atoll.Foundation.Time;
using Atoll.Simulation.Linearizability;
using Xunit;

namespace Atoll.Simulation.Tests.Linearizability;

public sealed class LinearizabilityCheckerTests
{
    private readonly HistoryBuilder _history = new();

    [Fact]
    public void One_after_the_other_is_linearizable()
    {
        _history.Get("k", 0);
        _history.Put("k", 1, 10);
        _history.Get("k", 1, 10);
        _history.CompareAndSet("k", 10, 2, true, 11);
        _history.CompareAndSet("k", 10, 3, false, 11);
        _history.Get("k", 2, 11);
        _history.Delete("k", true);
        _history.Delete("k", false);
        _history.Get("k", 0);
        _history.CompareAndSet("k", 0, 4, true, 15);
        _history.Get("k", 4, 15);
        Expect(LinearizabilityVerdict.Linearizable);
    }

    [Fact]
    public void Concurrent_operations_may_take_effect_in_either_order()
    {
        var put = _history.Begin(new Step(StepKind.Put, "k", 1));
        var early = _history.Begin(new Step(StepKind.Get, "k"));
        var late = _history.Begin(new Step(StepKind.Get, "k"));
        _history.EndGet(late, 1);
        _history.EndGet(early, 0);
        _history.End(put);
        Expect(LinearizabilityVerdict.Linearizable);
    }

    [Fact]
    public void A_stale_read_is_found()
    {
        _history.Put("k", 1);
        _history.Put("k", 2);
        _history.Get("k", 2);
        _history.Get("k", 1);
        Assert.Contains(">>> #3", Expect(LinearizabilityVerdict.Violation), StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_that_goes_back_during_a_write_is_found()
    {
        _history.Put("k", 1);
        var put = _history.Begin(new Step(StepKind.Put, "k", 2));
        _history.Get("k", 2);
        _history.Get("k", 1);
        _history.End(put);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_lost_write_is_found()
    {
        _history.Put("k", 1);
        _history.Get("k", 0);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_lost_update_is_found()
    {
        _history.Put("k", 1, 5);
        var one = _history.Begin(new Step(StepKind.Put, "k", 2, 5));
        var two = _history.Begin(new Step(StepKind.Put, "k", 3, 5));
        _history.End(one, OperationOutcome.Ok, 6);
        _history.End(two, OperationOutcome.Ok, 7);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_write_applied_twice_is_found()
    {
        _history.Put("k", 1);
        _history.Put("k", 2);
        _history.Get("k", 2);
        _history.Get("k", 1);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_write_of_unknown_outcome_applied_twice_is_found()
    {
        _ = _history.Begin(new Step(StepKind.Put, "k", 1));
        _history.Get("k", 1);
        _history.Put("k", 2);
        _history.Get("k", 2);
        _history.Get("k", 1);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_write_under_two_versions_is_found()
    {
        _history.Put("k", 1, 5);
        _history.Get("k", 1, 5);
        _history.Get("k", 1, 6);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_dirty_read_of_a_refused_write_is_found()
    {
        _history.Put("k", 1);
        var refused = _history.Begin(new Step(StepKind.Put, "k", 2));
        _history.End(refused, OperationOutcome.Refused);
        _history.Get("k", 2);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_dirty_read_of_a_write_in_conflict_is_found()
    {
        _history.Put("k", 1, 5);
        _history.CompareAndSet("k", 4, 2, false, 5);
        _history.Get("k", 2, 6);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_conflict_without_a_cause_is_found()
    {
        _history.Put("k", 1, 5);
        _history.CompareAndSet("k", 5, 2, false, 5);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void A_delete_that_found_nothing_although_something_was_there_is_found()
    {
        _history.Put("k", 1);
        _history.Delete("k", false);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void Versions_that_go_back_are_found()
    {
        _history.Put("k", 1, 9);
        _history.Put("k", 2, 8);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void An_unknown_outcome_may_take_effect_late_or_never()
    {
        _history.Put("k", 1, 1);
        _ = _history.Begin(new Step(StepKind.Put, "k", 2));
        _ = _history.Begin(new Step(StepKind.Put, "k", 3));
        _history.Get("k", 1, 1);
        _history.Put("k", 4, 2);
        _history.Get("k", 2, 3);
        _history.Get("k", 2, 3);
        Expect(LinearizabilityVerdict.Linearizable);
    }

    [Fact]
    public void An_unknown_outcome_takes_effect_not_before_its_invocation()
    {
        _history.Get("k", 2);
        _ = _history.Begin(new Step(StepKind.Put, "k", 2));
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void An_unknown_write_explains_a_conflict_and_a_found_delete()
    {
        _history.Put("a", 1, 5);
        _ = _history.Begin(new Step(StepKind.Put, "a", 2));
        _history.CompareAndSet("a", 5, 3, false, 8);
        _ = _history.Begin(new Step(StepKind.Put, "b", 4));
        _history.Delete("b", true);
        Expect(LinearizabilityVerdict.Linearizable);
    }

    [Fact]
    public void A_batch_is_seen_as_a_whole_or_not_at_all()
    {
        var batch = _history.Begin(new Step(StepKind.Put, "a", 1), new Step(StepKind.Put, "b", 2));
        var seesAll = _history.Begin(new Step(StepKind.Get, "a"), new Step(StepKind.Get, "b"));
        _history.History.ReturnRead(seesAll, Instant.Zero, new Observation(1), new Observation(2));
        _history.End(batch);
        Expect(LinearizabilityVerdict.Linearizable);

        var second = _history.Begin(new Step(StepKind.Put, "a", 3), new Step(StepKind.Put, "b", 4));
        var seesHalf = _history.Begin(new Step(StepKind.Get, "a"), new Step(StepKind.Get, "b"));
        _history.History.ReturnRead(seesHalf, Instant.Zero, new Observation(3), new Observation(2));
        _history.End(second);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void Keys_seen_in_contradictory_order_are_found_when_a_batch_binds_them()
    {
        var batch = _history.Begin(new Step(StepKind.Put, "a", 1), new Step(StepKind.Put, "b", 2));
        _history.Get("a", 1);
        _history.Get("b", 0);
        _history.End(batch);
        Expect(LinearizabilityVerdict.Violation);
    }

    [Fact]
    public void The_counterexample_is_short_and_names_the_answer()
    {
        for (var i = 1; i <= 2_000; i++)
        {
            _history.Put("k", i);
            _history.Get("k", i);
        }

        _history.Put("k", 5_000);
        _history.Get("k", 17);
        for (var i = 6_000; i <= 7_000; i++)
        {
            _history.Put("k", i);
        }

        var explanation = Expect(LinearizabilityVerdict.Violation);
        var lines = explanation.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(lines.Length, 3, 30);
        Assert.StartsWith(">>>", lines[^1], StringComparison.Ordinal);
        Assert.Contains("saw 17", lines[^1], StringComparison.Ordinal);
        Assert.Contains("put k = 17", explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void Tens_of_thousands_of_operations_on_many_keys_take_few_states()
    {
        var generated = RandomHistory.Generate(seed: 5, operations: 40_000, keys: 200, clients: 30, unknownPartsPerMillion: 20_000);
        var result = LinearizabilityChecker.Check(generated);
        Assert.Equal(LinearizabilityVerdict.Linearizable, result.Verdict);
        Assert.Equal(200, result.Partitions);
        Assert.InRange(result.States, 30_000, 400_000);
    }

    private string Expect(LinearizabilityVerdict verdict)
    {
        var result = _history.Check();
        Assert.Equal(verdict, result.Verdict);
        return result.Explanation;
    }
}
