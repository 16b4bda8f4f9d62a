using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class CqlTypeTests
{
    [Fact]
    public void A_type_says_frozen_where_a_definition_must()
    {
        var inner = new ListType(CqlTypes.Int, true);
        Assert.Equal("map<text, frozen<list<int>>>", new MapType(CqlTypes.Text, inner, false).ToString());
        Assert.Equal("frozen<tuple<int, text>>", new TupleType([CqlTypes.Int, CqlTypes.Text]).ToString());
        Assert.Equal("frozen<\"Point\">", new UserType("ks", "Point", [new UserTypeField("x", CqlTypes.Int)], true).ToString());
    }

    [Fact]
    public void Types_are_equal_when_their_parts_are()
    {
        Assert.Equal(new TupleType([CqlTypes.Int]), new TupleType([CqlTypes.Int]));
        Assert.NotEqual(new TupleType([CqlTypes.Int]), new TupleType([CqlTypes.Text]));
        var point = new UserType("ks", "point", [new UserTypeField("x", CqlTypes.Int)], false);
        Assert.Equal(point, point with { Fields = [new UserTypeField("x", CqlTypes.Int)] });
        Assert.NotEqual<CqlType>(point, point.Freeze());
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("with_1", "with_1")]
    [InlineData("Upper", "\"Upper\"")]
    [InlineData("1st", "\"1st\"")]
    [InlineData("select", "\"select\"")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("", "\"\"")]
    public void A_name_is_quoted_only_where_it_must_be(string name, string quoted) => Assert.Equal(quoted, CqlNames.Quote(name));
}
