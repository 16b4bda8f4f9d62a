using Atoll.Gateways.Http;
using Xunit;

namespace Atoll.Gateways.Tests.Http;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("3", 3_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("7d", 604_800_000)]
    public void A_duration_is_a_number_and_a_unit(string text, int milliseconds)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("1w")]
    [InlineData("1e9d")]
    [InlineData("NaN")]
    [InlineData("99999999999999999999d")]
    public void Anything_else_is_none(string text) => Assert.False(DurationText.TryParse(text, out _));
}
