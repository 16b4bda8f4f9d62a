using Atoll.Foundation.Logs;
using Atoll.Node.Replicas;
using Atoll.Node.Routing;
using Xunit;

namespace Atoll.Node.Tests.Replicas;

/// <summary>A proposal's fate is known only by what is applied at its index (Raft dissertation, sections 3.5 and 3.6).</summary>
public sealed class ProposalQueueTests
{
    private readonly InFlightTable _table = new(100);
    private readonly ProposalQueue _queue = new();
    private readonly List<PendingRequest> _lost = [];

    [Fact]
    public void The_entry_that_was_proposed_answers_its_request()
    {
        var pending = Propose(5, 2);
        Assert.Null(Apply(4, 2));
        Assert.Same(pending, Apply(5, 2));
        Assert.Empty(_lost);
        Assert.Equal(0, _queue.Count);
        Assert.Equal(0, _queue.Bytes);
    }

    [Fact]
    public void Another_terms_entry_at_the_index_means_no_effect()
    {
        var pending = Propose(5, 2);
        Assert.Null(Apply(5, 3));
        Assert.Equal([pending], _lost);
    }

    [Fact]
    public void A_new_leadership_that_lacks_the_entry_means_no_effect()
    {
        var old = Propose(5, 2);
        var fresh = Propose(5, 4);
        Assert.Equal([old], _lost);
        Assert.Same(fresh, Apply(5, 4));
    }

    [Fact]
    public void A_request_that_was_answered_at_its_deadline_is_passed_over()
    {
        var pending = Propose(5, 2);
        _table.Release(pending);
        var next = _table.TryTake()!;
        next.State = PendingState.InReplica;
        Assert.Same(pending, next);
        Assert.Null(Apply(5, 2));
        Assert.Empty(_lost);
    }

    [Fact]
    public void A_snapshot_leaves_the_fate_of_what_it_skips_unknown()
    {
        var uncertain = new List<PendingRequest>();
        var first = Propose(5, 2);
        var second = Propose(6, 2);
        var third = Propose(7, 2);
        _queue.Skipped(new LogIndex(6), uncertain.Add);
        Assert.Equal([first, second], uncertain);
        Assert.Same(third, Apply(7, 2));
    }

    [Fact]
    public void Thousands_of_proposals_keep_their_order()
    {
        for (ulong index = 1; index <= 10_000; index++)
        {
            var pending = Propose(index, 1);
            if (index > 50)
            {
                Assert.NotNull(Apply(index - 50, 1));
            }

            if (pending.Slot >= 90)
            {
                Assert.Fail("slots are given back as entries are applied");
            }
        }

        Assert.Equal(50, _queue.Count);
    }

    private PendingRequest Propose(ulong index, ulong term)
    {
        var pending = _table.TryTake()!;
        pending.State = PendingState.InReplica;
        _queue.Add(new LogIndex(index), new Term(term), pending, 10, _lost.Add);
        return pending;
    }

    private PendingRequest? Apply(ulong index, ulong term)
    {
        var owner = _queue.Applied(new LogIndex(index), new Term(term), _lost.Add);
        if (owner is not null)
        {
            _table.Release(owner);
        }

        return owner;
    }
}
