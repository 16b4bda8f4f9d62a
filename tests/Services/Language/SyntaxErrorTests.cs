using System.Diagnostics;
using Atoll.Foundation;
using Atoll.Services.Tables.Language;
using Xunit;

namespace Atoll.Services.Tests.Language;

/// <summary>What is not CQL is refused with the place, in Cassandra's words where it has some, and in linear time.</summary>
public sealed class SyntaxErrorTests
{
    [Theory]
    [InlineData("", "line 1:0 no viable alternative at input '<EOF>' ([<EOF>])")]
    [InlineData("SELEC * FROM t", "line 1:0 no viable alternative at input 'SELEC' ([SELEC]...)")]
    [InlineData("SELECT * form t", "line 1:9 mismatched input 'form' expecting FROM (SELECT * [form]...)")]
    [InlineData("SELECT *\nFROM t\n  WHERE", "line 3:7 no viable alternative at input '<EOF>' (SELECT * FROM t   WHERE[<EOF>])")]
    [InlineData("SELECT FROM t", "line 1:7 no viable alternative at input 'FROM' (SELECT [FROM]...)")]
    [InlineData("SELECT * FROM t x", "line 1:16 mismatched input 'x' expecting EOF (SELECT * FROM t [x])")]
    [InlineData("SELECT * FROM t; SELECT * FROM t", "line 1:17 mismatched input 'SELECT' expecting EOF (SELECT * FROM t; [SELECT]...)")]
    [InlineData("SELECT a b FROM t", "line 1:9 mismatched input 'b' expecting FROM (SELECT a [b]...)")]
    [InlineData("SELECT * FROM t WHERE a = b", "line 1:26 no viable alternative at input 'b' (SELECT * FROM t WHERE a = [b])")]
    [InlineData("SELECT * FROM t WHERE a = 'x", "line 1:28 mismatched character '<EOF>' expecting '''")]
    [InlineData("SELECT * FROM t WHERE a = $$x$", "line 1:30 mismatched character '<EOF>' expecting '$$'")]
    [InlineData("SELECT * FROM \"t", "line 1:16 mismatched character '<EOF>' expecting '\"'")]
    [InlineData("SELECT /* a", "line 1:7 a comment begins with /* and never ends")]
    [InlineData("SELECT # FROM t", "line 1:7 no viable alternative at character '#'")]
    [InlineData("SELECT \ud83d\ude00 FROM t", "line 1:7 no viable alternative at character '\ud83d\ude00'")]
    [InlineData("SELECT * FROM t LIMIT 'x'", "line 1:22 no viable alternative at input ''x'' (SELECT * FROM t LIMIT ['x'])")]
    [InlineData("SELECT * FROM ?", "line 1:14 Bind variables cannot be used for table names")]
    [InlineData("USE ?", "line 1:4 Bind variables cannot be used for keyspace names")]
    [InlineData("INSERT INTO t (a) VALUES (1", "line 1:27 mismatched input '<EOF>' expecting ')' (INSERT INTO t (a) VALUES (1[<EOF>])")]
    [InlineData("INSERT INTO t (\"\", a b) VALUES (1)", "line 1:21 mismatched input 'b' expecting ')' (INSERT INTO t (\"\", a [b]...)")]
    [InlineData("UPDATE t SET a = 1, a = 2 WHERE k = 1", "line 1:20 Multiple incompatible setting of column a")]
    [InlineData("UPDATE t SET a[1] = 1, a = 2 WHERE k = 1", "line 1:23 Multiple incompatible setting of column a")]
    [InlineData("UPDATE t SET a = b + 1 WHERE k = 1", "line 1:17 Only expressions of the form X = X + <value> are supported.")]
    [InlineData("UPDATE t SET a = b - 1 WHERE k = 1", "line 1:17 Only expressions of the form X = X - <value> are supported.")]
    [InlineData("UPDATE t SET a = [1] + b WHERE k = 1", "line 1:23 Only expressions of the form X = <value> + X are supported.")]
    [InlineData("UPDATE t SET a = 1", "line 1:18 mismatched input '<EOF>' expecting WHERE (UPDATE t SET a = 1[<EOF>])")]
    [InlineData("DELETE FROM t USING TTL 5 WHERE k = 1",
        "line 1:20 mismatched input 'TTL' expecting TIMESTAMP (DELETE FROM t USING [TTL]...)")]
    [InlineData("INSERT INTO t (a) VALUES (1) USING TTL 5 AND TTL 6",
        "line 1:45 mismatched input 'TTL' expecting TIMESTAMP (... (a) VALUES (1) USING TTL 5 AND [TTL]...)")]
    [InlineData("UPDATE t USING TIMESTAMP ? AND TIMESTAMP ? SET a = 1 WHERE k = 1",
        "line 1:31 no viable alternative at input 'TIMESTAMP' (UPDATE t USING TIMESTAMP ? AND [TIMESTAMP]...)")]
    [InlineData("BEGIN BATCH SELECT * FROM t APPLY BATCH", "line 1:12 no viable alternative at input 'SELECT' (BEGIN BATCH [SELECT]...)")]
    [InlineData("CREATE KEYSPACE k WITH a = 1 AND a = 2", "line 1:33 Multiple definition for property 'a'")]
    [InlineData("CREATE KEYSPACE k WITH a = {'b': 1, 'b': 2}", "line 1:36 Multiple definition for property b")]
    [InlineData(
        "CREATE KEYSPACE k WITH a = {'b': ?}",
        "line 1:28 Invalid property value: ? for property: 'b' (bind variables are not supported in DDL queries)")]
    [InlineData("CREATE TABLE t (a int PRIMARY KEY, PRIMARY KEY (a))",
        "line 1:35 Multiple PRIMARY KEYs specified for table 't' (exactly one required)")]
    [InlineData("CREATE TYPE byte (a int)", "line 1:12 Invalid (reserved) user type name byte")]
    [InlineData("CREATE ROLE r WITH PASSWORD = 'a' AND PASSWORD = 'b'", "line 1:38 Multiple definition for property 'password'")]
    [InlineData("CREATE ROLE r WITH PASSWORD = 'a' AND HASHED PASSWORD = 'b'",
        "line 1:38 Options 'password' and 'hashed password' are mutually exclusive")]
    [InlineData("CREATE THING t", "line 1:7 no viable alternative at input 'THING' (CREATE [THING]...)")]
    [InlineData("DROP t", "line 1:5 no viable alternative at input 't' (DROP [t])")]
    public void An_error_says_where_and_what(string query, string expected) =>
        Assert.Equal(expected, Assert.Throws<CqlSyntaxException>(() => CqlParser.Parse(query)).Message);

