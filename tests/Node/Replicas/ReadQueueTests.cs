using Atoll.Foundation.Logs;
using Atoll.Node.Replicas;
using Atoll.Node.Routing;
using Xunit;

namespace Atoll.Node.Tests.Replicas;

/// <summary>Reads wait for a confirmed read index, then for the state to have applied it (Raft dissertation, section 6.4).</summary>
public sealed class ReadQueueTests
{
    private readonly InFlightTable _table = new(100);
    private readonly ReadQueue _queue = new();

    [Fact]
    public void A_round_serves_all_reads_that_gathered_before_it_and_none_that_came_after()
    {
        var early = Read();
        var context = _queue.BeginRound();
        var late = Read();
        _queue.RoundReady(context, new LogIndex(3));
        Assert.False(_queue.TryNext(new LogIndex(2), out _));
        Assert.True(_queue.TryNext(new LogIndex(3), out var served));
        Assert.Same(early, served);
        Assert.False(_queue.TryNext(new LogIndex(100), out _));
        _queue.RoundReady(_queue.BeginRound(), new LogIndex(4));
        Assert.True(_queue.TryNext(new LogIndex(4), out served));
        Assert.Same(late, served);
    }

    [Fact]
    public void Only_so_many_rounds_are_under_way_and_the_rest_gathers()
    {
        for (var i = 0; i < ReadQueue.RoundsMax; i++)
        {
            Read();
            Assert.True(_queue.WantsRound);
            _queue.BeginRound();
        }

        Read();
        Assert.False(_queue.WantsRound);
    }

    [Fact]
    public void A_failed_round_gives_its_reads_back_and_a_late_answer_to_it_changes_nothing()
    {
        var read = Read();
        var context = _queue.BeginRound();
        var returned = new List<PendingRequest>();
        _queue.RoundFailed(context, returned.Add);
        _queue.RoundReady(context, new LogIndex(1));
        Assert.Equal([read], returned);
        Assert.False(_queue.TryNext(new LogIndex(10), out _));
        Assert.Equal(0, _queue.Count);
    }

    private PendingRequest Read()
    {
        var pending = _table.TryTake()!;
        pending.State = PendingState.InReplica;
        _queue.Add(pending);
        return pending;
    }
}
