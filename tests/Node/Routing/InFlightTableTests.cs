using Atoll.Node.Routing;
using Xunit;

namespace Atoll.Node.Tests.Routing;

public sealed class InFlightTableTests
{
    [Fact]
    public void A_full_table_takes_nothing_more_until_a_slot_is_given_back()
    {
        var table = new InFlightTable(2);
        var first = table.TryTake();
        Assert.NotNull(first);
        Assert.NotNull(table.TryTake());
        Assert.Null(table.TryTake());
        table.Release(first);
        Assert.NotNull(table.TryTake());
    }

    [Fact]
    public void A_late_answer_does_not_find_the_next_user_of_the_slot()
    {
        var table = new InFlightTable(1);
        var pending = table.TryTake()!;
        var number = pending.Number;
        Assert.True(table.TryFind(number, out _));
        table.Release(pending);
        Assert.False(table.TryFind(number, out _));
        table.TryTake();
        Assert.False(table.TryFind(number, out _));
        Assert.False(table.TryFind(0, out _));
        Assert.False(table.TryFind(ulong.MaxValue, out _));
    }

    [Fact]
    public void Every_held_request_is_visited_once_and_may_be_released_on_the_way()
    {
        var table = new InFlightTable(10);
        var taken = Enumerable.Range(0, 10).Select(_ => table.TryTake()!).ToArray();
        table.Release(taken[3]);
        var visited = new List<int>();
        table.Visit(visited, (list, pending) =>
        {
            list.Add(pending.Slot);
            table.Release(pending);
        });
        Assert.Equal([0, 1, 2, 4, 5, 6, 7, 8, 9], visited);
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void An_answer_to_a_request_of_the_last_life_finds_none_of_this_one()
    {
        var before = new InFlightTable(2, uses: 1_000).TryTake()!.Number;
        var table = new InFlightTable(2, uses: 2_000_000);
        table.TryTake();
        Assert.False(table.TryFind(before, out _));
    }
}