    [Fact]
    public void An_error_shows_a_bounded_part_of_a_long_query()
    {
        var query = $"SELECT * FROM t WHERE a = '{new string('x', 10_000)}' '{new string('y', 10_000)}'";
        var error = Assert.Throws<CqlSyntaxException>(() => CqlParser.Parse(query));
        Assert.Equal((1, 10_029), (error.Line, error.Column));
        Assert.InRange(error.Message.Length, 50, 300);
    }

    public static TheoryData<string, string, string> DeepNests => new()
    {
        { "SELECT * FROM t WHERE a = ", "(", "" },
        { "SELECT * FROM t WHERE a = ", "[", "" },
        { "SELECT * FROM t WHERE a = ", "{", "" },
        { "SELECT * FROM t WHERE a = ", "{1:", "" },
        { "SELECT * FROM t WHERE a = ", "{a:", "" },
        { "SELECT * FROM t WHERE a = ", "f(", "" },
        { "SELECT * FROM t WHERE a = ", "cast(", "" },
        { "SELECT * FROM t WHERE a = ", "(int)", "1" },
        { "SELECT * FROM t WHERE a = ", "- ", "1" },
        { "SELECT * FROM t WHERE a = 1", "+ 1", "" },
        { "SELECT * FROM t WHERE a = 1", "* 1", "" },
        { "SELECT * FROM t WHERE a = 1", " -1", "" },
        { "SELECT * FROM t WHERE ", "(", "" },
        { "SELECT ", "(", "" },
        { "SELECT ", "- ", "" },
        { "SELECT a", ".a", " FROM t" },
        { "SELECT a", "[1]", " FROM t" },
        { "SELECT ttl(a", "[1]", ") FROM t" },
        { "SELECT ", "f(", "" },
        { "CREATE TYPE t (a ", "list<", "" },
        { "CREATE TYPE t (a ", "tuple<int, ", "" },
        { "CREATE TABLE t (a ", "map<int, frozen<", "" },
    };

