using System.Text;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

/// <summary>Tokens as the Python driver's Murmur3 computes them (python3-cassandra 3.25, cassandra.metadata.Murmur3Token).</summary>
public sealed class Murmur3TokenTests
{
    [Theory]
    [InlineData("61", -8839064797231613815)]
    [InlineData("616263", -5434086359492102041)]
    [InlineData("6b6579", -6847573755651342660)]
    [InlineData("78797a7b7c7d7e7f808182838485868788898a8b", 8340232316303394752)]
    [InlineData("8081ff", 1861117558159284645)]
    [InlineData("30313233343536373839616263646566", 5467490433528156583)]
    [InlineData("30313233343536373839616263646566fffe", 7784958258824456739)]
    [InlineData("00000001", -4069959284402364209)]
    [InlineData("0001610000040000000700", -2133588921541103912)]
    [InlineData("c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8", -3555804258049571904)]
    [InlineData("c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8c8", 4270767655337994019)]
    public void A_token_is_the_one_that_drivers_compute(string key, long token) =>
        Assert.Equal(token, Murmur3Token.Of(Convert.FromHexString(key)));

    [Fact]
    public void A_composite_key_is_its_values_with_lengths_and_comes_apart_again()
    {
        var key = Murmur3Token.SerializeKey([Encoding.UTF8.GetBytes("a"), CqlBytes.Of(7)]);
        Assert.Equal("0001610000040000000700", Convert.ToHexStringLower(key));
        var values = new ReadOnlyMemory<byte>[2];
        Assert.True(Murmur3Token.TryParseKey(key, values));
        Assert.Equal("a", CqlBytes.ToText(values[0].Span));
        Assert.Equal(7, CqlBytes.ToInt(values[1].Span));
        Assert.False(Murmur3Token.TryParseKey(key.AsMemory(0, 5), values));
    }

    [Fact]
    public void Routing_hashes_order_as_tokens_do()
    {
        long[] tokens = [long.MinValue, -5, -1, 0, 1, long.MaxValue];
        Assert.Equal(tokens, tokens.OrderBy(Murmur3Token.ToRoutingHash));
        Assert.Equal(tokens, tokens.Select(token => Murmur3Token.FromRoutingHash(Murmur3Token.ToRoutingHash(token))));
    }
}
