using Atoll.Node.Eventual;
using Xunit;

namespace Atoll.Node.Tests.Eventual;

public sealed class BoundedWorkTests
{
    [Fact]
    public void No_more_than_a_few_steps_are_under_way_and_they_begin_in_order()
    {
        var work = new BoundedWork(3);
        var begun = new List<int>();
        var ends = new Queue<Action<bool>>();
        for (var i = 0; i < 10; i++)
        {
            var number = i;
            work.Add(ended =>
            {
                begun.Add(number);
                ends.Enqueue(ended);
            });
        }

        Assert.Equal(3, begun.Count);
        while (ends.TryDequeue(out var ended))
        {
            ended(true);
            Assert.InRange(ends.Count, 0, 3);
        }

        Assert.Equal(Enumerable.Range(0, 10), begun);
        Assert.Equal(0, work.Waiting);
    }

    [Fact]
    public void What_finds_no_room_is_done_when_there_is_some_and_nothing_is_tried_before()
    {
        var work = new BoundedWork(4);
        var (room, tried, done) = (0, 0, new HashSet<int>());
        for (var i = 0; i < 50; i++)
        {
            var number = i;
            work.Add(ended =>
            {
                tried++;
                if (room > 0)
                {
                    room--;
                    done.Add(number);
                    ended(true);
                }
                else
                {
                    ended(false);
                }
            });
        }

        Assert.Equal(1, tried);
        for (var tick = 0; tick < 25; tick++)
        {
            Assert.Equal(tick * 2, done.Count);
            room = 2;
            work.Tick();
        }

        Assert.Equal(50, done.Count);
        Assert.Equal(0, work.Waiting);
        Assert.InRange(tried, 50, 80);
    }
}