    [Theory]
    [MemberData(nameof(DeepNests))]
    public void Nesting_is_bounded_and_never_overflows_the_stack(string before, string nest, string after)
    {
        var query = before + string.Concat(Enumerable.Repeat(nest, 100_000)) + after;
        CqlSyntaxException? error = null;
        var thread = new Thread(() => error = Assert.Throws<CqlSyntaxException>(() => CqlParser.Parse(query)), 512 * 1024);
        thread.Start();
        thread.Join();
        Assert.Matches("nested more than 100 levels deep|more than 250 operators in a term", error?.Message);
    }

    [Fact]
    public void What_is_just_deep_enough_can_be_parsed_and_walked_on_a_small_stack()
    {
        var deep = string.Concat(Enumerable.Repeat("[", Limits.CqlNestingMax - 1)) + "1"
            + string.Concat(Enumerable.Repeat("+ 1", Limits.CqlOperatorsMax)) + new string(']', Limits.CqlNestingMax - 1);
        var isSame = false;
        var thread = new Thread(
            () =>
            {
                var tree = CqlParser.ParseTerm(deep);
                isSame = CqlParser.ParseTerm(tree.ToString()) == tree && tree.GetHashCode() == tree.GetHashCode();
            },
            512 * 1024);
        thread.Start();
        thread.Join();
        Assert.True(isSame);
    }

    public static TheoryData<string, string, string> LongTexts => new()
    {
        { "SELECT ", "a, ", "a FROM t" },
        { "SELECT ", "json, ", "a FROM t" },
        { "SELECT ", "(a), ", "a FROM t" },
        { "SELECT * FROM t WHERE ", "a = 1 AND ", "a = 1" },
        { "SELECT * FROM t WHERE a IN (", "(int) 1, ", "1)" },
        { "SELECT * FROM t WHERE a IN (", "1h30m2s, ", "1)" },
        { "SELECT * FROM t WHERE a IN (", "P1Y, ", "1)" },
        { "INSERT INTO t (a) VALUES ('", "''", "')" },
        { "INSERT INTO t (a) VALUES (", "1", ")" },
        { "INSERT INTO t (a) VALUES (", "1h", ")" },
        { "INSERT INTO t (a) VALUES (0x", "0", ")" },
        { "UPDATE t SET ", "a[1] = 1, ", "a[2] = 2 WHERE k = 1" },
        { "BEGIN BATCH ", "DELETE FROM t WHERE k = 1 ", "APPLY BATCH" },
        { "SELECT * FROM t", ";", "" },
        { "SELECT * FROM t", "/* */", "" },
        { "SELECT * FROM t", "--\n", "" },
        { "CREATE TABLE t (a int", ",", ", b int)" },
        { "CREATE TYPE t (", "a int, ", "b int)" },
    };

    [Theory]
    [MemberData(nameof(LongTexts))]
    public void Time_is_linear_in_the_text(string before, string piece, string after)
    {
        // What is quadratic takes a hundred times as long for ten times the text: bounds far apart, for a busy machine.
        Parse(1_000);
        var once = Stopwatch.StartNew();
        Parse(20_000);
        var small = once.Elapsed;
        once.Restart();
        Parse(200_000);
        Assert.InRange(once.Elapsed, TimeSpan.Zero, (small * 50) + TimeSpan.FromSeconds(2));

        void Parse(int pieces) => CqlParser.Parse(before + string.Concat(Enumerable.Repeat(piece, pieces)) + after);
    }

    [Fact]
    public void A_query_and_its_markers_are_bounded()
    {
        Assert.Throws<CqlSyntaxException>(() => CqlParser.Parse(new string(' ', Limits.CqlQueryCharactersMax + 1)));
        var markers = string.Concat(Enumerable.Repeat("?, ", Limits.CqlMarkersMax - 1));
        Assert.Equal(Limits.CqlMarkersMax, CqlParser.Parse($"SELECT * FROM t WHERE a IN ({markers}?)").Markers.Count);
        var error = Assert.Throws<CqlSyntaxException>(() => CqlParser.Parse($"SELECT * FROM t WHERE a IN ({markers}?, ?)"));
        Assert.Contains("more than 65535 bind markers", error.Message, StringComparison.Ordinal);
    }
}
