using Xunit;

namespace Atoll.Foundation.Tests;

/// <summary>The derived bounds hold what they promise about each other.</summary>
public sealed class LimitsTests
{
    [Fact]
    public void The_largest_command_fits_an_entry_and_the_largest_entry_a_message()
    {
        Assert.True(Limits.EntryBytesMax >= Limits.ValueBytesMax + Limits.KeyBytesMax + 1_024);
        Assert.True(Limits.MessageBytesMax >= Limits.EntryBytesMax + 1_024);
        Assert.True(Limits.ClientFrameBytesMax >= Limits.EntryBytesMax);
        Assert.True(Limits.ValueBytesDefault <= Limits.ValueBytesMax && Limits.KeyBytesDefault <= Limits.KeyBytesMax);
    }

    [Fact]
    public void The_urgent_lane_takes_at_least_one_message_of_the_largest_size() =>
        Assert.True(Limits.UrgentQueueBytesMax >= Limits.MessageBytesMax);

    [Fact]
    public void A_loop_number_fits_a_byte() => Assert.InRange(Limits.LoopsMax, 1, byte.MaxValue + 1);
}
