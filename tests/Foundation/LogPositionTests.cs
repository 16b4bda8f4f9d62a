using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Xunit;

namespace Atoll.Foundation.Tests;

public sealed class LogPositionTests
{
    [Fact]
    public void Positions_calculate_and_do_not_wrap()
    {
        var index = new LogIndex(7);
        Assert.Equal(new LogIndex(8), index.Next);
        Assert.Equal(new LogIndex(6), index.Previous);
        Assert.Equal(new LogIndex(10), index + 3);
        Assert.Equal(4UL, index - new LogIndex(3));
        Assert.Equal(index, LogIndex.Max(index, LogIndex.Zero));
        Assert.Equal(LogIndex.Zero, LogIndex.Min(index, LogIndex.Zero));
        Assert.Throws<OverflowException>(() => LogIndex.Zero.Previous);
        Assert.Throws<OverflowException>(() => new LogIndex(ulong.MaxValue).Next);
        Assert.Throws<OverflowException>(() => LogIndex.Zero - index);
    }

    [Fact]
    public void A_failed_check_names_the_expression_and_the_place()
    {
        var wrong = Assert.Throws<CheckFailedException>(() => Check.That(1 + 1 == 3));
        Assert.Contains("1 + 1 == 3", wrong.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(A_failed_check_names_the_expression_and_the_place), wrong.Message, StringComparison.Ordinal);
        Check.That(1 + 1 == 2);
    }

    [Fact]
    public void Probes_of_one_name_share_their_count()
    {
        var one = Probe.Define("test: a probe");
        var same = Probe.Define("test: a probe");
        one.Hit();
        same.Hit();
        Assert.Equal(2, one.Hits);
        Assert.Contains(one, Probe.All());
    }
}
